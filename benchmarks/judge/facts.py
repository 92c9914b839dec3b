"""The facts of a bundle: the typed form of `NAME.facts.json`."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle, plain_tflite
from edge.check import clips, evaluate, self_test
from edge.engine import engine, runtimes
from edge.stream import Stream, StreamOptions, from_stored, golden_inputs
from edge.tasks import Task, kind_of
from edge.tflite import flatbuffer
from edge_benchmarks import cells, prediction
from edge_benchmarks.measure import conditions, subjects
from edge_benchmarks.record import BundleRecord, Record, TaskFigure
from edge_benchmarks.run.measurement import describe, figures, unmeasured
from edge_common import (
    ConfigError,
    EngineError,
    SelfTestFailed,
    console,
    decode,
    encode,
    write_whole,
)
from edge_devices.emulation.counting import InstructionCounter

FACTS_SCHEMA = 1
UNSURE = -1  # a decision that other instruction sets may round to another label


@dataclass(frozen=True)
class GoldenFacts:
    """What the bundle decides on its own golden frames.

    passed: whether that is what was decided when it was made; failure: what is not.
    decisions: of each classification the index of each label, -1 if it leads by little.
    """

    frames_sha256: str
    passed: bool
    failure: str = ""
    decisions: dict[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What needs no clock. No date stands in it: the same bundle gives the same file.

    operators: how often each stands in the graph, by the parts' roles.
    left_to_other_kernels: those that XNNPACK does not take. None: not found out.
    invocations: of each part for one frame, counted over streamed frames.
    accuracy: measured on `data`, or if `measured` is False as the bundle itself says.
    golden: None if the bundle holds no golden frames.
    instructions: of one inference, by emulated board and the parts' roles; empty: not counted.
    """

    facts_schema: int
    bundle: BundleRecord
    runtime: str
    runtime_version: str
    operators: dict[str, dict[str, int]] | None = None
    left_to_other_kernels: dict[str, dict[str, int]] | None = None
    invocations: dict[str, float] = field(default_factory=dict)
    accuracy: tuple[TaskFigure, ...] = ()
    data: str = ""
    measured: bool = False
    golden: GoldenFacts | None = None
    instructions: prediction.Instructions = field(default_factory=dict)


def facts_of(record: Record) -> Facts:
    """What a record of edge-bench holds of them."""
    return Facts(
        FACTS_SCHEMA,
        record.bundle,
        record.setup.runtime,
        record.setup.runtime_version,
        invocations=record.streamed.invocations,
        accuracy=record.streamed.accuracy,
        data=record.data,
        measured=True,
        instructions=record.instructions,
    )


def facts_to_json(facts: Facts) -> str:
    """The facts as the text of a file."""
    return json.dumps(encode(facts), indent=1, allow_nan=False) + "\n"


def facts_from_fields(fields: dict[str, Any], name: str) -> Facts:
    """Raises ConfigError if they are of another version, or none."""
    schema = fields.get("facts_schema")
    if schema != FACTS_SCHEMA:
        raise ConfigError(
            f"{name} has facts version {schema}, this edge-bench reads {FACTS_SCHEMA}: "
            "make it again with edge-bench facts"
        )
    try:
        return decode(Facts, fields)
    except ValueError as error:
        raise ConfigError(
            f"{name} holds no facts of a bundle ({error}): make it again with edge-bench facts"
        ) from error


def write_facts(path: Path, facts: Facts) -> None:
    """Write under the final name only when whole. Raises SinkError if it cannot."""
    write_whole(path, facts_to_json(facts).encode())


def gather(
    name: str,
    options: StreamOptions,
    data: Path | None,
    progress: console.Progress,
    counters: Sequence[InstructionCounter] = (),
) -> Facts:
    """The facts of the bundle, shipped name or plain .tflite `name`; accuracy on clips `data`.

    counters: of the boards for which instructions are counted.

    Raises BundleError, EngineError or ClipError.
    """
    progress.say("opening the bundle")
    bundle = plain_tflite.open_any(name, runtime=options.runtime)
    options = options.with_inputs(golden_inputs(bundle))
    runtime = runtimes.load(options.runtime)
    progress.say("reading the graphs, streaming the golden frames")
    accuracy, data_name = _declared_accuracy(bundle)
    if data is not None:
        accuracy, data_name = _measured_accuracy(bundle, options, data, progress), data.name
    return Facts(
        FACTS_SCHEMA,
        describe(name, bundle),
        runtime.name,
        runtime.version,
        _of_parts(bundle, lambda model: flatbuffer.cost(model).ops),
        _of_parts(bundle, engine.left_to_other_kernels),
        _invocations(bundle, options),
        accuracy,
        data_name,
        measured=data is not None,
        golden=_golden(bundle, options),
        instructions=prediction.count_parts(bundle, counters, progress) if counters else {},
    )


