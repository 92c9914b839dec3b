"""A network of another library as float parts: its float32 .tflite, cut or whole."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge.tflite.flatbuffer import shape_of
from edge_common.console import Progress
from edge_common.errors import ModelError
from edge_convert.cut.tflite.cut import cut as cut_tflite
from edge_convert.cut.tflite.endings import endings, with_probabilities
from edge_convert.cut.tflite.parts import outputs_of
from edge_convert.network import Network
from edge_convert.precision.parts import FloatPart, describe
from edge_convert.precision.recipes import FLOAT32
from edge_convert.sources import float_tflite
from edge_convert.sources.tflite_file import is_quantised_file
from edge_convert.tasks_file import ModelCard, Output, tasks_of

TAKEN_AS_IT_IS = "it is quantised already, and an integer graph is not cut"


def tflite_network(path: Path, card: ModelCard, cut: str | None, progress: Progress) -> Network:
    """Read, cut and describe a network that is no Keras file.

    Raises ModelError where it cannot be read, or a cut is asked for by a layer's name.
    """
    _refuse_cut(path, cut)
    found = float_tflite(path)
    form, answers = forms(found.model)
    tasks = tasks_of(answers, card)
    model, mended = with_probabilities(found.model, tasks)
    for name in mended:
        progress.say(f"'{name}' ends in logits: probabilities are made of them")
    parts, reason = _cut(model, form[0])
    progress.say(f"one part, no streaming: {reason}" if reason else "cut into encoder and head")
    return Network(
        name=path.stem,
        origin=found.origin,
        window=form[0],
        size=form[1:],
        tasks=tasks,
        parts=tuple(parts),
        reference=_reference(model),
        uncut=reason,
    )


def explanation(path: Path, cut: str | None = None) -> str:
    """How a network of another library would be cut, or why it is not."""
    _refuse_cut(path, cut)
    if is_quantised_file(path):
        return f"{path.name} becomes one part: {TAKEN_AS_IT_IS}"
    model = float_tflite(path).model
    parts, reason = _cut(model, forms(model)[0][0])
    if reason:
        return f"{path.name} becomes one part: {reason}"
    work = {part.role: flatbuffer.cost(part.model).multiply_adds for part in parts}
    features = ", ".join(flatbuffer.signature(parts[1].model)[0])
    return (
        f"{path.name} is cut at {features}: encoder {work['encoder'] / 1e6:.2f}, "
        f"head {work['head'] / 1e6:.2f} million multiply-adds"
    )


def _refuse_cut(path: Path, cut: str | None) -> None:
    if cut is not None:
        raise ModelError(f"{path.name} has no layers by name: --cut is for Keras models")


def forms(model: bytes) -> tuple[tuple[int, int, int, int], dict[str, Output]]:
    """(T, H, W, C) of the input, T = 1 for a picture; and the outputs by name.

    Raises ModelError where two outputs are one tensor.
    """
    root = flatbuffer.read(model)
    tensors = root.subgraphs[0].tensors
    shape = shape_of(tensors[root.subgraphs[0].inputs[0]])[1:]
    found, named = endings(root), outputs_of(root)
    if len(set(named.values())) < len(named):
        raise ModelError("two of the model's answers are one and the same tensor: leave one out")
    outputs = {
        name: Output(_vector(shape_of(tensors[index])), found[name])
        for name, index in named.items()
    }
    window = (1, *shape) if len(shape) == 3 else shape
    return window, outputs


def _vector(shape: tuple[int, ...]) -> tuple[int, ...]:
    """An output's shape without the batch; axes of one are no axes."""
    long = tuple(size for size in shape[1:] if size > 1)
    return long if long else (math.prod(shape[1:]),)


def _cut(model: bytes, window: int) -> tuple[list[FloatPart], str]:
    if window == 1:
        reason = "it looks at a single frame, so there is nothing to keep"
        return [_part("model", model)], reason
    try:
        found = cut_tflite(model)
    except ModelError as error:
        return [_part("model", model)], str(error)
    return [_part("encoder", found.encoder), _part("head", found.head)], ""


def _part(role: str, model: bytes) -> FloatPart:
    return FloatPart(role, model, flatbuffer.cost(model).parameters)


def _reference(model: bytes) -> Any:
    part = describe("model", FLOAT32, model, 0)

    def run(values: np.ndarray) -> Mapping[str, np.ndarray]:
        return part({part.part.inputs[0].name: values})

    return run
