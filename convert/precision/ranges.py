"""The ranges of a network's activations, from frames like those of real use."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from edge.engine.engine import specification
from edge.engine.runtimes import litert_interpreter
from edge.stream.quantise import dequantise, quantise
from edge.tflite import flatbuffer
from edge_convert.precision.quantiser import Ranges


class Probe:
    """A .tflite on LiteRT that keeps its activations.

    Raises EngineError if LiteRT refuses the graph.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._constants = flatbuffer.constant_tensors(model)
        self._inputs = flatbuffer.signature(model)[0]
        self._interpreter = litert_interpreter(
            model, num_threads=threads, experimental_preserve_all_tensors=True
        )

    def activations(self, inputs: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Run once on real values, one array (1, ...) an input; each activation in real values."""
        details = self._interpreter.get_input_details()
        for name, position in self._inputs.items():
            tensor = specification(details[position])
            self._interpreter.set_tensor(details[position]["index"], quantise(inputs[name], tensor))
        self._interpreter.invoke()
        for detail in self._interpreter.get_tensor_details():
            tensor = specification(detail)
            real = tensor.dtype == "float32" or tensor.quantised
            if real and tensor.name not in self._constants and detail["shape"].size:
                try:
                    values = self._interpreter.get_tensor(detail["index"])
                except ValueError:  # fused away: nobody computed it
                    continue
                yield tensor.name, dequantise(values, tensor) if tensor.quantised else values


_PERCENTILE = 99.99
_SAMPLED_EXAMPLES = 32
_SAMPLED_VALUES = 1024  # of one activation in one example
_STEPS = 255
_SHRINKINGS = np.linspace(0.4, 1.0, 31)


@dataclass
class Activations:
    """What was seen of each activation: its extremes, and a sample of its values."""

    extremes: dict[str, tuple[float, float]] = field(default_factory=dict)
    samples: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def record(self, name: str, values: np.ndarray, keep: int, draw: np.random.Generator) -> None:
        """Widen the extremes of one activation; keep `keep` of its values."""
        low, high = self.extremes.get(name, (np.inf, -np.inf))
        self.extremes[name] = min(low, float(values.min())), max(high, float(values.max()))
        if keep:
            flat = values.ravel()
            some = flat if flat.size <= keep else draw.choice(flat, keep, replace=False)
            self.samples.setdefault(name, []).append(some)

    def ranges(
        self, method: str, fixed: Ranges, least: float = 0.0
    ) -> dict[str, tuple[float, float]]:
        """(lowest, highest) of each activation; those in `fixed` are taken as they are.

        least: the others reach at least so far below and above zero.
        """
        limits = {name: fixed.get(name) or self._range(name, method) for name in self.extremes}
        if not least:
            return limits
        return {
            name: (low, high) if name in fixed else (min(low, -least), max(high, least))
            for name, (low, high) in limits.items()
        }

    def _range(self, name: str, method: str) -> tuple[float, float]:
        if method == "min-max":
            return self.extremes[name]
        return _METHODS[method](np.concatenate(self.samples[name]), self.extremes[name])


def observe(model: bytes, examples: Mapping[str, np.ndarray], threads: int = 1) -> Activations:
    """Run a float32 .tflite on examples {input: (n, ...)} and look at all its activations."""
    probe, activations, draw = Probe(model, threads), Activations(), np.random.default_rng(0)
    count = len(next(iter(examples.values())))
    sampled = set(np.linspace(0, count - 1, min(count, _SAMPLED_EXAMPLES)).round().astype(int))
    for index in range(count):
        inputs = {name: values[index : index + 1] for name, values in examples.items()}
        keep = _SAMPLED_VALUES if index in sampled else 0
        for name, values in probe.activations(inputs):
            activations.record(name, values, keep, draw)
    return activations


def extremes(values: np.ndarray) -> tuple[float, float]:
    """(lowest, highest) of real values."""
    return float(values.min()), float(values.max())


def _percentile(values: np.ndarray, extremes: tuple[float, float]) -> tuple[float, float]:
    low, high = np.percentile(values, (100 - _PERCENTILE, _PERCENTILE))
    return float(low), float(high)


def _least_error(values: np.ndarray, extremes: tuple[float, float]) -> tuple[float, float]:
    """The share of the extremes whose 256 steps lose the least mean squared error."""
    low, high = min(extremes[0], 0.0), max(extremes[1], 0.0)
    errors = [_squared_error(values, low * s, high * s) for s in _SHRINKINGS]
    best = _SHRINKINGS[int(np.argmin(errors))]
    return float(low * best), float(high * best)


def _squared_error(values: np.ndarray, low: float, high: float) -> float:
    scale = (high - low) / _STEPS or 1.0
    zero_point = np.rint(-low / scale)
    steps = np.clip(np.rint(values / scale) + zero_point, 0, _STEPS)
    return float(np.square((steps - zero_point) * scale - values).mean())


_METHODS: dict[str, Callable[[np.ndarray, tuple[float, float]], tuple[float, float]]] = {
    "percentile": _percentile,
    "mse": _least_error,
}
