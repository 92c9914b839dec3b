"""What the outputs of a third-party .tflite are taken for."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.bundle import NO_TASKS, InputSpec, TensorSpec
from edge.engine.engine import Engine
from edge.tasks import Classification, ClassIndex, Embedding, Regression, Task
from edge.tflite import metadata, tables
from edge_common import BundleError

_ROUNDING = 0.02  # by which probabilities may miss 1; integers do
_TRIALS = 2


@dataclass(frozen=True)
class Reading:
    """The task of each answer, and what of it was assumed.

    positions: of the answers among the outputs.
    undecided: outputs of classes of which the graph does not say what makes their numbers;
    linear: whether the last operator of each is one that ends in logits.
    """

    tasks: tuple[Task, ...]
    words: tuple[str, ...]
    positions: tuple[int, ...] = ()
    undecided: tuple[int, ...] = ()
    linear: tuple[int, ...] = ()


def read(
    path: Path,
    outputs: Sequence[TensorSpec],
    positions: Sequence[int],
    graph: tables.Graph | None,
    data: metadata.Metadata,
    labels: Sequence[str],
) -> Reading:
    """Vectors are classes (one number: a regression); anything of more axes is kept as it is.

    positions: of the outputs that answer.  labels: the user's. Raises BundleError if they fit no
    output, or nothing can be made of these.
    """
    _refuse_others(path, outputs, positions)
    answers = [outputs[i] for i in positions]
    makers = [graph.last_operator(i) if graph else -1 for i in positions]
    tasks = tuple(
        _task(number, tensor, maker, labels or data.labels_of(i, _width(tensor)), bool(labels))
        for number, (i, tensor, maker) in enumerate(zip(positions, answers, makers))
    )
    _check_labels(labels, answers, tasks)
    classes = [i for i, task in enumerate(tasks) if task.kind == Classification.name]
    open_ends = (tables.SOFTMAX, tables.LOGISTIC)
    undecided = tuple(i for i in classes if graph and makers[i] not in open_ends)
    linear = tuple(i for i in undecided if makers[i] in tables.LINEAR)
    words = tuple(_words(tasks, data, labels))
    return Reading(tasks, words, tuple(positions), undecided, linear)


def _refuse_others(path: Path, outputs: Sequence[TensorSpec], positions: Sequence[int]) -> None:
    if not outputs:
        raise BundleError(f"{path} has no output: export it with what it answers")
    for number, tensor in enumerate(outputs):
        if math.prod(tensor.shape) < 1:
            form = list(tensor.shape)
            raise BundleError(
                f"{path}: output {number} is {form}, of a size that is known only afterwards or "
                "empty; export it with fixed sizes"
            )
        if not np.issubdtype(np.dtype(_numeric(tensor.dtype)), np.number):
            raise BundleError(f"{path}: output {number} is {tensor.dtype}, which are no numbers")
    if _is_detector([outputs[i].shape for i in positions]):
        raise BundleError(f"{path} {NO_TASKS}")


def _numeric(dtype: str) -> str:
    return dtype if dtype in ("float16", "float32", "float64") or "int" in dtype else "str"


def _is_detector(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether one output is (1, N, 4) and another has a score or more for each of the N."""
    counts = [shape[1] for shape in shapes if len(shape) == 3 and shape[2] == 4]
    others = [shape[1] for shape in shapes if len(shape) == 2 or shape[2:] not in ((), (4,))]
    return any(count > 1 and count in others for count in counts)


def _width(tensor: TensorSpec) -> int:
    return math.prod(tensor.shape)


def _task(
    number: int, tensor: TensorSpec, maker: int, labels: Sequence[str], as_asked: bool
) -> Task:
    name, width = f"output_{number}", _width(tensor)
    if any(side > 1 for side in tensor.shape[:-1]):
        return Task(name, Embedding.name)
    picked = maker in (tables.ARG_MAX, tables.ARG_MIN)
    if width == 1 and (picked or (as_asked and tensor.dtype in ("int32", "int64"))):
        return Task(name, ClassIndex.name, tuple(labels) if as_asked else ())
    if width == 1:
        return Task(name, Regression.name)
    numbers = tuple(str(i) for i in range(width))
    return Task(name, Classification.name, tuple(labels) if len(labels) == width else numbers)


