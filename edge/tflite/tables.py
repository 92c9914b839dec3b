"""What a .tflite file says, read without a runtime, a schema's code, or trust in the file.

Slots are those of TensorFlow's schema.fbs and metadata_schema.fbs.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edge.bundle import TensorSpec
from edge_common import EdgeError

_MOST_TABLES = 1 << 18  # a network of 13,000 operators is large
_MOST_ENDS = 1000  # inputs, or outputs
_DAMAGED = "the flatbuffer points outside of itself"
_MODEL_CODES, _MODEL_GRAPHS, _MODEL_BUFFERS, _MODEL_METADATA, _MODEL_SIGNATURES = 1, 2, 4, 6, 7
_GRAPH_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS = 0, 1, 2, 3
_SHAPE, _TYPE, _NAME, _QUANTISATION, _SIGNATURE = 0, 1, 3, 4, 7  # of a tensor
_SCALES, _ZERO_POINTS = 2, 3  # of a quantisation
_CODE_BYTE, _CUSTOM_CODE, _CODE = 0, 1, 3  # of an operator's code
_DTYPES = (
    "float32", "float16", "int32", "uint8", "int64", "str", "bool", "int16", "complex64", "int8",
    "float64",
)  # fmt: skip
# of BuiltinOperator
_PASSING_ON = frozenset({6, 22, 43, 53, 70, 114})  # dequantise, reshape, squeeze, cast, ...
SOFTMAX, LOGISTIC, ARG_MAX, ARG_MIN = 25, 14, 56, 79
# the layers that end a classifier without an activation: add, convolution, dense, batch_matmul
LINEAR = frozenset({0, 3, 9, 126})


def read_model(path: Path, error: type[EdgeError]) -> bytes:
    """A .tflite file's bytes. Raises `error` if it cannot be read, or is no such file."""
    try:
        model = path.read_bytes()
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}") from problem
    if model[4:8] != b"TFL3":
        raise error(f"{path} is no TFLite flatbuffer: it is another file or cut short")
    return model


@dataclass(frozen=True)
class FlatbufferTable:
    """A table inside of a flatbuffer; all that it reads raises ValueError if it lies outside."""

    data: bytes
    position: int

    @classmethod
    def root(cls, data: bytes) -> "FlatbufferTable":
        return cls(data, _number(data, "I", 0))

    def number(self, slot: int, form: str, default: int = 0) -> int:
        """A scalar, of `struct`'s form."""
        field = self._field(slot)
        return _number(self.data, form, field) if field else default

    def table(self, slot: int) -> "FlatbufferTable | None":
        field = self._field(slot)
        return FlatbufferTable(self.data, field + _number(self.data, "I", field)) if field else None

    def tables(self, slot: int) -> "Iterator[FlatbufferTable]":
        """The tables of a vector."""
        start, count = self.vector(slot, 4)
        if count > _MOST_TABLES:
            raise ValueError(f"it lists more than {_MOST_TABLES} tables")
        for position in range(start, start + 4 * count, 4):
            yield FlatbufferTable(self.data, position + _number(self.data, "I", position))

    def numbers(self, slot: int, dtype: str) -> tuple[float, ...]:
        """The scalars of a vector, of numpy's dtype."""
        start, count = self.vector(slot, np.dtype(dtype).itemsize)
        return tuple(np.frombuffer(self.data, dtype, count, start).tolist()) if count else ()

    def whole_numbers(self, slot: int) -> tuple[int, ...]:
        return tuple(map(int, self.numbers(slot, "<i4")))

    def content(self, slot: int) -> bytes:
        start, count = self.vector(slot, 1)
        return self.data[start : start + count]

    def text(self, slot: int) -> str:
        return self.content(slot).decode(errors="replace")

    def vector(self, slot: int, item_bytes: int) -> tuple[int, int]:
        """Where the first item of a vector stands, and how many there are."""
        field = self._field(slot)
        if not field:
            return 0, 0
        start = field + _number(self.data, "I", field)
        count = _number(self.data, "I", start)
        if start + 4 + count * item_bytes > len(self.data):
            raise ValueError(_DAMAGED)
        return start + 4, count

    def _field(self, slot: int) -> int:
        """Where a field stands; 0 if the table has none."""
        fields = self.position - _number(self.data, "i", self.position)
        entry = 4 + 2 * slot
        if entry + 2 > _number(self.data, "H", fields):
            return 0
        offset = _number(self.data, "H", fields + entry)
        return self.position + offset if offset else 0


