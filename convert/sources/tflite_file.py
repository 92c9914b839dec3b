"""A .tflite that exists already."""

from pathlib import Path

import numpy as np

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge.tflite.flatbuffer import shape_of
from edge_common.errors import EngineError, ModelError
from edge_convert.cut.tflite.edit import outputs_of
from edge_convert.cut.tflite.endings import is_quantised
from edge_convert.cut.tflite.form import channels_axis, standard_form
from edge_convert.sources.reference import Reference, examples


def tflite_bytes(path: Path) -> bytes:
    """The file as it is. Raises ModelError if it is none that LiteRT loads."""
    try:
        model = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if model[4:8] != b"TFL3":
        raise ModelError(f"{path} is no TFLite flatbuffer: it is another file or cut short")
    try:
        Engine(model)  # it checks all offsets, which the reader of flatbuffers does not
    except EngineError as error:
        reason = " ".join(str(error.__cause__).split())[:200]
        raise ModelError(f"{path} is cut short, or LiteRT does not know it: {reason}") from error
    return model


def is_quantised_file(path: Path) -> bool:
    """Whether this is a .tflite that computes with integers already, which is only wrapped."""
    if path.suffix != ".tflite" or not path.exists():
        return False
    return is_quantised(flatbuffer.read(tflite_bytes(path)))


def read_tflite(path: Path) -> tuple[bytes, str]:
    """The model in standard form, and its origin. Raises ModelError if it has another form."""
    model = tflite_bytes(path)
    graph = flatbuffer.read(model).subgraphs[0]
    shape = shape_of(graph.tensors[graph.inputs[0]])
    channels = channels_axis(shape, last_first=True) if len(shape) in (4, 5) else -1
    standard = standard_form(model, path.name, channels)
    frames = examples(shape[1:], channels)
    Reference.of(lambda x: _answers(model, x), frames, channels).check(standard, path.name)
    return standard, "TFLite"


def _answers(model: bytes, frames: np.ndarray) -> dict[str, np.ndarray]:
    engine, root = Engine(model), flatbuffer.read(model)
    np.copyto(engine.input(), frames)
    engine.invoke()
    order = list(root.subgraphs[0].outputs)
    return {name: engine.output(order.index(i)).copy() for name, i in outputs_of(root).items()}