def _check_labels(
    labels: Sequence[str], outputs: Sequence[TensorSpec], tasks: Sequence[Task]
) -> None:
    """Raise BundleError if there are labels that name nothing."""
    if labels and not any(task.labels == tuple(labels) for task in tasks):
        widths = " and ".join(str(_width(tensor)) for tensor in outputs)
        counted = "an output" if len(outputs) == 1 else "outputs"
        raise BundleError(f"{len(labels)} labels were given for {counted} of {widths} values")


def _words(tasks: Sequence[Task], data: metadata.Metadata, labels: Sequence[str]) -> Iterator[str]:
    for task in tasks:
        if task.kind in (Classification.name, ClassIndex.name) and not labels:
            own = task.labels in (*data.labels, *data.others)
            origin = (
                "labels from its metadata" if own else "labels are numbers: --labels names them"
            )
            yield f"'{task.name}' is a class, {origin}"
        elif not labels or task.labels != tuple(labels):
            yield f"'{task.name}' is taken as {task.kind}"


def tried(reading: Reading, path: Path, engine: Engine, spec: InputSpec, frame: int = 0) -> Reading:
    """Decided by what the network answers to noise, if the graph does not say it.

    frame: the input that takes it; others stay 0. Raises BundleError if the answers have another
    form than before, EngineError if the runtime fails.
    """
    if not reading.undecided:
        return reading
    outputs = [_outputs(path, engine, spec, frame, seed) for seed in range(_TRIALS)]
    answers = [[values[i] for i in reading.positions] for values in outputs]
    logits = {
        i for i in reading.undecided if _are_logits([a[i] for a in answers], i in reading.linear)
    }
    tasks = tuple(replace(t, logits=i in logits) for i, t in enumerate(reading.tasks))
    words = [f"'{tasks[i].name}' ends in logits: a softmax is added" for i in sorted(logits)]
    return replace(reading, tasks=tasks, words=(*reading.words, *words))


def _outputs(
    path: Path, engine: Engine, spec: InputSpec, frame: int, seed: int
) -> list[np.ndarray]:
    """The real values of all outputs for one window of noise."""
    for index, state in enumerate(engine.inputs):
        engine.input(index)[...] = state.zero_point
    tensor, noise = engine.inputs[frame], np.random.default_rng(seed)
    if np.issubdtype(np.dtype(tensor.dtype), np.integer):
        limits = np.iinfo(tensor.dtype)
        values: np.ndarray = noise.integers(limits.min, limits.max, tensor.shape, endpoint=True)
    else:
        low, high = spec.value_range
        values = low + (high - low) * noise.random(tensor.shape)
        if spec.normalised:
            values = (values - np.array(spec.mean)) / np.array(spec.std)
    np.copyto(engine.input(frame), values, casting="unsafe")
    engine.invoke()
    return [_real(path, engine.output(i), output) for i, output in enumerate(engine.outputs)]


def _real(path: Path, values: np.ndarray, tensor: TensorSpec) -> np.ndarray:
    if values.shape != tensor.shape:
        raise BundleError(f"{path}: the size of its output changes from frame to frame")
    scale, zero_point = (tensor.scale, tensor.zero_point) if tensor.quantised else (1.0, 0)
    return np.asarray((values.astype(np.float64).ravel() - zero_point) * scale)


def _are_logits(answers: Sequence[np.ndarray], linear: bool) -> bool:
    """Whether answers, (k,) each, are no probabilities: they leave 0 to 1, or do not add up.

    linear: whether they come from a layer without an activation. NaN is neither.
    """
    values = np.stack(answers)
    if not np.isfinite(values).all():
        return linear
    within = values.min() >= -_ROUNDING and values.max() <= 1 + _ROUNDING
    adds_up = bool((np.abs(values.sum(1) - 1) <= _ROUNDING).all())
    return not within or (linear and not adds_up)
