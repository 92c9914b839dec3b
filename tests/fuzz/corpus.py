"""Small sound inputs, made by code: what the fuzz targets start from."""

import io
import json
import zipfile
from typing import Any

import numpy as np

from edge.bundle import MANIFEST, InputSpec, Manifest, Part, TensorSpec, index
from edge.bundle.manifest import to_json
from edge.tasks import Task
from edge.tflite import flatbuffer
from edge_benchmarks import record
from tests.benchmarks.samples import RECORD

FRAME, CLASSES = (1, 4, 4, 3), 2


def tflite() -> bytes:
    """One matrix product of a frame of 4 x 4 pixels, with a signature."""
    schema = flatbuffer.schema_module()
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    weights = np.arange(np.prod(FRAME) * CLASSES, dtype=np.float32)
    buffers = [schema.BufferT(), schema.BufferT()]
    buffers[1].data = weights.view(np.uint8)
    product = schema.OperatorT()
    product.inputs, product.outputs = [0, 1, -1], [2]
    product.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    product.builtinOptions = schema.FullyConnectedOptionsT()
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor(schema, "frame", FRAME, 0),
        _tensor(schema, "weights", (CLASSES, weights.size // CLASSES), 1),
        _tensor(schema, "kind", (1, CLASSES), 0),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [product]
    root = schema.ModelT()
    root.version, root.operatorCodes, root.buffers, root.subgraphs = 3, [code], buffers, [graph]
    root.signatureDefs = [_signature(schema)]
    return flatbuffer.write(root)


def _tensor(schema: Any, name: str, shape: tuple[int, ...], buffer: int) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), buffer
    tensor.type = schema.TensorType.FLOAT32
    return tensor


def _signature(schema: Any) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey = b"serving_default"
    for name, position, entries in (("frame", 0, "inputs"), ("kind", 2, "outputs")):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), position
        setattr(signature, entries, [entry])
    return signature


def manifest(members: dict[str, bytes]) -> bytes:
    inputs = (TensorSpec("frame", FRAME, "float32"),)
    outputs = (TensorSpec("kind", (1, CLASSES), "float32"),)
    part = Part("model", "model.tflite", "float32", inputs, outputs)
    fields = Manifest(
        1, "tiny", "single-frame", 1, InputSpec(4, 4),
        (Task("kind", "classification", ("a", "b")),), (part,), members=index(members),
    )  # fmt: skip
    return json.dumps(to_json(fields), indent=1).encode()


def members() -> dict[str, bytes]:
    frames = np.zeros((2, *FRAME[1:]), np.uint8)
    outputs = np.tile(np.float32([0.25, 0.75]), (2, 1))
    return {"model.tflite": tflite(), "golden.npz": npz(frames=frames, kind=outputs)}


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def zipped(content: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return stream.getvalue()


def bundle() -> bytes:
    content = members()
    return zipped({MANIFEST: manifest(content), **content})


def gallery() -> bytes:
    """Two people of three descriptors, in the arrays that a gallery has."""
    return npz(
        schema=np.int64(1), network=np.array("0" * 64), bundle=np.array("tiny"),
        task=np.array("who"), names=np.array(["anna", "bert"]), person=np.array([0, 0, 1]),
        descriptors=np.eye(3, 4, dtype=np.float32),
    )  # fmt: skip


def clips() -> bytes:
    return npz(clips=np.zeros((2, 1, 4, 4, 3), np.uint8), kind=np.array([0, 1]))


def benchmark_record() -> bytes:
    return record.to_json(RECORD).encode()


SUITE = b"""bundles = ["faces-in-motion", { bundle = "face", frames = 20 }]
threads = [1, 2]
runtimes = ["auto"]
[options]
seconds = 0.5
"""