def _of_parts(
    bundle: Bundle, count: Callable[[bytes], dict[str, int]]
) -> dict[str, dict[str, int]] | None:
    """Counted in each part's graph; None if there is no LiteRT to tell."""
    try:
        return {p.role: count(bundle.members[p.file]) for p in bundle.manifest.parts}
    except EngineError:
        return None


def _invocations(bundle: Bundle, options: StreamOptions) -> dict[str, float]:
    """Of each part for one decided frame, mean."""
    subject = subjects.StreamSubject(Stream(bundle, options))
    spec, frames = bundle.manifest.input, conditions.golden_or_black(bundle)
    steps = [subject.step(from_stored(frame, spec)) for frame in frames]
    timings = [timing for timing in steps if timing is not None]
    invocations: Counter[str] = Counter()
    for timing in timings:
        invocations.update(timing.invocations)
    return {role: count / len(timings) for role, count in invocations.items()}


def _declared_accuracy(bundle: Bundle) -> tuple[tuple[TaskFigure, ...], str]:
    """What the bundle says was measured when it was made, and on which data."""
    declared = {a.task: a for a in bundle.manifest.accuracy if a.graph == "streamed"}
    tasks = unmeasured(bundle.manifest.tasks)
    figures_of_tasks = tuple(
        TaskFigure(
            f.task, declared[f.task].metric, declared[f.task].value, declared[f.task].n, unit=f.unit
        )
        if f.task in declared
        else f
        for f in tasks
    )
    return figures_of_tasks, ", ".join(dict.fromkeys(a.data for a in declared.values()))


def _measured_accuracy(
    bundle: Bundle, options: StreamOptions, data: Path, progress: console.Progress
) -> tuple[TaskFigure, ...]:
    manifest = bundle.manifest
    labelled = clips.read_clips_for(data, manifest.clip_frames, manifest.input, manifest.inputs)
    labelled = evaluate.check_labels(manifest.tasks, labelled)
    with progress.count("answering, labelled", len(labelled)) as on_clip:
        outputs = evaluate.stream_outputs(bundle, labelled.windows, options, on_clip)
    return figures(manifest.tasks, outputs, labelled)


def _golden(bundle: Bundle, options: StreamOptions) -> GoldenFacts | None:
    if not bundle.golden:
        return None
    frames = bundle.golden["frames"]
    outputs = evaluate.replay(bundle, frames, options)
    try:
        self_test.self_test(bundle, options)
        failure = ""
    except SelfTestFailed as error:
        failure = str(error)
    return GoldenFacts(
        hashlib.sha256(np.ascontiguousarray(frames).data).hexdigest(),
        not failure,
        failure,
        {
            t.name: labels
            for t in bundle.manifest.tasks
            if (labels := _sure_labels(t, outputs[t.name]))
        },
    )


def _sure_labels(task: Task, outputs: np.ndarray) -> tuple[int, ...]:
    """The label of each decision (n, k) that is sure; none of a task without labels."""
    kind = kind_of(task)
    margin = kind.margin(outputs)
    if margin is None:
        return ()
    return tuple(
        code if sure else UNSURE
        for code, sure in zip(kind.codes(outputs), margin >= self_test.SURE_MARGIN, strict=True)
    )


def golden_text(golden: GoldenFacts | None) -> str:
    """How the self-test went."""
    if golden is None:
        return cells.NOT_MEASURED
    if not golden.passed:
        return f"other than expected, {golden.failure}"
    labels = [label for task_labels in golden.decisions.values() for label in task_labels]
    return f"as expected, {len(labels) - labels.count(UNSURE)} of {len(labels)} labels sure"
