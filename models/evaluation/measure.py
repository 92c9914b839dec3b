"""Ask a whole network about the clips of a part, batch by batch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge.tasks import Task
from edge_common.files import whole_file
from edge_models.datasets.batches import plain_batches
from edge_models.datasets.dataset import DataSet, Part
from edge_models.evaluation.network import OpenNetwork
from edge_models.evaluation.results import Result, Results, TaskResult
from edge_models.evaluation.task_reports import REPORTS

CLIPS_A_BATCH = 8


@dataclass(frozen=True)
class Predictions:
    """What a network says of a part's clips, in float32.

    Attributes:
        outputs: of each task (N, width), as the network gives them.
        before: (N, d), what the last layer of the task that was named takes.
    """

    part: Part
    outputs: dict[str, np.ndarray]
    before: np.ndarray | None = None


def ask(
    network: OpenNetwork,
    data: DataSet,
    part: Part,
    before: str = "",
    label: str = "test clips",
    maps: Part | None = None,
) -> Predictions:
    """Run every clip of a part, or its maps if they are known, through the network.

    Args:
        before: the task of which to keep what its last layer takes; "": of none.
    """
    model = network.whole if maps is None else network.answers
    outputs: dict[str, list[np.ndarray]] = {task.name: [] for task in network.tasks}
    inputs_of_last: list[np.ndarray] = []
    with click.progressbar(length=len(part), label=label) as progress:
        for clips, _ in plain_batches(data, maps or part, CLIPS_A_BATCH):
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
        if result.sources is not None:
            arrays[f"{task}.source"] = result.sources
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)


def read_answers(path: Path) -> dict[str, TaskResult]:
    """What `write_answers` kept of classification tasks, without the names of their classes."""
    with np.load(path) as arrays:
        tasks = [n.removesuffix(".truth") for n in arrays.files if n.endswith(".truth")]
        return {
            task: TaskResult(
                arrays[f"{task}.truth"], arrays[f"{task}.answer"], (), arrays.get(f"{task}.source")
            )
            for task in tasks
        }
