"""Whether what a manifest says of itself fits together."""

import math

from edge.bundle.detection import DetectionSpec
from edge.bundle.manifest import (
    CARRIED_RING,
    CARRIED_STATE,
    CONFIDENCE_SINCE,
    DETECTION_SINCE,
    ENCODER_STATES_SINCE,
    FEATURES_SINCE,
    GATE_SINCE,
    INPUTS_SINCE,
    NORMALISED_SINCE,
    PLANES_SINCE,
    RINGS,
    SENSITIVE_SINCE,
    SINGLE_FRAME,
    STATES_SINCE,
    STREAMING_KINDS,
    WHOLE_WINDOW,
    WINDOW_RING,
    Manifest,
    Part,
    TensorSpec,
    states_confidence,
)
from edge.input_spec import FEATURES, IMAGES, NO_COLOURS, PLANES, InputSpec, Resize, flow_problem
from edge.tasks import KINDS, kind_of
from edge_common import runtimes

MOST_PIXELS_A_SIDE, MOST_FRAMES = 1 << 14, 10_000  # of a picture, and in a window
_MOST_ELEMENTS = 1 << 28  # of a tensor, and of all that a window keeps: 1 GiB of float32
MOST_LEVELS = 31.0  # of a block's mean difference that a motion gate tells apart
DTYPES = (
    "float16", "float32", "float64", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "bool",
)  # fmt: skip


def check(manifest: Manifest) -> None:
    """Raise ValueError if the fields contradict each other."""
    _require(manifest.streaming in STREAMING_KINDS, f"streaming kind '{manifest.streaming}'")
    roles = tuple(part.role for part in manifest.parts)
    expected = ("encoder", "head") if manifest.streaming in RINGS else ("model",)
    if manifest.detection:
        expected = ("detector",)
    _require(roles == expected, f"parts {roles}, but {expected} are needed")
    for part in manifest.parts:
        _require(part.precision in runtimes.PRECISIONS, f"precision '{part.precision}'")
        for tensor in (*part.inputs, *part.outputs):
            _check_tensor(tensor)
        _check_states(part, manifest)
    _check_input(manifest)
    if manifest.detection:
        _check_detection(manifest, manifest.detection)
    else:
        _check_tasks(manifest)
    _check_gate(manifest)
    _check_given(manifest)
    if manifest.streaming in RINGS:
        encoder, head = manifest.parts
        _check_joint(encoder, head, manifest.window)


def _check_tensor(tensor: TensorSpec) -> None:
    """Its size and type are such that memory can be set aside for it."""
    _require(tensor.dtype in DTYPES, f"dtype '{tensor.dtype}' of '{tensor.name}'")
    sound = 0 < len(tensor.shape) <= 8 and min(tensor.shape) > 0
    _require(
        sound and math.prod(tensor.shape) <= _MOST_ELEMENTS,
        f"the shape {list(tensor.shape)} of '{tensor.name}'",
    )
    _require(math.isfinite(tensor.scale), f"the scale of '{tensor.name}'")


def _check_states(part: Part, manifest: Manifest) -> None:
    """They stand in both lists of tensors, once, and what was written can be read again."""
    version, streaming = manifest.schema, manifest.streaming
    is_encoder = streaming in RINGS and part.role == "encoder"
    needs = streaming == CARRIED_STATE or (is_encoder and streaming == CARRIED_RING)
    fits = bool(part.states) == needs or (is_encoder and part.states)
    _require(bool(fits), f"states of a part that is {streaming}")
    if not part.states:
        return
    since = ENCODER_STATES_SINCE if is_encoder else STATES_SINCE
    _require(version >= since, f"states in version {version}")
    window = manifest.window
    _require(window == 1 or is_encoder, f"states and a window of {window} frames")
    inputs, outputs = ({t.name: t for t in tensors} for tensors in (part.inputs, part.outputs))
    written = [state.output for state in part.states if state.output]
    for tensors, by_name, names in (
        (part.inputs, inputs, [state.input for state in part.states]),
        (part.outputs, outputs, written),
    ):
        _require(len(tensors) == len(by_name), "two tensors of one name beside states")
        _require(len(names) == len({*names}) and {*names} <= {*by_name}, f"the states {names}")
    for state in part.states:
        if state.output:
            fits = inputs[state.input].form == outputs[state.output].form
            _require(fits, f"the shapes or types of state '{state.input}'")
    kept = sum(math.prod(inputs[state.input].shape) for state in part.states)
    _require(kept <= _MOST_ELEMENTS, "the size of all states")


