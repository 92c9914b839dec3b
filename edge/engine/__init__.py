"""TFLite runtimes and delegates: from a model's bytes to results.

What names a delegate, and tells what it computes, loads no runtime and stands here.
"""

from edge.engine.delegate import (
    AUTO,
    DEFAULT,
    LIBRARIES,
    NONE,
    OF_THE_RUNTIME,
    Delegate,
    EngineOptions,
    label_of,
)
from edge.engine.delegation import Delegation, by_part, check_delegate_is_used
from edge.engine.watchdog import Watchdog, default_timeout_s, report_hang

__all__ = [
    "AUTO", "DEFAULT", "LIBRARIES", "NONE", "OF_THE_RUNTIME", "Delegate", "Delegation", "EngineOptions",
    "Watchdog", "by_part", "check_delegate_is_used", "default_timeout_s", "label_of", "report_hang",
]  # fmt: skip
