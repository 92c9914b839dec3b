"""The output of an encoder that a head of another file takes."""

import math

from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert import inputs
from edge_convert.cut.tflite import main_graph
from edge_convert.cut.tflite.prune import prune


def fitting(files: tuple[str, str], encoder: bytes, shape: main_graph.Shape, feature: str) -> str:
    """The name of the encoder's output that holds as many numbers as a frame of the head."""
    root = flatbuffer.read(encoder)
    tensors = root.subgraphs[0].tensors
    shapes = {
        name: flatbuffer.shape_of(tensors[index])[1:]
        for name, index in main_graph.outputs_of(root).items()
    }
    if feature and feature not in shapes:
        raise ModelError(f"{files[0]} has no output '{feature}', but {', '.join(shapes)}")
    names = [feature] if feature else list(shapes)
    fitting = [name for name in names if _fits(shapes[name], shape)]
    form = "(" + ", ".join(map(str, shape)) + ")"
    if not fitting:
        written = ", ".join(f"'{name}' {shapes[name]}" for name in names)
        raise ModelError(
            f"{files[0]} gives {written} of a frame, and {files[1]} takes {form}: they do not fit"
        )
    if len(fitting) > 1:
        raise ModelError(
            f"{files[0]} has {len(fitting)} outputs that {files[1]} could take, {form}: say which "
            f"with --feature {'|'.join(fitting)}"
        )
    return fitting[0]


def _fits(written: main_graph.Shape, read: main_graph.Shape) -> bool:
    """A map may be read as one vector; otherwise both have the same axes but those of one."""
    if len(read) == 1:
        return math.prod(written) == read[0]
    return [size for size in written if size > 1] == [size for size in read if size > 1]


def alone(model: bytes, name: str, shape: main_graph.Shape) -> bytes:
    """The encoder with this output alone, called `features`, of shape (1, *shape)."""
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    source = main_graph.outputs_of(root)[name]
    target = source
    if flatbuffer.shape_of(graph.tensors[source]) != (1, *shape):
        target = main_graph.add_tensor(root, inputs.FEATURES, (1, *shape))
        graph.operators.append(main_graph.reshape(root, source, target))
    frame = int(graph.inputs[0])
    main_graph.sign(root, {inputs.FRAME: frame}, {inputs.FEATURES: target})
    prune(root)
    return flatbuffer.write(root)
