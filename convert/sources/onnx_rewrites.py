"""Operators of ONNX that onnx2tf or TFLite cannot hold, by such that they can."""

import re
from typing import Any

import numpy as np
import onnx

_PLAIN = re.compile(r"[A-Za-z0-9_./-]*")  # as TensorFlow wants names


def with_plain_norms(network: Any) -> None:
    """The root of the sum of squares in two steps: onnx2tf's tf.norm does not load again."""
    for index, node in enumerate(list(network.graph.node)):
        if node.op_type == "ReduceL2":
            squares = f"{node.output[0]}/squares"
            root = onnx.helper.make_node("Sqrt", [squares], list(node.output))
            node.op_type, node.output[0] = "ReduceSumSquare", squares
            position = list(network.graph.node).index(node, index)
            network.graph.node.insert(position + 1, root)


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
