"""Operators of ONNX that onnx2tf or TFLite cannot hold, by such that they can."""

from typing import Any

import numpy as np
import onnx


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
