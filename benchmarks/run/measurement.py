"""From the timings and outputs of a target to the figures of a record, and what speaks against them."""

import hashlib
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge import Bundle, shipped
from edge.bundle import Accuracy, Part
from edge.check.clips import Clips
from edge.check.evaluate import accuracies
from edge.tasks import Task, is_share, kind_of
from edge.tflite import flatbuffer
from edge_benchmarks.measure.timing import SubjectTimings, TimerCheck, series
from edge_benchmarks.record import (
    BundleRecord,
    Measurement,
    PartRecord,
    Record,
    Streaming,
    TaskFigure,
)
from edge_benchmarks.run import baselines
from edge_benchmarks.run.targets import Target
from edge_benchmarks.statistics import (
    CHECKS,
    Evidence,
    Summary,
    Verdict,
    judge,
    median,
    percentile_estimates,
    summarise,
    tukey_outliers,
)
from edge_common import EngineError, console, statistics

_DIGITS = 5  # of milliseconds: 10 ns


def to_measurement(target: Target, trial: SubjectTimings, timer: TimerCheck) -> Measurement:
    """All latencies of a target that was timed with this timer."""
    timings = trial.timings
    decided = [timing for timing in timings if timing.decided] or timings
    has_engines = bool(timings[0].invokes_ms)
    frames_ms = [t.total_ms for t in timings]
    measurement = Measurement(
        target.name,
        total_ms=summarise(frames_ms),
        cpu_ms=summarise([t.cpu_ms for t in timings]),
        stages_ms=_summaries(series(timings, lambda t: t.stages_ms)),
        invokes_ms=_summaries(series(timings, lambda t: t.invokes_ms)),
        overhead_ms=summarise([t.overhead_ms for t in timings]) if has_engines else None,
        invocations={
            part: sum(t.invocations[part] for t in decided) / len(decided)
            for part in decided[0].invocations
        },
        round_p50_ms=tuple(median([t.total_ms for t in each]) for each in trial.rounds),
        size_bytes=target.size_bytes,
        frames_ms=tuple(round(ms, _DIGITS) for ms in frames_ms),
        round_frames=tuple(map(len, trial.rounds)),
        percentiles=percentile_estimates(frames_ms),
        outliers=tukey_outliers(frames_ms),
        waits=target.waits,
    )
    return replace(measurement, verdict=str(judge(evidence(measurement, timer))))


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


def _summaries(series_ms: Mapping[str, Sequence[float]]) -> dict[str, Summary]:
    return {name: summarise(each_ms) for name, each_ms in series_ms.items()}


def describe(name: str, bundle: Bundle) -> BundleRecord:
    """Identity, sizes and costs of a bundle that was opened under `name`."""
    path = Path(name) if shipped.is_plain_tflite(name) else shipped.find_bundle(name)
    file = path.read_bytes()
    manifest = bundle.manifest
    return BundleRecord(
        name=manifest.name,
        sha256=hashlib.sha256(file).hexdigest(),
        size_bytes=len(file),
        streaming=manifest.streaming,
        window=manifest.window,
        parts=tuple(_part(part, bundle.members[part.file]) for part in manifest.parts),
    )


def _part(part: Part, model: bytes) -> PartRecord:
    return PartRecord(
        role=part.role,
        precision=part.precision,
        size_bytes=len(model),
        parameters=part.parameters or _count_in_graph(model, lambda cost: cost.parameters),
        multiply_adds=part.multiply_adds or _count_in_graph(model, lambda cost: cost.multiply_adds),
    )


def _count_in_graph(model: bytes, figure: Callable[[flatbuffer.Cost], int]) -> int | None:
    """What the manifest does not say, counted in the graph; None if nothing can read it."""
    try:
        return figure(flatbuffer.cost(model))
    except EngineError:
        return None


def warnings_of(record: Record) -> Iterator[str]:
    """One sentence for each reason to doubt its figures; none for a clean run."""
    later = {each.fallback for each in record.delegation.values() if each.failed_at}
    for reason in record.left_out:
        since = "from then on " if reason in later else ""
        yield f"{reason}; {since}the figures are those of a run without it"
    for part, count in record.streamed.invocations.items():
        if count != 1:
            yield f"the {part} ran {count:g} times a frame; exactly once was promised"
    by_name = {each.name: evidence(each, record.timer) for each in record.measurements}
    for check in CHECKS:
        failed = {name: check.share(of) for name, of in by_name.items() if check.fails(of)}
        if failed:
            listed = ", ".join(f"{name} {share:.0%}" for name, share in failed.items())
            yield f"unstable, {check.reason}: {listed}; {check.next_step}"


