"""Which layers cost an int8 part its precision: each is made int8 alone, the rest stays float."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from edge_convert.precision.parts import describe
from edge_convert.precision.quantiser import Layer, Ranges, layers, only_one_quantised, quantised
from edge_convert.precision.ranges import Probe
from edge_convert.precision.recipes import INT8

EXAMPLES = 16
SHORTLIST = 64  # layers that are tried alone; of larger networks those where most is lost


@dataclass(frozen=True)
class LayerCost:
    """A layer, and the signal-to-noise ratio of the part's worst output with it alone in int8."""

    layer: str
    operator: str
    snr_db: float


def layer_costs(
    model: bytes,
    examples: Mapping[str, np.ndarray],
    ranges: Ranges,
    on_layer: Callable[[int, int], None] = lambda count, total: None,
) -> list[LayerCost]:
    """The layers of a float32 .tflite, the costliest first.

    examples: {input: (n, ...)} float32, of which 16 are used.  on_layer: called with how
    many layers are done, and of how many.
    """
    some = {name: _spread(values, EXAMPLES) for name, values in examples.items()}
    shortlist = _shortlist(model, some, ranges)
    reference = _outputs(model, some)
    costs = []
    for count, layer in enumerate(shortlist, 1):
        alone = _outputs(only_one_quantised(model, layer.name, ranges), some)
        worst = min(signal_to_noise_db(reference[name], alone[name]) for name in reference)
        costs.append(LayerCost(layer.name, layer.operator, worst))
        on_layer(count, len(shortlist))
    return sorted(costs, key=lambda cost: (cost.snr_db, cost.layer))


def signal_to_noise_db(reference: np.ndarray, approximation: np.ndarray) -> float:
    """10 log10 of the power of `reference` over that of the difference."""
    noise = float(np.square(reference - approximation, dtype=np.float64).mean())
    signal = float(np.square(reference, dtype=np.float64).mean())
    return float("inf") if noise == 0.0 else 10.0 * float(np.log10(signal / noise))


def _shortlist(model: bytes, examples: Mapping[str, np.ndarray], ranges: Ranges) -> list[Layer]:
    """The layers whose output is noisier than what they were given, the worst of many."""
    every = layers(model)
    if len(every) <= SHORTLIST:
        return every
    first = {name: values[:1] for name, values in examples.items()}
    exact = dict(Probe(model).activations(first))
    rough = dict(Probe(quantised(model, INT8, ranges)).activations(first))
    noise = {
        name: float(
            np.square(exact[name] - rough[name]).mean() / (np.square(exact[name]).mean() + 1e-30)
        )
        for name in exact.keys() & rough.keys()
    }

    def added(layer: Layer) -> float:
        return noise.get(layer.name, 0.0) - max(
            (noise.get(i, 0.0) for i in layer.inputs), default=0
        )

    return sorted(every, key=added, reverse=True)[:SHORTLIST]


def _outputs(model: bytes, examples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return describe("model", INT8, model, 0).over(examples)


def _spread(values: np.ndarray, count: int) -> np.ndarray:
    indices = np.unique(
        np.linspace(0, len(values) - 1, min(len(values), count)).round().astype(int)
    )
    return values[indices]
