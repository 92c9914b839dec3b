"""Whether the float parts compute what the network does, as far as float32 can tell.

A sum of n products in float32 is the exact one of weights that are off by about sqrt(n) u, with
u = 2**-24 (N. Higham and T. Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019; n u
at most: N. Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapter 3). So the parts run
again with weights that are off by that much, and what their answers move by is what rounding explains
in this network: little in most, a thousand times that where a recurrence or sharp answers amplify it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.tasks.confidence import logarithms
from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cut.tflite import main_graph
from edge_convert.network import LayerValues, TrainedNetwork
from edge_convert.precision import calibration, parts
from edge_convert.precision.activations import Probe

WINDOWS = 4  # that are compared
UNQUESTIONED = 1e-5  # of the answers' range: what sums without weights, such as means, may come to
FACTOR = 8.0  # networks differ by up to 1.2 times what weights a rounding off do
_DRAWS = 4
_UNIT_ROUNDOFF = 2.0**-24
_LEAST_P = 1e-30  # kernels take smaller probabilities for 0

Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class FloatDifference:
    """Of one task: the largest one, and how much of it rounding explains; both of the answers' range."""

    task: str
    measured: float
    allowed: float

    @property
    def is_rounding(self) -> bool:
        """NaN is none."""
        return self.measured <= self.allowed


def difference(
    network: TrainedNetwork,
    floats: Sequence[parts.ConvertedPart],
    windows: calibration.NetworkInput,
) -> FloatDifference:
    """The uncut network against its float parts, of the task that is nearest to what is allowed.

    Of answers behind a softmax the logarithms are compared, which are the logits less a number.
    Raises ModelError, with where it begins, if rounding does not explain it.
    """
    answers = network.reference(windows[0 : len(windows)])
    expected = {task: values.reshape(len(windows), -1) for task, values in answers.items()}
    outputs = _outputs(floats, windows)
    scales = {task: _range(network, task, expected[task]) for task in outputs}
    measured = _largest(network, expected, outputs, scales)
    allowed = dict.fromkeys(measured, UNQUESTIONED)
    if not all(value <= UNQUESTIONED for value in measured.values()):
        explained = _of_rounding(network, floats, windows, outputs, scales)
        allowed = {task: max(UNQUESTIONED, FACTOR * explained[task]) for task in measured}
    worst = max(measured, key=lambda task: _ratio(measured[task], allowed[task]))
    result = FloatDifference(worst, measured[worst], allowed[worst])
    if not result.is_rounding:
        carried = (
            "--carry-state begins with zeros, and a recurrence here may begin with a state that it "
            "learnt: convert without it"
        )
        next_step = carried if network.is_carried else "please report this model"
        raise ModelError(
            f"the float parts differ from the network: '{worst}' by {result.measured:.2g} of its range, "
            f"where rounding explains {result.allowed:.2g}{_beginning(network, floats, windows)}; {next_step}"
        )
    return result


def _ratio(measured: float, allowed: float) -> float:
    return measured / allowed if np.isfinite(measured / allowed) else np.inf


def _outputs(floats: Sequence[parts.ConvertedPart], windows: calibration.NetworkInput) -> Outputs:
    return parts.outputs_by_last_part(floats[0], floats[1:], windows)[0]


def _comparable(network: TrainedNetwork, task: str, values: np.ndarray) -> np.ndarray:
    if task not in network.softmax:
        return values
    return logarithms(np.where(values < _LEAST_P, _LEAST_P, values))  # keeps NaN


def _range(network: TrainedNetwork, task: str, values: np.ndarray) -> float:
    """Of a logarithm at least 1: a probability itself is rounded."""
    comparable = _comparable(network, task, values)
    if task in network.softmax:
        return max(1.0, float(np.ptp(comparable)))
    return max(float(np.abs(comparable).max()), float(np.finfo(np.float32).tiny))


def _largest(
    network: TrainedNetwork, a: Outputs, b: Outputs, scales: Mapping[str, float]
) -> dict[str, float]:
    """The largest difference of each task, of its range."""
    return {
        task: float(
            np.abs(
                _comparable(network, task, a[task]).reshape(b[task].shape)
                - _comparable(network, task, b[task])
            ).max()
        )
        / scale
        for task, scale in scales.items()
    }