def _check_input(manifest: Manifest) -> None:
    """The first part reads pictures of the size and channels that are stated."""
    spec, window = manifest.input, manifest.window
    _require(spec.kind in (IMAGES, FEATURES), f"frames of the kind '{spec.kind}'")
    if spec.is_features:
        _check_features(manifest)
        return
    colours = ("GRAY",) if spec.channels == 1 else ("RGB", "BGR")
    _require(1 <= window <= MOST_FRAMES, f"a window of {window} frames")
    sides = (spec.height, spec.width)
    _require(
        min(sides) > 0 and max(sides) <= MOST_PIXELS_A_SIDE,
        f"a picture of {spec.width} x {spec.height} pixels",
    )
    kept = window * math.prod(sides) * spec.channels
    if manifest.streaming not in RINGS:
        _require(kept <= _MOST_ELEMENTS, f"a window of {window} such pictures")
    if spec.planes:
        _check_planes(manifest)
    else:
        _require(spec.channels in (1, 3) and spec.colour_order in colours, "colours and channels")
    _check_normalisation(manifest)
    picture = (spec.height, spec.width, spec.channels)
    shapes = {
        WINDOW_RING: ((1, *picture),),
        CARRIED_RING: ((1, *picture),),
        SINGLE_FRAME: ((1, *picture), (1, 1, *picture)),
        CARRIED_STATE: ((1, *picture), (1, 1, *picture)),
        WHOLE_WINDOW: ((1, window, *picture),),
    }
    read = manifest.parts[0].read
    _require(len(read) == 1 and read[0].shape in shapes[manifest.streaming], "the input's shape")


def _check_planes(manifest: Manifest) -> None:
    """They are such as the runner makes, each once if it takes the frame before."""
    spec = manifest.input
    _require(manifest.schema >= PLANES_SINCE, f"planes in version {manifest.schema}")
    _require({*spec.planes} <= {*PLANES}, f"the planes {list(spec.planes)}")
    _require(len(spec.planes) == spec.channels, "planes and channels")
    _require(spec.colour_order == NO_COLOURS, "planes in an order of colours")
    problem = flow_problem(spec.planes, spec.height, spec.width)
    _require(not problem, problem)
    _require(not manifest.detection, "a detector of planes")
    _require(not manifest.gate, "a motion gate of planes")


def _check_features(manifest: Manifest) -> None:
    """The only part, or the first, reads vectors of the stated width as they are."""
    spec, window = manifest.input, manifest.window
    _require(manifest.schema >= FEATURES_SINCE, f"features in version {manifest.schema}")
    _require(not manifest.detection, "a detector of features")
    _require(not manifest.gate, "a motion gate of features")
    _require(1 <= window <= MOST_FRAMES, f"a window of {window} frames")
    _require(spec.width > 0 and spec.width * window <= _MOST_ELEMENTS, f"{spec.width} features")
    _require(spec == InputSpec.of_features(spec.width), "features that are prepared as images")
    shapes = {
        WINDOW_RING: (1, spec.width),
        CARRIED_RING: (1, spec.width),
        SINGLE_FRAME: (1, 1, spec.width),
        WHOLE_WINDOW: (1, window, spec.width),
    }
    read = manifest.parts[0].read
    shape = shapes.get(manifest.streaming)
    _require(len(read) == 1 and read[0].shape == shape, "the input's shape")


def _check_normalisation(manifest: Manifest) -> None:
    """Means and standard deviations are numbers, one a channel, nothing divides by 0."""
    spec, version = manifest.input, manifest.schema
    known = version >= NORMALISED_SINCE
    _require(known or not (spec.mean or spec.std), f"mean and std in version {version}")
    _require(known or spec.resize == Resize(), f"resize in version {version}")
    _require(not spec.resize.problem, spec.resize.problem)
    fit = {len(spec.mean), len(spec.std)} in ({0}, {spec.channels})
    finite = all(map(math.isfinite, (*spec.mean, *spec.std)))
    _require(fit and finite and all(spec.std), "mean and std of the input")


