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
from edge.engine.delegation import (
    BUILT_IN,
    Delegation,
    by_part,
    check_delegate_is_used,
    nodes_of,
    operator_assignment,
)
from edge.engine.watchdog import Watchdog, default_timeout_s, guard, report_hang

__all__ = [
    "AUTO", "BUILT_IN", "DEFAULT", "LIBRARIES", "NONE", "OF_THE_RUNTIME", "Delegate", "Delegation",
    "EngineOptions", "Watchdog", "by_part", "check_delegate_is_used", "default_timeout_s", "guard",
    "label_of", "nodes_of", "operator_assignment", "report_hang",
]  # fmt: skip
