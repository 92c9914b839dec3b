"""A network's activations on real frames: their ranges, and which layers lose most in int8."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from edge.engine import engine, runtimes
from edge.stream.quantise import dequantise, quantise
from edge.tflite import flatbuffer
from edge_convert.precision import calibration, parts, quantiser, recipes


class Probe:
    """A .tflite on LiteRT that keeps its activations.

    Raises EngineError if LiteRT refuses the graph.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._constants = flatbuffer.constant_tensors(model)
        self._inputs = flatbuffer.signature(model)[0]
        self._interpreter = runtimes.litert_interpreter(
            model, num_threads=threads, experimental_preserve_all_tensors=True
        )

    def activations(
        self, inputs: Mapping[str, np.ndarray], names: Collection[str] | None = None
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Run once on real values, one array (1, ...) an input; each activation in real values.

        names: of those that are wanted; None: all.
        """
        details = self._interpreter.get_input_details()
        for name, position in self._inputs.items():
            tensor = engine.specification(details[position])
            self._interpreter.set_tensor(details[position]["index"], quantise(inputs[name], tensor))
        self._interpreter.reset_all_variables()
        self._interpreter.invoke()
        for detail in self._interpreter.get_tensor_details():
            if names is not None and detail["name"] not in names:
                continue
            tensor = engine.specification(detail)
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
        self, method: str, fixed: quantiser.Ranges, least: float = 0.0
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
    sampled = set(calibration.spread_indices(count, _SAMPLED_EXAMPLES))
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

EXAMPLES = 16
SHORTLIST = 32  # layers that are tried alone; of larger networks those where most is lost


@dataclass(frozen=True)
class LayerCost:
    """A layer, and the signal-to-noise ratio of the part's worst output with it alone in int8.

    points: what the task that loses most loses by it alone; NaN if it was not scored.
    """

    layer: str
    operator: str
    snr_db: float
    points: float = float("nan")

    def rank(self) -> tuple[float, str]:
        """The costliest is the lowest."""
        return self.snr_db, self.layer


def layer_costs(
    model: bytes,
    examples: Mapping[str, np.ndarray],
    ranges: quantiser.Ranges,
    on_layer: Callable[[int, int], None] = lambda count, total: None,
    float_layers: Collection[str] = (),
    share: slice = slice(None),
) -> list[LayerCost]:
    """The layers of a float32 .tflite, the costliest first.

    examples: {input: (n, ...)} float32, of which 16 are used.  on_layer: called with how
    many layers are done, and of how many.  float_layers: that stay in float32 anyway.
    share: which of them, if several processes measure some each.
    """
    some = {name: spread(values, EXAMPLES) for name, values in examples.items()}
    every = [layer for layer in quantiser.layers(model) if layer.name not in float_layers]
    recipe = recipes.Recipe("int8", float_layers=tuple(float_layers))
    shortlist = _shortlist(model, every, recipe, some, ranges)[share]
    reference = _outputs(model, some)
    costs = []
    for count, layer in enumerate(shortlist, 1):
        alone = _outputs(quantiser.only_one_quantised(model, layer.name, ranges), some)
        worst = min(signal_to_noise_db(reference[name], alone[name]) for name in reference)
        costs.append(LayerCost(layer.name, layer.operator, worst))
        on_layer(count, len(shortlist))
    return sorted(costs, key=LayerCost.rank)


def signal_to_noise_db(reference: np.ndarray, approximation: np.ndarray) -> float:
    """10 log10 of the power of `reference` over that of the difference."""
    noise = float(np.square(reference - approximation, dtype=np.float64).mean())
    signal = float(np.square(reference, dtype=np.float64).mean())
    return float("inf") if noise == 0.0 else 10.0 * float(np.log10(signal / noise))


def _shortlist(
    model: bytes,
    every: list[quantiser.Layer],
    recipe: recipes.Recipe,
    examples: Mapping[str, np.ndarray],
    ranges: quantiser.Ranges,
) -> list[quantiser.Layer]:
    """The layers whose output is noisier than what they were given, the worst of many."""
    if len(every) <= SHORTLIST:
        return every
    first = {name: values[:1] for name, values in examples.items()}
    exact = dict(Probe(model).activations(first))
    rough = dict(Probe(quantiser.quantised(model, recipe, ranges)).activations(first))
    noise = {
        name: float(
            np.square(exact[name] - rough[name]).mean() / (np.square(exact[name]).mean() + 1e-30)
        )
        for name in exact.keys() & rough.keys()
    }

    def added(layer: quantiser.Layer) -> float:
        return noise.get(layer.name, 0.0) - max(
            (noise.get(i, 0.0) for i in layer.inputs), default=0
        )

    return sorted(every, key=added, reverse=True)[:SHORTLIST]


def _outputs(model: bytes, examples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return parts.describe("model", recipes.INT8, model, 0).over(examples)


def spread(values: np.ndarray, count: int) -> np.ndarray:
    """So many of the values (n, ...), from the first to the last; all, if there are no more."""
    return values[calibration.spread_indices(len(values), count)]
