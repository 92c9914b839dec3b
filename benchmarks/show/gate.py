"""The checks of a gate as a person reads them."""

from collections.abc import Iterator, Sequence

from edge_benchmarks.judge.checks import FAIL, INCONCLUSIVE, Check, outcome
from edge_common.console import text_table

_HEADER = ("figure", "baseline", "new", "change", "allowed", "outcome")


def checks_table(checks: Sequence[Check], strict: bool) -> str:
    """One check a row, the reasons of all but plain passes, and the outcome in one line."""
    rows = [(c.figure, c.before, c.after, c.change, c.allowed, c.outcome) for c in checks]
    reasons = "\n".join(f"{c.figure}: {c.reason}" for c in checks if c.reason)
    table = text_table(_HEADER, rows)
    return "\n\n".join(filter(None, [table, reasons, "\n".join(_ending(checks, strict))]))


def _ending(checks: Sequence[Check], strict: bool) -> Iterator[str]:
    failed, unknown = (
        ", ".join(c.figure for c in checks if c.outcome == kind) for kind in (FAIL, INCONCLUSIVE)
    )
    if unknown:
        yield f"warning: inconclusive: {unknown}"
    if failed:
        yield f"gate failed: {failed}"
    elif outcome(checks, strict) == FAIL:
        yield "gate failed: --strict lets nothing inconclusive pass"
    else:
        yield "gate passed"
