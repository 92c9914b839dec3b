"""What makes the figures of a record doubtful, and what to do about it."""

from collections.abc import Callable, Iterator

from benchmarks.record import Measurement, Record
from benchmarks.statistics import spread

UNSTABLE_SPREAD = 0.10  # of the rounds' medians; above it a difference may be noise
WAITING_SHARE = 0.10  # of a frame's time spent without a core


def doubts(record: Record) -> Iterator[str]:
    """One sentence for each doubt; none for a clean run."""
    for part, count in record.streamed.invocations.items():
        if count != 1:
            yield f"the {part} ran {count:g} times a frame; exactly once was promised"
    waiting = _listed(record, _waiting, WAITING_SHARE)
    if waiting:
        yield (
            f"the machine was busy, of the time of a frame was spent waiting: {waiting}; "
            "long frames wait more, which distorts the ratios: close other programs"
        )
    unstable = _listed(record, lambda found: spread(found.round_p50_ms), UNSTABLE_SPREAD)
    if unstable:
        yield (
            f"unstable, the medians of the rounds lie apart: {unstable}; "
            "close other programs, or measure longer with --seconds"
        )


def _waiting(found: Measurement) -> float:
    if found.total_ms is None or found.cpu_ms is None or not found.invokes_ms:
        return 0.0  # Keras waits for threads of its own
    return 1.0 - found.cpu_ms.mean / found.total_ms.mean


def _listed(record: Record, doubt: Callable[[Measurement], float], limit: float) -> str:
    values = {found.name: doubt(found) for found in record.measurements}
    return ", ".join(f"{name} {value:.0%}" for name, value in values.items() if value > limit)
