"""Operators of ONNX that onnx2tf or TFLite cannot hold, by such that they can."""

import math
import re
from typing import Any

import numpy as np
import onnx

_PLAIN = re.compile(r"[A-Za-z0-9_./-]*")  # as TensorFlow wants names


def in_single_precision(network: Any) -> Any:
    """Let it calculate in float32; gives the network as it was if it has halves, else None."""
    before, halves = onnx.ModelProto(), 0
    before.CopyFrom(network)
    for graph in _graphs(network.graph):
        for entry in (*graph.input, *graph.output, *graph.value_info):
            if entry.type.tensor_type.elem_type == _HALF:
                entry.type.tensor_type.elem_type = _SINGLE
        attributes = [attribute for node in graph.node for attribute in node.attribute]
        for tensor in (*graph.initializer, *(a.t for a in attributes if a.HasField("t"))):
            if tensor.data_type == _HALF:
                values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
                tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
                halves += 1
        for attribute in attributes:
            if attribute.name in ("to", "dtype") and attribute.i == _HALF:
                attribute.i = _SINGLE
                halves += 1
    return before if halves else None


_HALF, _SINGLE = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT


def _graphs(graph: Any) -> list[Any]:
    """It, and those inside of its branches and loops."""
    inner = [a.g for node in graph.node for a in node.attribute if a.HasField("g")]
    return [graph, *(each for part in inner for each in _graphs(part))]


def with_plain_norms(network: Any) -> None:
    """The root of the sum of squares in two steps: onnx2tf's tf.norm does not load again."""
    for index, node in enumerate(list(network.graph.node)):
        if node.op_type == "ReduceL2":
            squares = f"{node.output[0]}/squares"
            root = onnx.helper.make_node("Sqrt", [squares], list(node.output))
            node.op_type, node.output[0] = "ReduceSumSquare", squares
            position = list(network.graph.node).index(node, index)
            network.graph.node.insert(position + 1, root)


def with_plain_counts(network: Any) -> None:
    """TopK's k by an operator: of a list of one onnx2tf makes no number under numpy 2.4."""
    weights = {weight.name: weight for weight in network.graph.initializer}
    for node in [node for node in network.graph.node if node.op_type == "TopK"]:
        if count := weights.get(node.input[1]):
            name = f"{node.output[1] or node.output[0]}/count"
            size = onnx.numpy_helper.from_array(np.array([1], np.int64), f"{name}/shape")
            network.graph.initializer.append(size)
            number = onnx.helper.make_node("ConstantOfShape", [size.name], [name], value=count)
            network.graph.node.insert(list(network.graph.node).index(node), number)
            node.input[1] = name


def with_ordered_sequences(network: Any) -> None:
    """What a recurrent layer reads keeps its axes: onnx2tf may have turned those of what was stacked."""
    shapes = _shapes(network)
    for node in [n for n in network.graph.node if n.op_type in ("LSTM", "GRU", "RNN")]:
        if shape := shapes.get(node.input[0]):
            ordered = f"{node.output[0] or node.name}/ordered"
            position = list(network.graph.node).index(node)
            step = _reshape(network, node.input[0], ordered, shape)
            network.graph.node.insert(position, step)
            node.input[0] = ordered


def with_states_chosen(network: Any) -> None:
    """`h_n[-1]` of several layers reads that layer's state: onnx2tf joins them along another axis."""
    graph, makers = network.graph, {o: node for node in network.graph.node for o in node.output}
    weights = {weight.name: weight for weight in graph.initializer}
    shapes = _shapes(network)
    for gather in [node for node in graph.node if node.op_type == "Gather"]:
        concat, index = makers.get(gather.input[0]), weights.get(gather.input[1])
        if concat is None or concat.op_type != "Concat" or index is None:
            continue
        axes = [a.i for node in (gather, concat) for a in node.attribute if a.name == "axis"]
        sizes = [shapes.get(name, (0,))[0] for name in concat.input]
        states = [makers[name].op_type for name in concat.input if name in makers]
        if any(axes) or states != ["LSTM" if "LSTM" in states else "GRU"] * len(sizes):
            continue
        choice = onnx.numpy_helper.to_array(index)
        if choice.size == 1 and all(sizes):
            place, position = int(choice.ravel()[0]) % sum(sizes), 0
            while place >= sizes[position]:
                place, position = place - sizes[position], position + 1
            name = f"{gather.output[0]}/index"
            array = np.full(choice.shape, place, choice.dtype)
            graph.initializer.append(onnx.numpy_helper.from_array(array, name))
            gather.input[:] = [concat.input[position], name]


