"""One figure judged against its baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"


@dataclass(frozen=True)
class Check:
    """outcome: pass, fail or inconclusive.  allowed: the limit, in words."""

    figure: str
    before: str
    after: str
    change: str
    allowed: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class Allowances:
    """What may get worse.

    slower, larger, more_instructions: as shares.  drop: of accuracy, in points of 100.
    """

    slower: float = 0.05
    larger: float = 0.01
    drop: float = 0.5
    more_instructions: float = 0.01


def outcome(checks: Sequence[Check], strict: bool = False) -> str:
    """Of all checks: one failure fails; what is inconclusive fails where `strict`."""
    found = {check.outcome for check in checks}
    if FAIL in found or (strict and INCONCLUSIVE in found):
        return FAIL
    return INCONCLUSIVE if INCONCLUSIVE in found else PASS
