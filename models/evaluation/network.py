"""A trained network opened up, frames to maps and maps to answers, and asked about the clips of a part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from edge.tasks import Task
from edge_common import whole_file
from edge_models import backends
from edge_models.datasets import batches, dataset
from edge_models.evaluation.results import RegressionResult, Result, Results, TaskResult
from edge_models.evaluation.task_reports import REPORTS
from edge_models.networks import views


@dataclass(frozen=True)
class OpenNetwork:
    """The layers of one network in three models.

    Attributes:
        backbone: float32 (n, H, W, 3) RGB 0..255 -> (n, h, w, C).
        head: maps (n, T, h, w, C) -> {task: what the task's last layer takes, (n, width)}.
        whole: frames (n, T, H, W, 3) -> ({task: answer}, {task: as of `head`}), each batch's
            frames in one pass of the backbone.
        answers: the same of maps.
        last: the last layer of each task.
    """

    backbone: keras.Model
    head: keras.Model
    whole: keras.Model
    answers: keras.Model
    last: dict[str, keras.layers.Dense]
    tasks: tuple[Task, ...]

    @cached_property
    def before(self) -> Callable[[Any], dict[str, Any]]:
        """`head`, traced once, without dropout."""
        traced: Callable[[Any], dict[str, Any]] = backends.own().traced(
            lambda maps: self.head(maps, training=False)
        )
        return traced

    def maps_of(self, clip: np.ndarray) -> np.ndarray:
        """The backbone's maps of a clip (T, H, W, 3): float32 (T, h, w, C)."""
        maps: np.ndarray = self.backbone.predict_on_batch(clip)
        return maps

    def last_layer(self, task: str) -> tuple[np.ndarray, np.ndarray]:
        """Weights (width, outputs) and bias (outputs,) of the task's last layer."""
        kernel, bias = np.asarray(self.last[task].kernel), self.last[task].bias
        return kernel, np.zeros(kernel.shape[-1], kernel.dtype) if bias is None else np.asarray(
            bias
        )


def open_network(model: keras.Model, tasks: Sequence[Task]) -> OpenNetwork:
    """Open an MTDNN up; no weight is copied."""
    backbone = model.get_layer("backbone")
    answers = {task.name: model.get_layer(task.name).output for task in tasks}
    before = {task.name: model.get_layer(task.name).input for task in tasks}
    head = keras.Model(backbone.output, before, name="before")
    outputs = keras.Model(backbone.output, (answers, before), name="both")
    window, *frame = model.input_shape[1:]
    windows = keras.Input((window, *frame), name="window")
    maps = views.backbone_by_frames(backbone.layer, window)(windows)
    last = {task.name: model.get_layer(task.name) for task in tasks}
    whole = keras.Model(windows, outputs(maps), name="whole")
    return OpenNetwork(backbone.layer, head, whole, outputs, last, tuple(tasks))


CLIPS_A_BATCH = 8


@dataclass(frozen=True)
class Predictions:
    """What a network says of a part's clips, in float32.

    Attributes:
        outputs: of each task (N, width), as the network gives them.
        before: (N, d), what the last layer of the task that was named takes.
    """

    part: dataset.Subset
    outputs: Mapping[str, np.ndarray]
    before: np.ndarray | None = None


def ask(
    network: OpenNetwork,
    data: dataset.DataSet,
    part: dataset.Subset,
    before: str = "",
    label: str = "test clips",
    maps: dataset.Subset | None = None,
) -> Predictions:
    """Run every clip of a part, or its maps if they are known, through the network.

    Args:
        before: the task of which to keep what its last layer takes; "": of none.
    """
    model = network.whole if maps is None else network.answers
    outputs: dict[str, list[np.ndarray]] = {task.name: [] for task in network.tasks}
    inputs_of_last: list[np.ndarray] = []
    with click.progressbar(length=len(part), label=label) as progress:
        for clips, _ in batches.plain_batches(data, maps or part, CLIPS_A_BATCH):
            answers, inputs = model.predict_on_batch(clips)
            for task, rows in outputs.items():
                rows.append(answers[task])
            if before:
                inputs_of_last.append(inputs[before])
            progress.update(len(clips))
    outputs_by_task = {task: np.concatenate(rows) for task, rows in outputs.items()}
    return Predictions(part, outputs_by_task, np.concatenate(inputs_of_last) if before else None)


def results_of(predictions: Predictions, tasks: tuple[Task, ...]) -> Results:
    """Each task's answers beside the truth."""
    return {task.name: _result(predictions, task) for task in tasks}


def _result(predictions: Predictions, task: Task) -> Result:
    truth, outputs = predictions.part.labels[task.name], predictions.outputs[task.name]
    return REPORTS[task.kind].result(task, truth, outputs, predictions.part.source_of_each)


ANSWERS = "answers.npz"


def write_answers(path: Path, results: Results) -> None:
    """Keep truth, answer and source of each clip: `TASK.truth` (N,) and so on. Raises OSError."""
    arrays: dict[str, Any] = {}
    for task, result in results.items():
        arrays |= {f"{task}.truth": result.truth, f"{task}.answer": result.answer}
        if isinstance(result, RegressionResult):
            arrays[f"{task}.unit"] = np.array(result.unit)
        if result.sources is not None:
            arrays[f"{task}.source"] = result.sources
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)


def read_answers(path: Path) -> dict[str, TaskResult | RegressionResult]:
    """What `write_answers` kept of classes and numbers, without the names of the classes."""
    with np.load(path) as arrays:
        tasks = [n.removesuffix(".truth") for n in arrays.files if n.endswith(".truth")]
        return {task: _kept(arrays, task) for task in tasks}


def _kept(arrays: Mapping[str, np.ndarray], task: str) -> TaskResult | RegressionResult:
    truth, answer = arrays[f"{task}.truth"], arrays[f"{task}.answer"]
    sources = arrays.get(f"{task}.source")
    if f"{task}.unit" in arrays:
        return RegressionResult(truth, answer, str(arrays[f"{task}.unit"]), sources)
    return TaskResult(truth, answer, (), sources)