def with_plain_names(network: Any) -> None:
    """Outputs are called by their number: names with spaces and the like stop TensorFlow."""
    graph = network.graph
    names = [output.name for output in graph.output]
    for position, (output, name) in enumerate(zip(graph.output, names)):
        output.name = f"edge_run_answer_{position}"
        for node in graph.node:
            node.input[:] = [output.name if n == name else n for n in node.input]
            node.output[:] = [output.name if n == name else n for n in node.output]
    for position, node in enumerate(graph.node):
        if not _PLAIN.fullmatch(node.name):
            node.name = f"{node.op_type}_{position}"


def with_2d_pooling(network: Any) -> None:
    """3D pooling over space, then over time: TFLite has no kernel for windows of three axes.

    Maxima and means over a box are those over its faces, one axis after another.
    """
    shapes = _shapes(network)
    for node in [n for n in network.graph.node if n.op_type in ("MaxPool", "AveragePool")]:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        before, after = shapes.get(node.input[0]), shapes.get(node.output[0])
        static = before is not None and after is not None and len(node.output) == 1
        if (
            len(attributes["kernel_shape"]) == 3
            and static
            and b"SAME" not in attributes.get("auto_pad", b"")
        ):
            position = list(network.graph.node).index(node)
            network.graph.node.remove(node)
            for step in reversed(_steps(network, node, attributes, before, after)):
                network.graph.node.insert(position, step)


def _steps(
    network: Any, node: Any, attributes: dict[str, Any], before: Any, after: Any
) -> list[Any]:
    """before, after: (N, C, T, H, W)."""
    n, c, t, *_ = before
    height, width = after[3:]
    source, target = node.input[0], node.output[0]
    flat, pooled, maps, timed = (f"{target}/{step}" for step in ("flat", "pooled", "maps", "timed"))
    options = {k: v for k, v in attributes.items() if k in ("ceil_mode", "count_include_pad")}

    def pool(read: str, written: str, axes: list[int], fill: bool) -> Any:
        def of(name: str, nothing: int) -> list[int]:
            values = list(attributes.get(name) or [nothing] * 3)
            return [values[axis] for axis in axes] + [nothing] * fill

        pads = list(attributes.get("pads") or [0] * 6)
        sides = [pads[:3], pads[3:]]
        padding = [value for side in sides for value in [*(side[a] for a in axes), *[0] * fill]]
        dilations = {"dilations": of("dilations", 1)} if "dilations" in attributes else {}
        return onnx.helper.make_node(
            node.op_type, [read], [written], kernel_shape=of("kernel_shape", 1),
            strides=of("strides", 1), pads=padding, **dilations, **options,
        )  # fmt: skip

    return [
        _reshape(network, source, flat, (n, c * t, *before[3:])),
        pool(flat, pooled, [1, 2], fill=False),
        _reshape(network, pooled, maps, (n, c, t, height * width)),
        pool(maps, timed, [0], fill=True),
        _reshape(network, timed, target, tuple(after)),
    ]


def _reshape(network: Any, source: str, target: str, shape: tuple[int, ...]) -> Any:
    name = f"{target}/shape"
    sizes = onnx.numpy_helper.from_array(np.array(shape, np.int64), name)
    network.graph.initializer.append(sizes)
    return onnx.helper.make_node("Reshape", [source, name], [target])


def _shapes(network: Any) -> dict[str, tuple[int, ...]]:
    """Those that are known, by tensor."""
    graph = onnx.shape_inference.infer_shapes(network).graph
    shapes = {
        entry.name: tuple(size.dim_value for size in entry.type.tensor_type.shape.dim)
        for entry in (*graph.value_info, *graph.input, *graph.output)
    }
    return {name: shape for name, shape in shapes.items() if all(shape)}


