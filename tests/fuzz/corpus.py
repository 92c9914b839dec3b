"""Small sound inputs, made by code: what the fuzz targets start from."""

import functools
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import GOLDEN, MANIFEST, InputSpec, Manifest, Part, TensorSpec, index, open_bundle
from edge.bundle.manifest import to_json
from edge.people.recogniser import ACCEPTANCE, OperatingPoint, to_member
from edge.tasks import Task
from edge.tflite import flatbuffer
from edge_benchmarks import record
from tests import detectors, flat_models, streaming
from tests.benchmarks.samples import RECORD
from tests.devices.prediction.test_measured import record as measurement

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
    outputs = np.zeros((2, CLASSES), np.float32)
    acceptance = OperatingPoint("kind", 0.5, 0.1, 3)
    return {
        "model.tflite": tflite(),
        GOLDEN: npz(frames=frames, kind=outputs),
        ACCEPTANCE: to_member(acceptance),
    }


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


def measurements() -> list[bytes]:
    """A record that edge-bench wrote on a board, as the prediction reads it."""
    return [json.dumps(measurement()).encode()]


def run_models() -> list[bytes]:
    """Files that a runtime runs: small ones, and the encoder of the shipped bundle."""
    ends = (), ("SOFTMAX",), ("ARG_MAX",), ("RESHAPE",)
    small = [flat_models.colour_model(*each) for each in ends]
    states = streaming.sums(["a", "b"], ["b", "c"])
    return [tflite(), *small, states, shipped_encoder()]


@functools.cache
def shipped_encoder() -> bytes:
    shipped = open_bundle("faces-in-motion")
    return shipped.members[shipped.manifest.parts[0].file]


def run_bundles() -> list[bytes]:
    """A small one, and the shipped one."""
    return [bundle(), shipped_bundle()]


@functools.cache
def shipped_bundle() -> bytes:
    return (open_bundle("faces-in-motion").path or Path()).read_bytes()


SPOTS = detectors.bright_spots()
SSD = detectors.post_processed([[0.5, 0.5], [0.2, 0.8]], [[0.1, 0.9], [0.8, 0.2]])
DETECTORS = [
    b"""score = 0.4
classes = [0]
labels = ["person"]
input_range = [-1, 1]
resize = "letterbox:114"
mean = [0.1]
std = [0.5]
nms = { iou = 0.5, weighted = true }
""",
    b"""limit = 50
[boxes]
boxes = "t1"
classes = "t2"
scores = "t3"
count = "t4"
order = "yxyx"
pixels = false
""",
    b"""logits = true
[anchors]
boxes = "t1"
scores = "t1"
scales = [10, 10, 5, 5]
exponential = true
grids = [{ stride = 40, sizes = [[0.5, 0.5], [0.25, 0.75]] }]
""",
]

SUITE = b"""bundles = ["faces-in-motion", { bundle = "face", frames = 20 }]
threads = [1, 2]
runtimes = ["auto"]
[options]
seconds = 0.5
"""


def _lines(*lines: dict[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, lines)).encode()


DECISIONS = _lines(
    {
        "frame": 1, "first_frame": 0, "captured_at": 1.0, "age_ms": 1.0, "latency_ms": {"head": 1},
        "tasks": {"action": {"label": "left", "p": 0.9, "index": 1}, "age": {"value": 3.5}},
    },
    {
        "frame": 3, "first_frame": 2,
        "tasks": {"action": {"label": "right"}, "signs": {"labels": ["a"], "p": {"a": 0.9, "b": 0}}},
    },
)  # fmt: skip
REPLY = _lines({"step": "measuring", "lacks_wheel": False}, {"exit": 0, "record_bytes": 100})
TRUTH = _lines(
    {"first_frame": 0, "last_frame": 1, "tasks": {"action": "left", "age": 3.0}},
    {"first_frame": 2, "last_frame": 5, "tasks": {"action": "right", "signs": ["a"]}},
)
TABLE = b"""clip,action,age[years]
clip.mp4,left,3
./clip.mp4,right,4.5
"""
TASKS = json.dumps(
    {
        "tasks": {
            "kind": {"kind": "classification", "labels": ["a", "b"]},
            "age": {"kind": "regression", "scale": 100.0, "unit": "years"},
            "signs": {"kind": "multi-label", "labels": ["a", "b"], "thresholds": [0.5], "top_k": 1},
        },
        "frame_rate_hz": 25.0,
        "licence": "Apache-2.0",
        "weights_source": "none",
    }
).encode()
REPORT = json.dumps(
    {
        "config": {"seed": 0, "data": {"people": 40, "test_photos": 3}},
        "history": {"blocks": {"loss": [1.0, 0.5]}},
        "best_epoch": {"blocks": 1},
        "seconds": {"blocks": 2.5},
        "label_sums": {use: {"action": [2, 1.0]} for use in ("train", "validation", "test")},
    }
).encode()
TFJS = json.dumps(
    {
        "modelTopology": {
            "node": [
                {"name": "w", "op": "Const"},
                {"name": "x", "op": "Placeholder"},
                {"name": "y", "op": "Mul", "input": ["x:0", "w", "^x"], "attr": {"b": {"b": True}}},
            ]
        },
        "weightsManifest": [
            {
                "paths": ["shard.bin"],
                "weights": [
                    {"name": "w", "shape": [2], "dtype": "float32"},
                    {
                        "name": "v", "shape": [8], "dtype": "float32",
                        "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0},
                    },
                ],
            }
        ],
    }
).encode()  # fmt: skip
