"""Whether frames take longer than allowed."""

from benchmarks.compare import Comparison
from benchmarks.comparison.two_records import compare_times
from benchmarks.gate.check import FAIL, INCONCLUSIVE, PASS, Check
from benchmarks.record import Record

FIGURE = "frame time"


def check_frame_time(
    files: tuple[str, str], baseline: Record, new: Record, allowance: float
) -> Check:
    """allowance: by which share a frame may take longer."""
    found, allowed = compare_times(files, baseline, new), f"+{100 * allowance:g} %"
    if not isinstance(found, Comparison):
        return Check(FIGURE, "", "", "", allowed, INCONCLUSIVE, found)
    low, high = found.interval
    change = f"{_percent(found.ratio)} ({_percent(low)} to {_percent(high)})"
    times = (f"{min(record.process_floors_ms):.3f} ms" for record in (baseline, new))
    return Check(FIGURE, *times, change, allowed, *judge(found, allowance))


def judge(found: Comparison, allowance: float) -> tuple[str, str]:
    """Outcome and its reason.

    Fails where a slow-down is certain (95 %) and its estimate above the allowance: a
    certain one whose estimate is within is allowed, though its interval reaches further.
    Inconclusive where the interval holds both no slow-down and one that is not allowed.
    """
    low, high = found.interval
    if low > 1:
        if found.ratio > 1 + allowance:
            return FAIL, "slower at 95 %, by more than is allowed"
        return PASS, "slower at 95 %, by no more than is allowed"
    if high > 1 + allowance:
        return INCONCLUSIVE, (
            "the interval holds both no difference and more than is allowed: "
            "measure both again with more --processes, on a quieter machine"
        )
    return PASS, ""


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
