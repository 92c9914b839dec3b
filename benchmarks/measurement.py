"""From the timings of a trial to the figures of a record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from benchmarks.contenders import Contender
from benchmarks.doubts import evidence
from benchmarks.record import Measurement, Streaming
from benchmarks.statistics import (
    Summary,
    judge,
    median,
    percentile_estimates,
    summarise,
    tukey_outliers,
)
from benchmarks.timer import TimerCheck
from benchmarks.timing import FrameTiming, Trial

_DIGITS = 5  # of milliseconds: 10 ns


def timed(contender: Contender, trial: Trial, timer: TimerCheck) -> Measurement:
    """All latencies of a contender that was measured with this timer."""
    timings = trial.timings
    has_engines = bool(timings[0].invokes_ms)
    frames_ms = [t.total_ms for t in timings]
    found = Measurement(
        contender.name,
        total_ms=summarise(frames_ms),
        cpu_ms=summarise([t.cpu_ms for t in timings]),
        stages_ms=_by_name(timings, lambda t: t.stages_ms),
        invokes_ms=_by_name(timings, lambda t: t.invokes_ms),
        overhead_ms=summarise([t.overhead_ms for t in timings]) if has_engines else None,
        invocations={
            part: sum(t.invocations[part] for t in timings) / len(timings)
            for part in timings[0].invocations
        },
        round_p50_ms=tuple(median([t.total_ms for t in taken]) for taken in trial.rounds),
        size_bytes=contender.size_bytes,
        frames_ms=tuple(round(ms, _DIGITS) for ms in frames_ms),
        round_frames=tuple(map(len, trial.rounds)),
        percentiles=percentile_estimates(frames_ms),
        outliers=tukey_outliers(frames_ms),
        waits=contender.waits,
    )
    return replace(found, verdict=str(judge(evidence(found, timer))))


def streaming(window: int, streamed: Measurement, rerun: Measurement | None) -> Streaming | None:
    """What keeping features can win and does win; None for a network that is not cut."""
    if "encoder" not in streamed.invokes_ms:
        return None
    stages = {name: summary.p50 for name, summary in streamed.stages_ms.items()}
    ceiling = streaming_ceiling(window, stages["preprocess"] + stages["encoder"], stages["head"])
    achieved = ratio(rerun, streamed) if rerun else None
    return Streaming(ceiling, achieved)


def streaming_ceiling(window: int, per_frame_ms: float, per_window_ms: float) -> float:
    """Cost of re-running all frames of a window over the cost of only the newest.

    per_frame_ms: what each frame passes alone (preprocessing and encoder).
    per_window_ms: what runs once a decision (head). Never above `window`.
    """
    return (window * per_frame_ms + per_window_ms) / (per_frame_ms + per_window_ms)


def ratio(slower: Measurement, streamed: Measurement) -> float | None:
    """How many times longer a frame takes, median against median."""
    if slower.total_ms is None or streamed.total_ms is None:
        return None
    return slower.total_ms.p50 / streamed.total_ms.p50


def _by_name(
    timings: Sequence[FrameTiming], of: Callable[[FrameTiming], Mapping[str, float]]
) -> dict[str, Summary]:
    return {name: summarise([of(t)[name] for t in timings]) for name in of(timings[0])}
