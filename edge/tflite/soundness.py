"""Whether a .tflite file is sound: the schema's reader trusts every number in it."""

import math
import struct
from collections.abc import Iterator
from typing import Any

from edge_common import BundleError

# all that the generated reader raises at offsets that lead nowhere
_READER_ERRORS = (
    struct.error, IndexError, TypeError, ValueError, AttributeError, OverflowError, MemoryError,
)  # fmt: skip
_MOST_ELEMENTS = 1 << 40  # of a tensor
_MOST_AXES = 16
_MULTIPLY = ("CONV_2D", "CONV_3D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")


def unpack(schema: Any, model: bytes) -> Any:
    """The file as a `ModelT` whose vectors are there, and whose indices lead somewhere.

    Raises BundleError if it is damaged.
    """
    try:
        _check_size(schema.Model.GetRootAs(model, 0), len(model))
        root = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
        _fill(root)
        _check(schema, root, len(model))
    except _READER_ERRORS as error:
        reason = str(error) if isinstance(error, Unsound) else "its parts lie outside of the file"
        raise BundleError(
            f"the .tflite is damaged ({reason}): copy it again, or convert the network again"
        ) from error
    return root


class Unsound(ValueError):
    """What is wrong, in words."""


def _check_size(model: Any, size_bytes: int) -> None:
    """Raise Unsound if its vectors share their content, so that few bytes become many objects."""
    remaining = size_bytes
    for elements in _lengths(model):
        remaining -= elements
        if remaining < 0:
            raise Unsound("it repeats itself")


def _lengths(model: Any) -> Iterator[int]:
    """Lengths of all vectors that become Python objects, before they do."""
    yield model.OperatorCodesLength() + model.BuffersLength() + model.MetadataLength()
    for i in range(model.OperatorCodesLength()):
        yield len(model.OperatorCodes(i).CustomCode() or b"")
    for i in range(model.MetadataLength()):
        yield len(model.Metadata(i).Name() or b"")
    for i in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(i)
        yield 1 + len(signature.SignatureKey() or b"")
        for length, entry in (
            (signature.InputsLength(), signature.Inputs),
            (signature.OutputsLength(), signature.Outputs),
        ):
            for j in range(length):
                yield 1 + len(entry(j).Name() or b"")
    for i in range(model.SubgraphsLength()):
        yield from _graph_lengths(model.Subgraphs(i))


def _graph_lengths(graph: Any) -> Iterator[int]:
    yield 1 + graph.TensorsLength() + graph.OperatorsLength() + len(graph.Name() or b"")
    for i in range(graph.TensorsLength()):
        tensor = graph.Tensors(i)
        yield len(tensor.Name() or b"") + tensor.VariantTensorsLength()
        if (sparsity := tensor.Sparsity()) is not None:
            yield sparsity.DimMetadataLength()


def _fill(root: Any) -> None:
    """Vectors that a file may leave out are empty, as are names."""
    for name in ("operatorCodes", "subgraphs", "buffers", "signatureDefs", "metadata"):
        setattr(root, name, getattr(root, name) or [])
    for graph in root.subgraphs:
        graph.tensors, graph.operators = graph.tensors or [], graph.operators or []
        for owner in (graph, *graph.operators):
            owner.inputs = [] if owner.inputs is None else owner.inputs
            owner.outputs = [] if owner.outputs is None else owner.outputs
        for tensor in graph.tensors:
            tensor.name = tensor.name or b""
    for signature in root.signatureDefs:
        signature.inputs, signature.outputs = signature.inputs or [], signature.outputs or []
        for entry in (*signature.inputs, *signature.outputs):
            entry.name = entry.name or b""


def _check(schema: Any, root: Any, size_bytes: int) -> None:
    """Raise Unsound if an index leads nowhere, or a size is none."""
    if not root.subgraphs:
        raise Unsound("it holds no graph")
    kinds = {code for code in vars(schema.TensorType).values() if isinstance(code, int)}
    names = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    for buffer in root.buffers:
        if buffer.offset > 1 and buffer.offset + buffer.size > size_bytes:
            raise Unsound("its weights lie behind its end")
    for graph in root.subgraphs:
        for tensor in graph.tensors:
            _check_tensor(tensor, kinds, len(root.buffers))
        count = len(graph.tensors)
        _check_indices((*graph.inputs, *graph.outputs), 0, count)
        for operator in graph.operators:
            _check_indices((operator.opcodeIndex,), 0, len(root.operatorCodes))
            _check_indices(operator.inputs, -1, count)
            _check_indices(operator.outputs, 0, count)
            code = root.operatorCodes[operator.opcodeIndex]
            if names.get(max(code.builtinCode, code.deprecatedBuiltinCode)) in _MULTIPLY:
                _check_product(graph, operator)


def _check_tensor(tensor: Any, kinds: set[int], buffers: int) -> None:
    shape = [int(size) for size in (() if tensor.shape is None else tensor.shape)]
    if len(shape) > _MOST_AXES or any(size < 0 for size in shape):
        raise Unsound(f"a tensor has the shape {shape[:_MOST_AXES]}")
    if math.prod(shape) > _MOST_ELEMENTS or tensor.type not in kinds:
        raise Unsound("a tensor is larger than any memory, or of no known type")
    _check_indices((tensor.buffer,), 0, max(buffers, 1))


def _check_indices(indices: Any, least: int, below: int) -> None:
    for index in indices:
        if not least <= index < below:
            raise Unsound(f"number {index} is none of {below}")


def _check_product(graph: Any, operator: Any) -> None:
    """A convolution or matrix product has two tensors to multiply, and a result."""
    factors = [graph.tensors[i] for i in operator.inputs[:2] if i >= 0]
    sound = len(factors) == 2 and len(operator.outputs)
    if not sound or any(tensor.shape is None or not len(tensor.shape) for tensor in factors):
        raise Unsound("an operator lacks what it multiplies")
