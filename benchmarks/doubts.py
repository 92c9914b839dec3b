"""What makes the figures of a record doubtful, and what to do about it."""

from collections.abc import Iterator

from benchmarks.record import Measurement, Record
from benchmarks.statistics import CHECKS, Evidence
from benchmarks.timer import TimerCheck


def doubts(record: Record) -> Iterator[str]:
    """One sentence for each doubt; none for a clean run."""
    partly = {found.fallback for found in record.delegation.values() if found.failed_at}
    for reason in record.left_out:
        since = "from then on " if reason in partly else ""
        yield f"{reason}; {since}the figures are those of a run without it"
    for part, count in record.streamed.invocations.items():
        if count != 1:
            yield f"the {part} ran {count:g} times a frame; exactly once was promised"
    known = {found.name: evidence(found, record.timer) for found in record.measurements}
    for check in CHECKS:
        failed = {name: check.share(of) for name, of in known.items() if check.fails(of)}
        if failed:
            listed = ", ".join(f"{name} {share:.0%}" for name, share in failed.items())
            yield f"unstable, {check.reason}: {listed}; {check.next_step}"


def evidence(found: Measurement, timer: TimerCheck | None) -> Evidence:
    """What a record tells of how one contender was measured."""
    outliers = found.outliers.share if found.outliers else 0.0
    clock = timer.share_of(found.total_ms.min) if timer and found.total_ms else 0.0
    return Evidence(found.round_p50_ms, _waiting(found), outliers, clock)


def _waiting(found: Measurement) -> float:
    if found.total_ms is None or found.cpu_ms is None or not found.invokes_ms:
        return 0.0  # Keras waits for threads of its own
    if found.waits:
        return 0.0  # for an accelerator, or to play a slower board
    return 1.0 - found.cpu_ms.mean / found.total_ms.mean