def _check_tasks(manifest: Manifest) -> None:
    """Every output answers one task, and is as wide as the task's kind asks for.

    That of a state may answer none.
    """
    outputs = {tensor.name: tensor for tensor in manifest.last_part.outputs}
    names = [task.name for task in manifest.tasks]
    carried = {state.output for state in manifest.last_part.states} - {*names}
    answers = sorted(outputs.keys() - carried)
    _require(sorted(names) == answers, f"tasks {names} and outputs {answers}")
    for task in manifest.tasks:
        _require(task.kind in KINDS, f"task kind '{task.kind}' of '{task.name}'")
        width = math.prod(outputs[task.name].shape)
        kind = kind_of(task)
        version = manifest.schema
        _require(kind.schema <= version, f"task kind '{task.kind}' in version {version}")
        since = NORMALISED_SINCE if task.logits else 1
        _require(since <= version, f"logits of '{task.name}' in version {version}")
        since = CONFIDENCE_SINCE if states_confidence(task) else 1
        _require(since <= version, f"temperature or unknown of '{task.name}' in version {version}")
        since = SENSITIVE_SINCE if task.sensitive else 1
        _require(since <= version, f"a mark of '{task.name}' as sensitive in version {version}")
        problem = kind.problem(width)
        _require(not problem, problem)


def _check_detection(manifest: Manifest, detection: DetectionSpec) -> None:
    """It answers no tasks but finds boxes in single frames, in outputs that it has."""
    _require(manifest.schema >= DETECTION_SINCE, f"a detector in version {manifest.schema}")
    _require(manifest.streaming == SINGLE_FRAME, f"a detector that is {manifest.streaming}")
    _require(manifest.window == 1, f"a detector and a window of {manifest.window} frames")
    _require(not manifest.tasks, "a detector with tasks")
    outputs = manifest.last_part.outputs
    shapes = {tensor.name: tensor.shape for tensor in outputs}
    _require(len(shapes) == len(outputs), "a detector with two outputs of one name")
    problem = detection.problem(shapes, manifest.input.size)
    _require(not problem, f"a detector with {problem}")


def _check_gate(manifest: Manifest) -> None:
    """Its threshold is one that a gate can tell, and nothing remembers frames besides the ring."""
    gate, version = manifest.gate, manifest.schema
    if gate is None:
        return
    _require(version >= GATE_SINCE, f"a motion gate in version {version}")
    _require(not any(part.states for part in manifest.parts), "a motion gate and states")
    _require(not manifest.detection, "a motion gate and a detector")
    _require(0 <= gate.threshold <= MOST_LEVELS, f"the gate's threshold {gate.threshold}")
    _require(0 < gate.block <= MOST_PIXELS_A_SIDE, f"the gate's blocks of {gate.block} pixels")


def _check_given(manifest: Manifest) -> None:
    """The last part has them all, in float32 or integers that stand for reals, and carries no states."""
    inputs, last = manifest.inputs, manifest.last_part
    for part in manifest.parts:
        names = tuple(each.name for each in inputs) if part is last else ()
        _require(
            sorted(part.given_inputs) == sorted(names),
            f"inputs {names} and {part.given_inputs} of a part",
        )
    if not inputs:
        return
    _require(manifest.schema >= INPUTS_SINCE, f"inputs beside frames in version {manifest.schema}")
    _require(not manifest.detection, "a detector with inputs beside frames")
    _require(not manifest.gate, "a motion gate and inputs beside frames")
    _require(not last.states, "states of a part with inputs beside frames")
    tensors = {tensor.name: tensor for tensor in last.inputs}
    _require(len(tensors) == len(last.inputs), "two inputs of one name")
    _require(len({each.name for each in inputs}) == len(inputs), "an input that is given twice")
    for each in inputs:
        _require(each.name in tensors and "=" not in each.name, f"the input '{each.name}'")
        shape, dtype = tensors[each.name].form
        _require((1, *each.shape) == shape and dtype == "real", f"the form of input '{each.name}'")
        _require(each.size <= each.MOST_NUMBERS, f"{each.size} numbers of input '{each.name}'")
        _require(-math.inf < each.low <= each.high < math.inf, f"the range of input '{each.name}'")


def _check_joint(encoder: Part, head: Part, window: int) -> None:
    """The head reads exactly what the encoder writes, T at a time.

    If some of what it writes is of the frames before as well, the head may read fewer.
    """
    states = {state.output for state in encoder.states}
    features = [tensor for tensor in encoder.outputs if tensor.name not in states]
    written = [tensor.name for tensor in features]
    read = [tensor.name for tensor in head.read]
    _require(sorted(written) == sorted(read), f"features {written} written but {read} read")
    for tensor in features:
        shape = next(t for t in head.read if t.name == tensor.name).shape
        lengths = range(1 if states else window, window + 1)
        expected = any(shape == (1, length, *tensor.shape[1:]) for length in lengths)
        _require(expected, f"the shape of feature '{tensor.name}'")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(f"the manifest does not fit together: {message}")
