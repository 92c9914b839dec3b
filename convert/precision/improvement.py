"""What makes an int8 part lose less, the cheapest first.

Other ranges of its activations, equalised channels, gates and biases; then the layers that cost most
stay in float32, in steps.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from edge_convert.precision import equalise, float_layers
from edge_convert.precision.activations import LayerCost
from edge_convert.precision.recipes import RANGES, Recipe

FLOAT_LAYERS = (1, 2, 4, 8, 16)  # how many of the costliest layers are kept in float32, in turn


def rounds(
    model: bytes,
    plain: Recipe,
    is_slow: bool,
    best: Callable[[], Recipe],
    costs: Callable[[Recipe], Sequence[LayerCost]],
) -> Iterator[tuple[str, list[Recipe]]]:
    """What to do and the recipes to try in turn, as long as none of them is good enough.

    plain: int8 as it was tried first.  is_slow: whether that is slower than float32, as of operators
    that XNNPACK has no int8 kernels for: they may be written in others.
    best: the recipe that lost least until now.
    costs: of each layer, the costliest first, measured on top of a recipe.
    """
    if not is_slow:
        yield "other ranges", [replace(plain, ranges=method) for method in RANGES[1:]]
    if equalise.has_scales(model):
        each = [replace(plain, ranges=method, equalised=True) for method in (RANGES[0], RANGES[-1])]
        yield "equalised channels", each
    if is_slow and not best().equalised:
        return
    if gates := float_layers.single_places(model):
        mixed = (gates, (*float_layers.front(model), *gates))
        recipes = [with_float_layers(best(), layers) for layers in dict.fromkeys(mixed)]
        yield "gates in float32", recipes
    yield "corrected biases", [replace(best(), corrected=True)]
    start = best()
    ranking = costs(start)
    for count in FLOAT_LAYERS:
        layers = tuple(cost.layer for cost in ranking[:count])
        if len(layers) == count:
            yield "the costliest layers in float32", [with_float_layers(start, layers)]


def with_float_layers(recipe: Recipe, layers: Sequence[str]) -> Recipe:
    """With these layers in float32, too."""
    return replace(recipe, float_layers=tuple(dict.fromkeys((*recipe.float_layers, *layers))))