def verdict_of(measurement: Measurement, timer: TimerCheck | None) -> Verdict | None:
    """Whether it can be trusted, judged from its figures; None if it was never judged."""
    return judge(evidence(measurement, timer)) if measurement.verdict else None


def evidence(measurement: Measurement, timer: TimerCheck | None) -> Evidence:
    """What a record tells of how one target was measured."""
    total_ms, outliers = measurement.total_ms, measurement.outliers
    return Evidence(
        measurement.round_p50_ms,
        _waiting(measurement),
        outliers.share if outliers else 0.0,
        timer.share_of(total_ms.min) if timer and total_ms else 0.0,
    )


def _waiting(measurement: Measurement) -> float:
    """Share of a frame's time without a core."""
    total_ms, cpu_ms = measurement.total_ms, measurement.cpu_ms
    if total_ms is None or cpu_ms is None or not measurement.invokes_ms:
        return 0.0  # Keras waits for threads of its own
    if measurement.waits:
        return 0.0  # for an accelerator, or to emulate a slower board
    return 1.0 - cpu_ms.mean / total_ms.mean


_PROJECT = Path(__file__).resolve().parent.parent


def git_revision(project: Path = _PROJECT) -> str:
    """The commit of the checkout, `+` behind it if files differ; empty if there is none."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        if not (project / ".git").exists():  # an installed package in somebody else's checkout
            return ""
        process = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return process.stdout.strip() if process.returncode == 0 else ""


def unmeasured(tasks: Sequence[Task]) -> tuple[TaskFigure, ...]:
    """A figure without a value for each task that could have one."""
    return tuple(
        TaskFigure(task.name, metric.name, unit=task.unit)
        for task in tasks
        if (metric := kind_of(task).metric)
    )


def figures(
    tasks: Sequence[Task], outputs: Mapping[str, np.ndarray], clips: Clips
) -> tuple[TaskFigure, ...]:
    """A figure for each task; without a value if the clips hold no labels for it."""
    by_task = {each.task: each for each in accuracies(tasks, outputs, clips.labels, "", clips.name)}
    return tuple(
        _figure(empty, by_task[empty.task]) if empty.task in by_task else empty
        for empty in unmeasured(tasks)
    )


def _figure(empty: TaskFigure, result: Accuracy) -> TaskFigure:
    interval = None
    if is_share(result.metric):
        interval = statistics.wilson_interval(round(result.value * result.n), result.n)
    return TaskFigure(result.task, result.metric, result.value, result.n, interval, empty.unit)


Outputs = Mapping[str, np.ndarray]  # task -> (n, k) float32


def evaluated(
    measurements: Sequence[Measurement],
    targets: Sequence[Target],
    bundle: Bundle,
    clips: Clips | None,
    progress: console.Progress,
) -> list[Measurement]:
    """The measurements with accuracy and agreement; without values if there are no clips."""
    outputs: dict[str, Outputs] = {}
    if clips is not None:
        outputs = {t.name: _outputs(t, clips, progress) for t in targets if t.outputs is not None}
    exact = next((outputs[t.name] for t in targets if t.exact and t.name in outputs), None)
    return [_evaluated(m, bundle, clips, outputs.get(m.name), exact) for m in measurements]


def _outputs(target: Target, clips: Clips, progress: console.Progress) -> Outputs:
    assert target.outputs is not None
    with progress.count(f"answering, {target.name}, clips", len(clips)) as on_clip:
        return target.outputs(clips.windows, on_clip)


def _evaluated(
    measurement: Measurement,
    bundle: Bundle,
    clips: Clips | None,
    outputs: Outputs | None,
    exact: Outputs | None,
) -> Measurement:
    tasks = bundle.manifest.tasks
    if outputs is None or clips is None:
        return replace(measurement, accuracy=unmeasured(tasks))
    agreement = {}
    if exact is not None and outputs is not exact:
        agreement = baselines.agreement(bundle, exact, outputs)
    return replace(measurement, accuracy=figures(tasks, outputs, clips), agreement=agreement)
