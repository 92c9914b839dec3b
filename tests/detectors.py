"""Small detectors as bundles, written operator by operator: no tensorflow is needed."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from edge.bundle import (
    DETECTION_SINCE,
    GOLDEN,
    SINGLE_FRAME,
    Bundle,
    CentreMaps,
    DetectionSpec,
    InputSpec,
    Manifest,
    Part,
    Resize,
    SsdBoxes,
    Suppression,
    index,
)
from edge.check import evaluate
from edge.engine.engine import Engine
from edge.stream import StreamOptions
from tests.flat_models import Builder

SSD = SsdBoxes("boxes", "scores", "classes", "count")


def wrapped(model: bytes, spec: DetectionSpec, resize: Resize = Resize()) -> Bundle:
    """A model that takes frames of floats from 0 to 1 as a detector."""
    engine = Engine(model)
    _, height, width, _ = engine.inputs[0].shape
    members = {"detector.tflite": model}
    part = Part("detector", "detector.tflite", "float32", engine.inputs, engine.outputs)
    frames = InputSpec(height, width, value_range=(0.0, 1.0), resize=resize)
    return Bundle(
        Manifest(
            DETECTION_SINCE,
            "test-detector",
            SINGLE_FRAME,
            1,
            frames,
            (),
            (part,),
            members=index(members),
            detection=spec,
        ),
        members,
    )


def constants(frame_size: tuple[int, int] = (40, 20), **outputs: Any) -> bytes:
    """A model that takes frames of that width and height, and always writes these arrays."""
    builder = Builder()
    frame = builder.tensor((1, *frame_size[::-1], 3), name=b"frame")
    results = []
    for name, values in outputs.items():
        content = builder.constant(np.asarray(values, np.float32))
        results.append(builder.tensor(np.shape(values), name=name.encode()))
        zero = builder.constant(np.float32([0]))
        builder.operator("ADD", [content, zero], [results[-1]], schema.AddOptionsT())
    return builder.finish([frame], results)


def ssd(
    boxes: Any, scores: Any, numbers: Any = None, count: float | None = None, **spec: Any
) -> Bundle:
    """A detector that always writes these boxes (n, 4), in shares of its input."""
    n = len(scores)
    model = constants(
        boxes=np.reshape(boxes, (1, n, 4)),
        scores=np.reshape(scores, (1, n)),
        classes=np.reshape(numbers or np.zeros(n), (1, n)),
        count=[n if count is None else count],
    )
    return wrapped(model, DetectionSpec(boxes=SSD, **spec))


def bright_spots(frame_size: tuple[int, int] = (64, 32), resize: Resize = Resize()) -> Bundle:
    """A detector of bright spots, each with a box of 8 x 8 pixels of its input."""
    width, height = frame_size
    builder = Builder()
    frame = builder.tensor((1, height, width, 3), name=b"frame")
    places = (1, height // 4, width // 4)
    pooled = builder.tensor((*places, 3))
    pool = schema.Pool2DOptionsT()
    pool.padding = schema.Padding.VALID
    pool.filterWidth = pool.filterHeight = pool.strideW = pool.strideH = 4
    builder.operator("AVERAGE_POOL_2D", [frame], [pooled], pool)
    outputs = []
    for name, weight, bias in (
        ("heatmap", 1 / 3, [0]),
        ("size", 0, [8, 8]),
        ("offset", 0, [0.5] * 2),
    ):
        weights = builder.constant(np.full((len(bias), 1, 1, 3), weight, np.float32))
        outputs.append(builder.tensor((*places, len(bias)), name=name.encode()))
        options = schema.Conv2DOptionsT()
        options.strideW = options.strideH = 1
        inputs = [pooled, weights, builder.constant(np.float32(bias))]
        builder.operator("CONV_2D", inputs, [outputs[-1]], options)
    maps = CentreMaps("heatmap", "size", "offset")
    spec = DetectionSpec(centres=maps, nms=Suppression(0.5))
    return wrapped(builder.finish([frame], outputs), spec, resize)


def with_golden(bundle: Bundle, frames_rgb: np.ndarray, **changed: np.ndarray) -> Bundle:
    """With golden frames and what it finds in them."""
    content, arrays = io.BytesIO(), evaluate.replay(bundle, frames_rgb, StreamOptions())
    np.savez(content, **{"frames": frames_rgb, **arrays, **changed})
    return replace(bundle, members={**bundle.members, GOLDEN: content.getvalue()})


def post_processed(centres: Any, scores: Any, kind: str = "TFLite_Detection_PostProcess") -> bytes:
    """An SSD as the object detection API exports it, with boxes of 0.2 x 0.2 of its input.

    centres: (n, 2), y and x in shares.  scores: (n, classes).
    """
    builder, (n, classes) = Builder(), np.shape(scores)
    frame = builder.tensor((1, 20, 40, 3), name=b"frame")
    anchors = np.concatenate([centres, np.full((n, 2), 0.2)], axis=1).astype(np.float32)
    with_background = np.concatenate([np.zeros((n, 1)), scores], axis=1).astype(np.float32)
    contents = (np.zeros((1, n, 4), np.float32), with_background[None], anchors)
    outputs = [builder.tensor(shape) for shape in ((1, n, 4), (1, n), (1, n), (1,))]
    builder.operator(kind, [builder.constant(each) for each in contents], outputs)
    options = flexbuffers.Builder()
    with options.Map():
        for key, whole in (
            ("max_detections", n), ("max_classes_per_detection", 1), ("num_classes", classes)
        ):  # fmt: skip
            options.Int(key, whole)
        for key, number in (
            ("nms_score_threshold", 0.01), ("nms_iou_threshold", 0.6),
            ("y_scale", 10.0), ("x_scale", 10.0), ("h_scale", 5.0), ("w_scale", 5.0),
        ):  # fmt: skip
            options.Float(key, number)
    content = np.frombuffer(bytes(options.Finish()), np.uint8)
    builder.graph.operators[-1].customOptions = content
    return builder.finish([frame], outputs)
