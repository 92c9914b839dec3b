"""The cut of a float32 .tflite: an encoder of single frames and a head over T features.

For graphs whose frames go through one copy of the operators, folded into the batch or
as a window that keeps them apart. Where each frame has its own copy (Keras'
TimeDistributed gives that), there is nothing to cut: the copies read single frames.
"""

import re
from dataclasses import dataclass

from edge.tflite import flatbuffer
from edge_common.errors import ModelError
from edge_convert.cut.tflite import parts as tflite_parts
from edge_convert.cut.tflite.edit import name_of
from edge_convert.cut.tflite.follow import Followed, blocking, follow, frontier

_TAKE_FRAMES_OUT = frozenset({"GATHER", "SLICE", "SPLIT", "SPLIT_V", "STRIDED_SLICE", "UNPACK"})
_LONGEST_NAME = 40


@dataclass(frozen=True)
class TfliteCut:
    """Both parts of a network as float32 .tflite with one signature each, `serving_default`.

    encoder: `frame` (1, H, W, C) -> {feature: (1, ...)}.
    head: {feature: (1, window, ...)} -> the outputs of the source, under its names.
    """

    encoder: bytes
    head: bytes
    features: tuple[str, ...]
    window: int


def cut(model: bytes) -> TfliteCut:
    """Cut a float32 .tflite (1, T, H, W, C) behind all that each frame passes alone.

    Raises ModelError that names the operator in the way where single frames pass no
    convolution or matrix product, and where the input has another form.
    """
    followed = follow(model)
    read = frontier(followed)
    origins = sorted(set(read.values()))
    features = {_feature_name(followed, index, i): index for i, index in enumerate(origins)}
    encoder = tflite_parts.encoder(model, followed, features)
    if not flatbuffer.cost(encoder).multiply_adds:
        raise ModelError(_obstacle(followed, origins))
    head = tflite_parts.head(model, followed, features, read)
    return TfliteCut(encoder, head, tuple(features), followed.window)


def _obstacle(followed: Followed, origins: list[int]) -> str:
    raw = followed.source in origins
    kind, name = blocking(followed, followed.source if raw else None)
    place = "straight from the input" if raw else "before any convolution or matrix product"
    if kind in _TAKE_FRAMES_OUT:
        return (
            f"the graph cannot be cut: its operator {kind} ('{name}') takes single frames out of "
            f"the window {place}. Networks with a copy of their operators for each frame (from "
            "Keras' TimeDistributed) are not cut: fold the frames into the batch instead"
        )
    return (
        f"the graph cannot be cut: its operator {kind} ('{name}') reads all {followed.window} "
        f"frames at once, {place}. What a single frame can pass alone has to stand before it, "
        "with the frames folded into the batch"
    )


def _feature_name(followed: Followed, tensor: int, index: int) -> str:
    """`f0_` and the end of the tensor's path, or the operator's kind where it has no path."""
    path = name_of(followed.graph.tensors[tensor]).split(";")[0]  # of several that were fused
    if "/" not in path:
        path = followed.kind_of(tensor)
    words = [re.sub(r"[^0-9A-Za-z_]+", "_", word).strip("_") for word in path.split("/")[-2:]]
    return f"f{index}_{'_'.join(word for word in words if word)}"[:_LONGEST_NAME].rstrip("_")
