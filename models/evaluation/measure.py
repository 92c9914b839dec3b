"""Ask a whole network about the clips of a part, batch by batch."""

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from edge.whole_file import whole_file

from ..datasets.dataset import DataSet, Part
from ..end_to_end.pipeline import plain_batches
from ..tasks import Task
from .network import OpenNetwork
from .results import RegressionResult, Results, TaskResult

CLIPS_A_BATCH, ANSWERS = 8, "answers.npz"


@dataclass(frozen=True)
class Asked:
    """What a network says of a part's clips, in float32.

    Attributes:
        outputs: of each task (N, width), as the network gives them.
        before: of each task (N, d), what its last layer takes.
    """

    part: Part
    outputs: dict[str, np.ndarray]
    before: dict[str, np.ndarray]


def ask(
    network: OpenNetwork,
    data: DataSet,
    part: Part,
    label: str = "test clips",
    maps: Part | None = None,
) -> Asked:
    """Run every clip of a part, or its maps where they are known, through the network."""
    model = network.whole if maps is None else network.answers
    names = [task.name for task in network.tasks]
    outputs: dict[str, list[np.ndarray]] = {name: [] for name in names}
    before: dict[str, list[np.ndarray]] = {name: [] for name in names}
    with click.progressbar(length=len(part), label=label) as progress:
        for clips, _ in plain_batches(data, maps or part, CLIPS_A_BATCH):
            answers, inputs = model.predict_on_batch(clips)
            for name in names:
                outputs[name].append(answers[name])
                before[name].append(inputs[name])
            progress.update(len(clips))
    joined = ({name: np.concatenate(rows) for name, rows in d.items()} for d in (outputs, before))
    return Asked(part, *joined)


def results_of(asked: Asked, tasks: tuple[Task, ...]) -> Results:
    """Each task's answers beside the truth."""
    return {task.name: _result(asked, task) for task in tasks}


def write_answers(path: Path, results: Results) -> None:
    """Keep truth, answer and source of each clip: `TASK.truth` (N,) and so on. Raises OSError."""
    arrays = {}
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


def _result(asked: Asked, task: Task) -> TaskResult | RegressionResult:
    truth, found = asked.part.labels[task.name], asked.outputs[task.name]
    sources = asked.part.source_of_each
    if task.kind == "regression":
        return RegressionResult(truth, found[:, 0] * task.scale, task.unit, sources)
    return TaskResult(truth, found.argmax(axis=1), task.labels, sources)
