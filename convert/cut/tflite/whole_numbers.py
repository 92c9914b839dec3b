"""An input of whole numbers, as decoders give pixels, made one of floats that hold the same numbers."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cut.tflite import main_graph

_FLOAT = schema.TensorType.FLOAT32
_TYPES = frozenset(getattr(schema.TensorType, name) for name in ("UINT8", "INT32", "INT64"))
_MOVES = frozenset({
    "CONCATENATION", "EXPAND_DIMS", "GATHER", "PACK", "RESHAPE", "SLICE", "SPLIT", "SPLIT_V", "SQUEEZE",
    "STRIDED_SLICE", "TRANSPOSE", "UNPACK",
})  # fmt: skip


def with_float_input(model: bytes, name: str) -> bytes:
    """The graph that takes floats in place of whole numbers; as it is if it does not take such.

    What moves them, and makes floats of them, is right for floats too if those are whole. Raises
    ModelError if anything else is done to them before.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    whole = {i for i in map(int, graph.inputs) if _is_plain(graph.tensors[i])}
    if len(whole) != 1:  # of the frames; what is given beside them is of floats
        return model
    casts = dict[int, int]()
    for operator in graph.operators:
        read, kind = main_graph.inputs_of(operator), flatbuffer.operator_name(root, operator)
        if whole.isdisjoint(read) or kind == "SHAPE":
            continue
        if kind == "CAST":
            (target,) = map(int, operator.outputs)
            casts[target] = casts.get(read[0], read[0])
            if graph.tensors[target].type != _FLOAT:
                whole.add(target)
        elif kind in _MOVES and all(i in whole or _is_of_moves(graph, i, kind) for i in read):
            whole.update(map(int, operator.outputs))
        else:
            raise ModelError(
                f"{name} takes {main_graph.dtype_of(graph.tensors[read[0]])}, and its {kind} calculates with "
                "that: cast the input to float32 first, or give a network that takes float32"
            )
    for index in whole:
        graph.tensors[index].type = _FLOAT
    answers = whole.union(casts).intersection(map(int, graph.outputs))
    if answers:
        raise ModelError(f"{name} answers with its own input: leave that out")
    graph.operators = [o for o in graph.operators if int(o.outputs[0]) not in casts]
    main_graph.rewire(root, casts)
    return flatbuffer.write(root)


def _is_plain(tensor: Any) -> bool:
    return tensor.type in _TYPES and not main_graph.stands_for_reals(tensor)


def _is_of_moves(graph: Any, index: int, kind: str) -> bool:
    """Whether it says how to move, such as a shape; what is joined to the input does not."""
    return kind not in ("CONCATENATION", "PACK") and graph.tensors[index].type in _TYPES
