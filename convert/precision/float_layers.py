"""Which layers of a part are better left in float32, as told by what surrounds them."""

from collections.abc import Iterable
from typing import Any

from edge.bundle import CarriedState
from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph
from edge_convert.precision.quantiser import ONLY_MOVES, WITH_BIAS, layers


def single_places(model: bytes) -> tuple[str, ...]:
    """Layers of maps of one place, such as the gates of squeeze-and-excitation."""
    shapes = _shapes(model)
    named = [(layer, shapes[layer.name]) for layer in layers(model) if layer.operator != "MEAN"]
    return tuple(layer.name for layer, shape in named if len(shape) == 4 and shape[1:3] == (1, 1))


def places(model: bytes) -> tuple[str, ...]:
    """Layers that say where things are: those of large maps, and all from the first enlarged map on.

    Large: at least a quarter as wide as the largest, which is the image.
    """
    shapes = _shapes(model)
    every = layers(model)
    enlarged = [layer.operator.startswith("RESIZE") for layer in every]
    decoder = enlarged.index(True) if any(enlarged) else len(every)
    widths = [shapes[layer.name][2] if len(shapes[layer.name]) == 4 else 0 for layer in every]
    least = _LARGE * max(widths, default=0)
    return tuple(
        layer.name
        for index, (layer, width) in enumerate(zip(every, widths))
        if index >= decoder or width >= least > 0
    )


_LARGE = 0.25


def front(model: bytes) -> tuple[str, ...]:
    """Layers up to the first that looks at each channel alone, if it is one of the first few."""
    first = layers(model)[:_FRONT]
    kinds = [layer.operator for layer in first]
    count = kinds.index("DEPTHWISE_CONV_2D") + 1 if "DEPTHWISE_CONV_2D" in kinds else 0
    return tuple(layer.name for layer in first[:count])


_FRONT = 8


def tail(model: bytes) -> tuple[str, ...]:
    """Layers that nothing with weights follows, such as those that make coordinates of maps."""
    root = flatbuffer.view(model)
    graph, weighted = root.subgraphs[0], list(flatbuffer.operators(root, *WITH_BIAS))
    leads_on = set[int]()
    for operator in reversed(graph.operators):
        if operator in weighted or leads_on.intersection(operator.outputs):
            leads_on.update(operator.inputs)
    made = [tensor for operator in weighted for tensor in operator.outputs]
    front = {main_graph.name_of(graph.tensors[index]) for index in (*leads_on, *made)}
    return tuple(layer.name for layer in layers(model) if layer.name not in front)


def expectations(model: bytes) -> tuple[str, ...]:
    """Layers that make a number of a distribution: its scores, their softmax, and all that is made of
    nothing else.

    An int8 probability is a multiple of 1/256: of a hundred bins the flanks are gone, and with them
    the sum of one. A softmax that is an answer or a weight of other values is none of these.
    """
    root = flatbuffer.view(model)
    kept = set[int]()
    for softmax in flatbuffer.operators(root, "SOFTMAX"):
        if behind := _made_of(root, int(softmax.outputs[0])):
            kept |= {_scores(root, int(softmax.inputs[0])), int(softmax.outputs[0]), *behind}
    return _layers_of(model, root, kept)


def readouts(model: bytes) -> tuple[str, ...]:
    """Each answer's last dense layer and what makes the answer of it, if its weights are few.

    Dense layers have one scale for all their outputs: a class whose weights are small is told by a
    few steps of the scale of those whose weights are large. Nothing behind them evens that out.
    Of a model without other weights none is kept: nothing would be left to int8.
    """
    root = flatbuffer.view(model)
    graph, kept = root.subgraphs[0], set[int]()
    makers = {int(o.outputs[0]): o for o in graph.operators}
    dense = [int(o.outputs[0]) for o in flatbuffer.operators(root, "FULLY_CONNECTED")]
    weighted = {int(o.outputs[0]) for o in flatbuffer.operators(root, *WITH_BIAS)}
    for tensor in map(int, graph.outputs):
        behind = [tensor]
        while tensor in makers and tensor not in dense:
            read = [i for i in main_graph.inputs_of(makers[tensor]) if i in makers]
            tensor = read[0] if len(read) == 1 else -1
            behind.append(tensor)
        weights = (
            main_graph.constant(root, int(makers[tensor].inputs[1])) if tensor in dense else None
        )
        if weights is not None and weights.size <= _FEW_WEIGHTS:
            kept.update(behind)
    if weighted <= kept:
        return ()
    return _layers_of(model, root, kept)


def fine(model: bytes, states: Iterable[CarriedState]) -> tuple[str, ...]:
    """Layers whose results int8 is too coarse for: expectations and recurrences."""
    return (*expectations(model), *recurrences(model, states))


def recurrences(model: bytes, states: Iterable[CarriedState]) -> tuple[str, ...]:
    """What makes a state of itself, as an LSTM does, and the state; nothing of one that is only moved on.

    Its rounding goes round with each frame, and grows.
    """
    root, names = flatbuffer.view(model), dict[str, None]()
    graph, (inputs, outputs) = root.subgraphs[0], flatbuffer.signature(model)
    for state in states:
        behind = {int(graph.inputs[inputs[state.input]])}
        ahead = {int(graph.outputs[outputs[state.output]])}
        for operator in graph.operators:
            if behind.intersection(operator.inputs):
                behind.update(map(int, operator.outputs))
        for operator in reversed(graph.operators):
            if ahead.intersection(operator.outputs):
                ahead.update(main_graph.inputs_of(operator))
        within = [o for o in graph.operators if behind & ahead & {*map(int, o.outputs)}]
        kinds = {flatbuffer.operator_name(root, operator) for operator in within}
        if not kinds <= {*ONLY_MOVES, "CONCATENATION"}:
            ends = int(graph.inputs[inputs[state.input]]), int(graph.outputs[outputs[state.output]])
            tensors = [ends[0], *(int(o.outputs[0]) for o in within), ends[1]]
            names |= dict.fromkeys(main_graph.name_of(graph.tensors[index]) for index in tensors)
    return tuple(names)


_FEW_WEIGHTS = 2**14  # 64 kB in float32


def _layers_of(model: bytes, root: Any, tensors: set[int]) -> tuple[str, ...]:
    """The layers whose outputs these tensors are, in the order of the graph."""
    names = {main_graph.name_of(root.subgraphs[0].tensors[index]) for index in tensors}
    return tuple(layer.name for layer in layers(model) if layer.name in names)


def _made_of(root: Any, tensor: int) -> set[int]:
    """The tensors that are made of this one and constants; none if it goes into anything else."""
    made = {tensor}
    for operator in root.subgraphs[0].operators:
        inputs = main_graph.inputs_of(operator)
        if made.intersection(inputs):
            if any(i not in made and main_graph.constant(root, i) is None for i in inputs):
                return set()
            made.update(map(int, operator.outputs))
    return made - {tensor}


def _scores(root: Any, tensor: int) -> int:
    """What a tensor was before it was only moved."""
    makers = {int(o.outputs[0]): o for o in flatbuffer.operators(root, *ONLY_MOVES)}
    while tensor in makers:
        tensor = int(makers[tensor].inputs[0])
    return tensor


def _shapes(model: bytes) -> dict[str, tuple[int, ...]]:
    """Of each tensor, by name."""
    tensors = flatbuffer.view(model).subgraphs[0].tensors
    return {main_graph.name_of(tensor): flatbuffer.shape_of(tensor) for tensor in tensors}
