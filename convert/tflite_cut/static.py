"""Shapes and constants that a .tflite computes at run time are written into it."""

import warnings
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from convert.tflite_cut.edit import constant, inputs_of, set_constant, sign
from convert.tflite_cut.parts import outputs_of
from convert.tflite_cut.prune import prune
from edge import flatbuffer
from edge.errors import ModelError
from edge.native_output import captured_stderr

_WITHOUT_FOLDING = frozenset(
    {"RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL", "VAR_HANDLE"}
)


def with_static_shapes(model: bytes) -> bytes:
    """The same graph with the shapes that its tensors take when its input has those in the file.

    What depends on shapes and constants alone (SHAPE and what is done to it, weights kept in
    float16) becomes a constant. Raises ModelError where the graph cannot be run.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    computed = _computed_constants(root)
    dynamic = [t for t in graph.tensors if t.shapeSignature is not None and -1 in t.shapeSignature]
    if not computed and not dynamic:
        return model
    interpreter = _run(model)
    values = {index: _value(interpreter, index) for index in range(len(graph.tensors))}
    outputs = {int(index) for operator in graph.operators for index in operator.outputs}
    for index, value in values.items():
        tensor = graph.tensors[index]
        tensor.shapeSignature = None
        if value is not None and index in computed:
            set_constant(root, index, value)
        elif value is not None and index in outputs:
            tensor.shape = list(value.shape)
    folded = {index for index in computed if values[index] is not None}
    graph.operators = [o for o in graph.operators if not folded.issuperset(map(int, o.outputs))]
    sign(root, {"input": int(graph.inputs[0])}, outputs_of(root))
    prune(root)
    return flatbuffer.write(root)


def _computed_constants(root: Any) -> set[int]:
    """Outputs of operators that read constants, or only ask for a shape."""
    graph, found = root.subgraphs[0], set()
    answers = set(map(int, graph.outputs))
    for operator in graph.operators:
        kind = flatbuffer.operator_name(root, operator)
        known = all(i in found or constant(root, i) is not None for i in inputs_of(operator))
        given = set(map(int, operator.outputs))
        if (known or kind == "SHAPE") and kind not in _WITHOUT_FOLDING and not given & answers:
            found |= given
    return found


def _run(model: bytes) -> Interpreter:
    with captured_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the memory that kept tensors take
        try:
            interpreter = Interpreter(
                model_content=model,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            interpreter.allocate_tensors()
            for detail in interpreter.get_input_details():
                interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
            interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"the graph does not run for a batch of 1: {error}") from error
    return interpreter


def _value(interpreter: Interpreter, index: int) -> np.ndarray | None:
    try:
        return interpreter.get_tensor(index)
    except ValueError:  # nobody computed it
        return None
