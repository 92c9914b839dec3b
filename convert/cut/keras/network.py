"""A Keras model as float parts: cut by dataflow, or whole where it cannot be cut."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge_common.console import Progress
from edge_common.errors import ModelError
from edge_convert.cut.keras.candidates import Candidate, candidates, choose, table
from edge_convert.cut.keras.model import input_form, load_model, named_outputs
from edge_convert.cut.keras.split import split, whole_window
from edge_convert.network import Network
from edge_convert.precision.parts import FloatPart
from edge_convert.precision.workshop import Workshop
from edge_convert.tasks_file import ModelCard, answers_of, tasks_of, with_probabilities


@dataclass(frozen=True)
class _Cut:
    """Keras models of the parts by role, the possible cuts, or why there is only one part."""

    parts: Mapping[str, keras.Model]
    candidates: tuple[Candidate, ...] = ()
    chosen: Candidate | None = None
    reason: str = ""


def keras_network(
    path: Path, card: ModelCard, cut: str | None, shop: Workshop, progress: Progress
) -> Network:
    """Load, cut and convert to float32.

    Raises ModelError where the model does not load, holds NaN, or TFLite refuses it.
    """
    model = load_model(path)
    window, *size = input_form(model)
    tasks = tasks_of(answers_of(model), card)
    model, mended = with_probabilities(model, tasks)
    for name in mended:
        progress.say(f"'{name}' ends in logits: probabilities are made of them")
    progress.say("cutting the network")
    found = _cut(model, window, cut)
    if found.reason:
        progress.say(f"one part, no streaming: {found.reason}")
    progress.say(f"converting {' and '.join(found.parts)} to TFLite")
    jobs = {role: shop.to_float(role, part) for role, part in found.parts.items()}
    parts = tuple(
        FloatPart(role, job.result(), found.parts[role].count_params())
        for role, job in jobs.items()
    )
    origin = f"Keras {keras.__version__}"
    return Network(
        name=model.name,
        origin=origin,
        window=window,
        size=tuple(size),
        tasks=tasks,
        parts=parts,
        reference=_reference(model),
        candidates=found.candidates,
        chosen_cut=found.chosen,
        uncut=found.reason,
        whole=lambda: whole_window(model, fold=False),
    )


def explanation(path: Path, behind: str | None = None) -> str:
    """Where a model can be cut, as a table; the cut behind `behind` marked, or the best."""
    model = load_model(path)
    window = input_form(model)[0]
    found = _cut(model, window, behind)
    if found.chosen is None:
        return f"{model.name} becomes one part: {found.reason}"
    return table(found.candidates, found.chosen, window)


def _cut(model: keras.Model, window: int, behind: str | None) -> _Cut:
    if window == 1:
        return _whole(model, "it looks at a single frame, so there is nothing to keep")
    try:
        found = candidates(model)
    except ModelError as error:
        return _whole(model, str(error))
    chosen = choose(found, behind)
    if behind is None and _saves_nothing(model, chosen):
        return _whole(
            model,
            f"what each frame passes alone, up to '{chosen.behind}', costs nothing; "
            "all the work is done on the whole window",
        )
    parts = split(model, chosen.keep)
    return _Cut({"encoder": parts.encoder, "head": parts.head}, tuple(found), chosen)


def _saves_nothing(model: keras.Model, cut: Candidate) -> bool:
    """Neither work nor memory: the features are as large as the frames."""
    return not cut.encoder_multiply_adds and cut.ring_values >= math.prod(model.inputs[0].shape[1:])


def _whole(model: keras.Model, reason: str) -> _Cut:
    return _Cut({"model": whole_window(model)}, reason=reason)


def _reference(model: keras.Model) -> Any:
    answers = keras.Model(model.inputs, named_outputs(model))
    shape = model.inputs[0].shape[1:]

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        found = answers([values.reshape(len(values), *shape)], training=False)
        return {task: np.asarray(scores) for task, scores in found.items()}

    return run
