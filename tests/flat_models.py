"""Small .tflite files, written operator by operator: no tensorflow is needed."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer

SIDE = 4
# what a frame of one colour, RGB (200, 100, 50), comes to: its share of each channel, times 10
COLOUR_BGR = (50, 100, 200)


def frame() -> np.ndarray:
    """uint8 BGR (8, 8, 3) of one colour."""
    return np.tile(np.uint8(COLOUR_BGR), (8, 8, 1))


class Builder:
    """A graph under construction."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version, self.model.description = 3, b"test"
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.model.metadata = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, shape: Sequence[int], content: np.ndarray | None = None, **more: Any) -> int:
        """more: kind (of TensorType), name (bytes), signature."""
        tensor = schema.TensorT()
        tensor.shape, tensor.type = list(shape), more.get("kind", schema.TensorType.FLOAT32)
        tensor.name = more.get("name", f"t{len(self.graph.tensors)}".encode())
        tensor.shapeSignature = more.get("signature")
        if content is not None:
            tensor.buffer = self.buffer(content.tobytes())
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def buffer(self, content: bytes) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(content, np.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1

    def operator(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: Any = None
    ) -> None:
        """name: of BuiltinOperator, else of a custom operator."""
        code = schema.OperatorCodeT()
        number = getattr(schema.BuiltinOperator, name, schema.BuiltinOperator.CUSTOM)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        code.customCode = name.encode() if number == schema.BuiltinOperator.CUSTOM else None
        self.model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options is not None:
            operator.builtinOptions = options
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        self.graph.operators.append(operator)

    def constant(self, values: np.ndarray) -> int:
        kinds = {"float32": schema.TensorType.FLOAT32, "int32": schema.TensorType.INT32}
        return self.tensor(values.shape, values, kind=kinds[values.dtype.name])

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        return flatbuffer.write(self.model)


def colour_model(
    *ends: str,
    gain: float = 10.0,
    frame: Sequence[int] = (1, SIDE, SIDE, 3),
    signature: Sequence[int] | None = None,
    shape: Sequence[int] = (1, 3),
    name: bytes = b"scores",
    metadata: bytes = b"",
    labels: Mapping[str, Sequence[str]] = {},
) -> bytes:
    """A frame's mean colour times `gain`, then the operators of `ends`, such as SOFTMAX."""
    builder = Builder()
    first = builder.tensor(frame, signature=signature, name=b"frame")
    axes = list(range(1, len(frame) - 1))
    last = builder.tensor((1, 3))
    reducer = schema.ReducerOptionsT()
    builder.operator("MEAN", [first, builder.constant(np.int32(axes))], [last], reducer)
    weights = builder.constant(np.float32(np.eye(3) * gain))
    before, last = last, builder.tensor((1, 3))
    dense = schema.FullyConnectedOptionsT()
    builder.operator("FULLY_CONNECTED", [before, weights, -1], [last], dense)
    for end in ends:
        before, last = last, _end(builder, end, last, shape, name)
    if metadata:
        entry = schema.MetadataT()
        entry.name, entry.buffer = b"TFLITE_METADATA", builder.buffer(metadata)
        builder.model.metadata = [entry]
    return builder.finish([first], [last]) + zipped(labels)


def _end(builder: Builder, end: str, before: int, shape: Sequence[int], name: bytes) -> int:
    inputs, options = [before], None
    if end == "ARG_MAX":
        options = schema.ArgMaxOptionsT()
        options.outputType = schema.TensorType.INT32
        last = builder.tensor((1,), kind=schema.TensorType.INT32, name=name)
        inputs.append(builder.constant(np.array(1, np.int32)))
    elif end == "RESHAPE":
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        last = builder.tensor(shape, name=name)
        inputs.append(builder.constant(np.int32(shape)))
    else:
        if end == "SOFTMAX":
            options = schema.SoftmaxOptionsT()
            options.beta = 1.0
        last = builder.tensor((1, 3), name=name)
    builder.operator(end, inputs, [last], options)
    return last


def outputs_model(*shapes: Sequence[int], signature: Sequence[int] | None = None) -> bytes:
    """Constant zeros of these shapes beside a frame."""
    builder = Builder()
    first = builder.tensor((1, SIDE, SIDE, 3), name=b"frame")
    outputs = []
    for shape in shapes:
        outputs.append(builder.tensor(shape, signature=signature))
        zeros = builder.constant(np.zeros(shape, np.float32))
        builder.operator("ABS", [zeros], [outputs[-1]])
    return builder.finish([first], outputs)


def compiled_model() -> bytes:
    """As if compiled for the Edge TPU."""
    builder = Builder()
    first = builder.tensor((1, SIDE, SIDE, 3), name=b"frame")
    last = builder.tensor((1, 3), name=b"scores")
    builder.operator("edgetpu-custom-op", [first], [last])
    return builder.finish([first], [last])


def zipped(texts: Mapping[str, Sequence[str]]) -> bytes:
    """What stands behind a model with labels; empty if there are none."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, lines in texts.items():
            archive.writestr(name, "\n".join(lines) + "\n")
    return content.getvalue() if texts else b""


def normalisation(mean: Sequence[float], std: Sequence[float], label_file: str = "") -> bytes:
    """The metadata of one input with mean and std, and of one output with a file of labels."""
    builder = flatbuffers.Builder(512)

    def floats(values: Sequence[float]) -> int:
        builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            builder.PrependFloat32(value)
        return int(builder.EndVector())

    def table(slots: int, offsets: Mapping[int, int], byte: tuple[int, int] | None = None) -> int:
        builder.StartObject(slots)
        if byte:
            builder.PrependUint8Slot(*byte, 0)
        for slot, offset in offsets.items():
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        return int(builder.EndObject())

    def vector(offset: int) -> int:
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(offset)
        return int(builder.EndVector())

    options = table(2, {0: floats(mean), 1: floats(std)})
    inputs = vector(table(7, {4: vector(table(2, {1: options}, (0, 1)))}))
    tensors = {2: inputs}
    if label_file:
        named = table(5, {0: builder.CreateString(label_file)}, (2, 2))
        tensors[3] = vector(table(7, {6: vector(named)}))
    builder.Finish(table(9, {3: vector(table(9, tensors))}), b"M001")
    return bytes(builder.Output())