def _of_rounding(
    network: TrainedNetwork,
    floats: Sequence[parts.ConvertedPart],
    windows: calibration.NetworkInput,
    outputs: Outputs,
    scales: Mapping[str, float],
) -> dict[str, float]:
    draw = np.random.default_rng(0)
    moved = [
        _largest(
            network,
            outputs,
            _outputs([replace(p, model=a_rounding_off(p.model, draw)) for p in floats], windows),
            scales,
        )
        for _ in range(_DRAWS)
    ]
    return {task: float(np.max([row[task] for row in moved])) for task in scales}


_OUTPUTS_LAST = ("DEPTHWISE_CONV_2D", "CONV_3D")
_OUTPUTS_FIRST = ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


def a_rounding_off(model: bytes, draw: np.random.Generator) -> bytes:
    """A float .tflite whose every constant is sqrt(n) u more or less, n products being summed with it."""
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    summed: dict[int, float] = {}
    for kinds, axis in ((_OUTPUTS_LAST, -1), (_OUTPUTS_FIRST, 0)):
        for operator in flatbuffer.operators(root, *kinds):
            shape = flatbuffer.shape_of(graph.tensors[operator.inputs[1]])
            summed[int(operator.inputs[1])] = float(np.prod(shape)) / shape[axis]
    for index in range(len(graph.tensors)):
        values = main_graph.constant(root, index)
        if values is not None and values.dtype == np.float32:
            signs = draw.integers(0, 2, values.shape) * 2 - 1
            off = signs * np.sqrt(summed.get(index, 1.0)) * _UNIT_ROUNDOFF
            main_graph.set_constant(root, index, (values * (1 + off)).astype(np.float32))
    return flatbuffer.write(root)


# what is known to differ between libraries
_CAUSES = {
    "BatchNormalization": "it is folded into the layer before it",
    "GRU": "look at its reset_after",
    "Resizing": "libraries disagree about where a pixel's centre is",
    "UpSampling2D": "libraries disagree about where a pixel's centre is",
}


def _beginning(
    network: TrainedNetwork,
    floats: Sequence[parts.ConvertedPart],
    windows: calibration.NetworkInput,
) -> str:
    """In which layer the difference grows most; empty if nobody knows the layers."""
    if network.layers is None:
        return ""
    activations = _activations(floats, windows)
    growth: list[tuple[float, str]] = []
    reached = _UNIT_ROUNDOFF
    for layer in network.layers(windows[:1]):
        off = {role: _nearest(layer, tensors) for role, tensors in activations.items()}
        role = next((role for role, value in off.items() if value is not None), None)
        value = None if role is None else off[role]
        if value is not None:
            cause = f" ({_CAUSES[layer.kind]})" if layer.kind in _CAUSES else ""
            line = (
                f"; it grows most in the layer '{layer.name}' ({layer.kind}) of the "
                f"{role}, from {reached:.2g} to {value:.2g} of what that gives{cause}"
            )
            growth.append((_ratio(value, reached), line))
            reached = max(reached, value)
    return max(growth)[1] if growth else ""


def _activations(
    floats: Sequence[parts.ConvertedPart], windows: calibration.NetworkInput
) -> dict[str, Outputs]:
    """The tensors of each part for the first window; of an encoder, for its first frame."""
    first = floats[0]
    values, (tensor,) = windows[:1], first.part.read
    source = values if values.shape == tensor.shape else values.reshape(-1, *tensor.shape[1:])[:1]
    inputs, _ = next(first.over_frames(source))
    activations: dict[str, Outputs] = {
        first.part.role: dict(Probe(first.model).activations(inputs))
    }
    for part in floats[1:]:
        features = parts.encode_windows(first, windows[:1], part)
        activations[part.part.role] = dict(Probe(part.model).activations(features))
    return activations


def _nearest(layer: LayerValues, activations: Outputs) -> float | None:
    """How far a layer's values are from the nearest tensor that carries its name; None: fused away.

    A tensor of a single frame is compared with the first one's share.
    """
    own_name = re.compile(rf"(^|[/;]){re.escape(layer.name)}(_\d+)?(/|;|$)")
    values = layer.values.ravel()
    scale = float(np.abs(values).max()) or 1.0
    off = [
        float(np.abs(tensor.ravel() - values[: tensor.size]).max()) / scale
        for tensor_name, tensor in activations.items()
        if own_name.search(tensor_name) and _is_share(tensor.shape, layer.values.shape)
    ]
    return min(off, default=None)


def _is_share(one: tuple[int, ...], several: tuple[int, ...]) -> bool:
    """Whether these are the values, or those of their first frame."""
    long, of_frame = ([size for size in shape if size > 1] for shape in (several, one))
    return of_frame in (long, long[1:])
