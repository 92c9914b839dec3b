"""Small detectors as bundles, written operator by operator: no tensorflow is needed."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.bundle import (
    DETECTION_SINCE,
    SINGLE_FRAME,
    Bundle,
    DetectionSpec,
    InputSpec,
    Manifest,
    Part,
    Resize,
    SsdBoxes,
    index,
)
from edge.engine.engine import Engine
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