def _number(data: bytes, form: str, position: int) -> int:
    if position < 0:
        raise ValueError(_DAMAGED)
    try:
        return int(struct.unpack_from("<" + form, data, position)[0])
    except struct.error:
        raise ValueError(_DAMAGED) from None


@dataclass(frozen=True)
class Graph:
    """The main graph of a .tflite, whose inputs, outputs and operators can all be read."""

    model: FlatbufferTable
    main: FlatbufferTable

    @classmethod
    def of(cls, model: bytes) -> "Graph":
        """Raises ValueError if the file is damaged."""
        root = FlatbufferTable.root(model)
        main = next(root.tables(_MODEL_GRAPHS), None)
        if main is None:
            raise ValueError("it holds no graph")
        graph = cls(root, main)
        for tensor in (*graph.inputs, *graph.outputs):
            specification(tensor), open_shape(tensor)
        for output in range(len(graph.outputs)):
            graph.last_operator(output)
        graph.signature(), graph.sources()
        return graph

    @property
    def inputs(self) -> tuple[FlatbufferTable, ...]:
        return self._tensors(self.main.whole_numbers(_GRAPH_INPUTS))

    @property
    def outputs(self) -> tuple[FlatbufferTable, ...]:
        return self._tensors(self.main.whole_numbers(_GRAPH_OUTPUTS))

    def _tensors(self, indices: Sequence[int]) -> tuple[FlatbufferTable, ...]:
        tensors = tuple(self.main.tables(_GRAPH_TENSORS))
        if len(indices) > _MOST_ENDS or not all(0 <= index < len(tensors) for index in indices):
            raise ValueError(_DAMAGED)
        return tuple(tensors[index] for index in indices)

    def signature(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the first signature calls the inputs, and the outputs; "" if it does not."""
        entries = next(self.model.tables(_MODEL_SIGNATURES), None)
        inputs, outputs = (
            {entry.number(1, "I"): entry.text(0) for entry in entries.tables(slot)}
            if entries
            else {}
            for slot in (0, 1)
        )
        return (
            tuple(inputs.get(i, "") for i in self.main.whole_numbers(_GRAPH_INPUTS)),
            tuple(outputs.get(i, "") for i in self.main.whole_numbers(_GRAPH_OUTPUTS)),
        )

    def handed_on(self) -> set[tuple[int, int]]:
        """Positions of an input and an output that are one tensor."""
        inputs = self.main.whole_numbers(_GRAPH_INPUTS)
        outputs = self.main.whole_numbers(_GRAPH_OUTPUTS)
        return {(inputs.index(each), o) for o, each in enumerate(outputs) if each in inputs}

    def sources(self) -> tuple[frozenset[int], ...]:
        """For each output, the positions of the inputs that it is computed from."""
        inputs = self.main.whole_numbers(_GRAPH_INPUTS)
        bits = {tensor: 1 << position for position, tensor in enumerate(inputs)}
        listed = 0
        for operator in self.main.tables(_GRAPH_OPERATORS):
            read, written = operator.whole_numbers(1), operator.whole_numbers(2)
            listed += len(read) + len(written)
            if listed > len(self.main.data):  # they share one long list
                raise ValueError(_DAMAGED)
            reached = 0
            for tensor in read:
                reached |= bits.get(tensor, 0)
            bits |= dict.fromkeys(written, reached)
        outputs = (bits.get(tensor, 0) for tensor in self.main.whole_numbers(_GRAPH_OUTPUTS))
        return tuple(frozenset(i for i in range(len(inputs)) if bit >> i & 1) for bit in outputs)

    def last_operator(self, output: int) -> int:
        """The operator that makes an output's values, by its number; -1: none of the graph."""
        codes, makers = self._codes, self._makers
        tensor = self.main.whole_numbers(_GRAPH_OUTPUTS)[output]
        for _ in range(len(makers)):  # a damaged graph may go round in circles
            operator = makers.get(tensor)
            index = operator.number(0, "I") if operator else len(codes)
            if operator is None or index >= len(codes):
                return -1
            inputs = operator.whole_numbers(1)
            if codes[index] not in _PASSING_ON or not inputs:
                return codes[index]
            tensor = inputs[0]
        return -1

    def written_by(self, custom: str) -> tuple[int, ...]:
        """The positions among the outputs of what a custom operator writes, in its order.

        Empty if there is none of that name.
        """
        codes = [code.text(_CUSTOM_CODE) for code in self.model.tables(_MODEL_CODES)]
        outputs = self.main.whole_numbers(_GRAPH_OUTPUTS)
        for tensor in outputs:
            operator = self._makers.get(tensor)
            index = operator.number(0, "I") if operator else len(codes)
            if operator and index < len(codes) and codes[index] == custom:
                tensors = operator.whole_numbers(2)
                return tuple(outputs.index(each) for each in tensors if each in outputs)
        return ()

    @cached_property
    def _codes(self) -> list[int]:
        return [
            max(code.number(_CODE, "i"), code.number(_CODE_BYTE, "b"))
            for code in self.model.tables(_MODEL_CODES)
        ]

    @cached_property
    def _makers(self) -> dict[int, FlatbufferTable]:
        """Which operator makes a tensor."""
        makers: dict[int, FlatbufferTable] = {}
        listed = 0
        for operator in self.main.tables(_GRAPH_OPERATORS):
            outputs = operator.whole_numbers(2)
            listed += len(outputs)
            if listed > len(self.main.data):  # they share one long list
                raise ValueError(_DAMAGED)
            makers |= dict.fromkeys(outputs, operator)
        return makers

    def metadata(self, name: str) -> bytes:
        """The content of a named entry; empty if there is none."""
        buffers = tuple(self.model.tables(_MODEL_BUFFERS))
        for entry in self.model.tables(_MODEL_METADATA):
            index = entry.number(1, "I")
            if entry.text(0) == name and index < len(buffers):
                return buffers[index].content(0)
        return b""


def specification(tensor: FlatbufferTable) -> TensorSpec:
    """A tensor as the file describes it."""
    code, quantisation = tensor.number(_TYPE, "b"), tensor.table(_QUANTISATION)
    dtype = _DTYPES[code] if 0 <= code < len(_DTYPES) else f"type {code}"
    scales = quantisation.numbers(_SCALES, "<f4") if quantisation else ()
    zero_points = quantisation.numbers(_ZERO_POINTS, "<i8") if quantisation else ()
    scale = scales[0] if len(scales) == 1 else 0.0
    zero_point = int(zero_points[0]) if len(scales) == 1 and zero_points else 0
    return TensorSpec(
        tensor.text(_NAME), tensor.whole_numbers(_SHAPE), dtype, float(scale), zero_point
    )


def open_shape(tensor: FlatbufferTable) -> tuple[int, ...]:
    """The shape, with -1 for each size that the file leaves open."""
    return tensor.whole_numbers(_SIGNATURE) or tensor.whole_numbers(_SHAPE)


def with_shape(model: bytes, tensor: FlatbufferTable, shape: Sequence[int]) -> bytes:
    """The file with another, fixed shape of as many axes for this tensor."""
    patched = bytearray(model)
    for slot in (_SHAPE, _SIGNATURE):
        start, count = tensor.vector(slot, 4)
        if count == len(shape):
            struct.pack_into(f"<{count}i", patched, start, *shape)
    return bytes(patched)
