"""From a bundle to its facts, in seconds."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edge.bundle.archive import Bundle
from edge.bundle.plain_tflite import open_any
from edge.check.clips import read_clips
from edge.check.evaluate import check_labels, stream_outputs
from edge.check.self_test import SURE_MARGIN, margin, replay, self_test
from edge.engine import runtimes
from edge.engine.kernels import left_to_other_kernels
from edge.stream.stream import EngineOptions, Stream
from edge.tflite import flatbuffer
from edge_benchmarks.inside.instructions import count_parts
from edge_benchmarks.judge.facts import FACTS_SCHEMA, UNSURE, Facts, GoldenFacts
from edge_benchmarks.measure.frames import golden_or_black
from edge_benchmarks.measure.subjects import StreamSubject
from edge_benchmarks.record.record import TaskFigure
from edge_benchmarks.run.accuracy import figures, unmeasured
from edge_benchmarks.run.measurement import describe
from edge_common.console import Progress
from edge_common.errors import EngineError, SelfTestFailed
from edge_devices.emulation.counting import InstructionCounter


def gather(
    name: str,
    options: EngineOptions,
    data: Path | None,
    progress: Progress,
    counters: Sequence[InstructionCounter] = (),
) -> Facts:
    """The facts of the bundle, shipped name or plain .tflite `name`; accuracy on clips `data`.

    counters: of the boards for which instructions are counted.

    Raises BundleError, EngineError or ClipError.
    """
    progress.say("opening the bundle")
    bundle = open_any(name, runtime=options.runtime)
    runtime = runtimes.load(options.runtime)
    progress.say("reading the graphs, streaming the golden frames")
    answered, source = _declared(bundle)
    if data is not None:
        answered, source = _answered(bundle, options, data, progress), data.name
    return Facts(
        FACTS_SCHEMA,
        describe(name, bundle),
        runtime.name,
        runtime.version,
        _of_parts(bundle, lambda model: flatbuffer.cost(model).ops),
        _of_parts(bundle, left_to_other_kernels),
        _invocations(bundle, options),
        answered,
        source,
        measured=data is not None,
        golden=_golden(bundle, options),
        instructions=count_parts(bundle, counters, progress) if counters else {},
    )


def _of_parts(
    bundle: Bundle, count: Callable[[bytes], dict[str, int]]
) -> dict[str, dict[str, int]] | None:
    """Counted in each part's graph; None where there is no LiteRT to tell."""
    try:
        return {p.role: count(bundle.members[p.file]) for p in bundle.manifest.parts}
    except EngineError:
        return None


def _invocations(bundle: Bundle, options: EngineOptions) -> dict[str, float]:
    """Of each part for one decided frame, mean."""
    subject = StreamSubject(Stream(bundle, options))
    stepped = [subject.step(np.ascontiguousarray(f[..., ::-1])) for f in golden_or_black(bundle)]
    decided = [timing for timing in stepped if timing is not None]
    counted: Counter[str] = Counter()
    for timing in decided:
        counted.update(timing.invocations)
    return {role: count / len(decided) for role, count in counted.items()}


def _declared(bundle: Bundle) -> tuple[tuple[TaskFigure, ...], str]:
    """What the bundle says was measured when it was made, and on which data."""
    said = {a.task: a for a in bundle.manifest.accuracy if a.graph == "streamed"}
    tasks = unmeasured(bundle.manifest.tasks)
    found = tuple(
        TaskFigure(f.task, said[f.task].metric, said[f.task].value, said[f.task].n, unit=f.unit)
        if f.task in said
        else f
        for f in tasks
    )
    return found, ", ".join(dict.fromkeys(a.data for a in said.values()))


def _answered(
    bundle: Bundle, options: EngineOptions, data: Path, progress: Progress
) -> tuple[TaskFigure, ...]:
    manifest = bundle.manifest
    clips = read_clips(data, manifest.window, (manifest.input.width, manifest.input.height))
    check_labels(manifest.tasks, clips)
    with progress.count("answering, clips", len(clips)) as on_clip:
        outputs = stream_outputs(bundle, clips.windows, options, on_clip)
    return figures(manifest.tasks, outputs, clips)


def _golden(bundle: Bundle, options: EngineOptions) -> GoldenFacts | None:
    if not bundle.golden:
        return None
    frames = bundle.golden["frames"]
    outputs = replay(bundle, frames, options)
    classes = [t.name for t in bundle.manifest.tasks if t.kind == "classification"]
    try:
        self_test(bundle, options)
        failure = ""
    except SelfTestFailed as error:
        failure = str(error)
    return GoldenFacts(
        hashlib.sha256(np.ascontiguousarray(frames).data).hexdigest(),
        not failure,
        failure,
        {task: _decided(outputs[task]) for task in classes},
    )


def _decided(scores: np.ndarray) -> tuple[int, ...]:
    """The label of each decision (n, k), where it is sure."""
    return tuple(
        int(label) if sure else UNSURE
        for label, sure in zip(scores.argmax(1), margin(scores) >= SURE_MARGIN)
    )