def rename(network: Any, name: str, new_name: str) -> None:
    """Call the input as onnx2tf takes it: it does not find one of `onnx::Reshape_0` again."""
    for entry in (entry for entry in network.graph.input if entry.name == name):
        entry.name = new_name
    for node in network.graph.node:
        node.input[:] = [new_name if read == name else read for read in node.input]


_CLOSE = 1e-4


def order_gelu(network: Any) -> None:
    """Make (0.5 * x) * (1 + erf(x / sqrt(2))) of the same product in any other order."""
    constants = _constants(network.graph)
    for erf in [node for node in network.graph.node if node.op_type == "Erf"]:
        _order(network.graph, erf, constants)
    _drop_unread(network.graph)


def _order(graph: Any, erf: Any, constants: dict[str, float]) -> None:
    makers = {name: node for node in graph.node for name in node.output}
    scaled = makers.get(erf.input[0])
    plus_one = _reader(graph, erf.output[0])
    if scaled is None or plus_one is None or plus_one.op_type != "Add":
        return
    x, factor = _by_constant(scaled, constants)
    _, added = _by_constant(plus_one, constants)
    expected_factor = math.sqrt(2) if scaled.op_type == "Div" else math.sqrt(0.5)
    if (
        scaled.op_type not in ("Div", "Mul")
        or not _near(factor, expected_factor)
        or not _near(added, 1)
    ):
        return
    last, factors = _product(graph, plus_one.output[0], x, makers, constants)
    if last is not None and _near(factors, 0.5):
        half, halved = f"{last.name}_half", f"{last.name}_halved"
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(0.5, np.float32), half))
        graph.node.insert(
            list(graph.node).index(scaled),
            onnx.helper.make_node("Mul", [x, half], [halved], halved),
        )
        last.CopyFrom(
            onnx.helper.make_node("Mul", [halved, plus_one.output[0]], list(last.output), last.name)
        )


def _product(
    graph: Any, name: str, x: str, makers: dict[str, Any], constants: dict[str, float]
) -> tuple[Any, float]:
    """Follow products until x and one constant are in; (the last one, what stands beside x)."""
    factor, with_x, last = 1.0, False, None
    while (node := _reader(graph, name)) is not None and node.op_type == "Mul":
        if with_x and not _near(factor, 1):
            break
        (other,) = [operand for operand in node.input if operand != name] or [name]
        if other in constants:
            factor *= constants[other]
        elif other == x or _half_of(makers.get(other), x, constants):
            factor *= 1.0 if other == x else 0.5
            with_x = True
        else:
            break
        name, last = node.output[0], node
    return (last, factor) if with_x else (None, factor)


def _half_of(node: Any, x: str, constants: dict[str, float]) -> bool:
    if node is None or node.op_type != "Mul":
        return False
    name, factor = _by_constant(node, constants)
    return name == x and _near(factor, 0.5)


def _by_constant(node: Any, constants: dict[str, float]) -> tuple[str, float]:
    """(what is computed with a constant, that constant); NaN if there is none."""
    values = [constants[name] for name in node.input if name in constants]
    names = [name for name in node.input if name not in constants]
    return (names[0], values[0]) if len(values) == len(names) == 1 else ("", math.nan)


def _reader(graph: Any, name: str) -> Any:
    """The only node that reads a value; None if several do, or it is an answer."""
    readers = [node for node in graph.node if name in node.input]
    answers = {output.name for output in graph.output}
    return readers[0] if len(readers) == 1 and name not in answers else None


def _constants(graph: Any) -> dict[str, float]:
    """Weights of a single number, by name."""
    arrays = {weight.name: onnx.numpy_helper.to_array(weight) for weight in graph.initializer}
    return {name: float(value.reshape(())) for name, value in arrays.items() if value.size == 1}


def _drop_unread(graph: Any) -> None:
    read = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    for node in list(graph.node)[::-1]:
        if read.isdisjoint(node.output):
            graph.node.remove(node)
            read = {name for reader in graph.node for name in reader.input}
            read |= {output.name for output in graph.output}


def _near(value: float, expected: float) -> bool:
    return abs(value - expected) < _CLOSE
