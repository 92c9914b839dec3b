"""Two networks one behind the other, as one float .tflite."""

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph, prune


def chain(first: bytes, second: bytes) -> bytes:
    """The network whose first input is that of `first`, and whose first input `second` reads of it.

    first: with one output, of the shape that `second` takes.  Other inputs, and all outputs, are those
    of `second`.
    """
    root, before = flatbuffer.read(second), flatbuffer.read(first)
    graph, added = root.subgraphs[0], before.subgraphs[0]
    (read, *_), (written,) = main_graph.inputs_by_name(root).values(), added.outputs
    beside = dict(list(main_graph.inputs_by_name(root).items())[1:])
    outputs = main_graph.outputs_of(root)
    name, source = next(iter(main_graph.inputs_by_name(before).items()))
    tensors, buffers, codes = len(graph.tensors), len(root.buffers), len(root.operatorCodes)
    taken_names = {tensor.name for tensor in graph.tensors}
    for tensor in added.tensors:
        tensor.buffer += buffers
        if tensor.name in taken_names:
            tensor.name = b"before/" + tensor.name
    for operator in added.operators:
        operator.opcodeIndex += codes
        operator.inputs = [i if i < 0 else i + tensors for i in map(int, operator.inputs)]
        operator.outputs = [i + tensors for i in map(int, operator.outputs)]
    graph.tensors += added.tensors
    root.buffers += before.buffers
    root.operatorCodes += before.operatorCodes
    main_graph.rewire(root, {read: int(written) + tensors})
    graph.operators = [*added.operators, *graph.operators]
    main_graph.sign(root, {name: source + tensors, **beside}, outputs)
    prune.tidy(root)
    return flatbuffer.write(root)
