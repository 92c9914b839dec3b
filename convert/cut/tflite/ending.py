"""What the outputs of a .tflite come out of, and what is put behind them: activations, a selection."""

from collections.abc import Iterator, Mapping
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph
from edge_convert.frame_outputs import NewestFrame
from edge_convert.probabilities import LINEAR, ending_of

# through these probabilities stay probabilities, or their values show that they do not
_FOLLOWED = frozenset({
    "ADD", "ADD_N", "AVERAGE_POOL_2D", "BROADCAST_TO", "CAST", "CONCATENATION", "DEQUANTIZE", "DIV",
    "EXPAND_DIMS", "GATHER", "MAX_POOL_2D", "MEAN", "MUL", "PACK", "PAD",
    "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RESHAPE", "SLICE", "SPLIT", "SPLIT_V", "SQUEEZE",
    "STRIDED_SLICE", "SUB", "SUM", "TILE", "TRANSPOSE", "UNPACK",
})  # fmt: skip
_WEIGHTED = frozenset({"CONV_2D", "CONV_3D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_PROBABILITIES = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}
_OPERATORS = {activation: name for name, activation in _PROBABILITIES.items()}
_NO_ACTIVATION = schema.ActivationFunctionType.NONE


def endings(root: Any) -> dict[str, str]:
    """For each output `softmax`, `sigmoid` or `linear`; empty if the graph shows none of these."""
    operators = root.subgraphs[0].operators
    makers = {int(t): operator for operator in operators for t in operator.outputs}
    return {
        name: ending_of(_sources(root, index, makers))
        for name, index in main_graph.outputs_of(root).items()
    }


def with_activations(model: bytes, activations: Mapping[str, str]) -> bytes:
    """The model with a softmax or sigmoid behind the outputs of these names."""
    if not activations:
        return model
    root = flatbuffer.read(model)
    outputs = main_graph.outputs_of(root)
    for name, activation in activations.items():
        source = _as_float(root, outputs[name])
        tensor = root.subgraphs[0].tensors[source]
        shape, own_name = flatbuffer.shape_of(tensor), main_graph.name_of(tensor)
        outputs[name] = main_graph.add_tensor(root, f"{own_name}/probability", shape)
        operator = main_graph.activation(root, _OPERATORS[activation], source, outputs[name])
        root.subgraphs[0].operators.append(operator)
    return _signed_again(model, root, outputs)


def with_batches(model: bytes) -> bytes:
    """The model whose outputs all have a batch of 1; where frames or classes took its place, before these."""
    root = flatbuffer.read(model)
    outputs, graph = main_graph.outputs_of(root), root.subgraphs[0]
    shapes = {name: flatbuffer.shape_of(graph.tensors[i]) for name, i in outputs.items()}
    bare = {name: shape for name, shape in shapes.items() if shape[:1] != (1,)}
    for name, shape in bare.items():
        source = outputs[name]
        outputs[name] = main_graph.add_like(root, f"{name}/batch", (1, *shape), source)
        graph.operators.append(main_graph.reshape(root, source, outputs[name]))
    return _signed_again(model, root, outputs) if bare else model


def with_newest_frames(model: bytes, newest: Mapping[str, NewestFrame]) -> bytes:
    """The model with the newest frame's share, (1, ...), of the outputs of these names."""
    if not newest:
        return model
    root = flatbuffer.read(model)
    outputs, operators = main_graph.outputs_of(root), root.subgraphs[0].operators
    for name, share in newest.items():
        begin, size = share.box
        part = main_graph.add_like(root, f"{name}/newest_frame", size, outputs[name])
        operators.append(main_graph.cut_out(root, outputs[name], begin, part))
        outputs[name] = part
        if size != share.result:
            outputs[name] = main_graph.add_like(root, f"{name}/newest", share.result, part)
            operators.append(main_graph.reshape(root, part, outputs[name]))
    return _signed_again(model, root, outputs)


def _signed_again(model: bytes, root: Any, outputs: Mapping[str, int]) -> bytes:
    """What was made of a model, with its inputs and these outputs."""
    inputs = dict(zip(flatbuffer.signature(model)[0], map(int, root.subgraphs[0].inputs)))
    main_graph.sign(root, inputs, outputs)
    return flatbuffer.write(root)


def _as_float(root: Any, index: int) -> int:
    """The tensor, or a float32 one that is made of its integers."""
    tensor = root.subgraphs[0].tensors[index]
    if tensor.type == schema.TensorType.FLOAT32:
        return index
    name = f"{main_graph.name_of(tensor)}/real"
    target = main_graph.add_tensor(root, name, flatbuffer.shape_of(tensor))
    operator = main_graph.activation(root, "DEQUANTIZE", index, target)
    root.subgraphs[0].operators.append(operator)
    return target


def _sources(root: Any, tensor: int, makers: Mapping[int, Any]) -> Iterator[str]:
    """What stands at the beginning of all ways to a tensor, seen through sums, means and forms."""
    ahead, seen = [tensor], {tensor}
    while ahead:
        index = ahead.pop()
        operator = makers.get(index)
        if operator is None:
            if main_graph.constant(root, index) is None:
                yield ""
            continue
        name = flatbuffer.operator_name(root, operator)
        if name not in _FOLLOWED:
            yield _ending(name, operator)
            continue
        new = [i for i in main_graph.inputs_of(operator) if i not in seen]
        ahead += new
        seen.update(new)


def _ending(name: str, operator: Any) -> str:
    if name in _WEIGHTED:
        fused = getattr(operator.builtinOptions, "fusedActivationFunction", _NO_ACTIVATION)
        return LINEAR if fused == _NO_ACTIVATION else ""
    return _PROBABILITIES.get(name, "")
