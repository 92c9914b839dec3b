"""Ask a whole network about the clips of a part, batch by batch."""

from dataclasses import dataclass

import click
import numpy as np

from ..datasets.dataset import DataSet, Part
from ..end_to_end.pipeline import plain_batches
from ..tasks import Task
from .network import OpenNetwork
from .results import RegressionResult, Results, TaskResult

CLIPS_A_BATCH = 8


@dataclass(frozen=True)
class Asked:
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
) -> Asked:
    """Run every clip of a part, or its maps where they are known, through the network.

    Args:
        before: the task of which to keep what its last layer takes; "": of none.
    """
    model = network.whole if maps is None else network.answers
    outputs: dict[str, list[np.ndarray]] = {task.name: [] for task in network.tasks}
    kept: list[np.ndarray] = []
    with click.progressbar(length=len(part), label=label) as progress:
        for clips, _ in plain_batches(data, maps or part, CLIPS_A_BATCH):
            answers, inputs = model.predict_on_batch(clips)
            for task, rows in outputs.items():
                rows.append(answers[task])
            if before:
                kept.append(inputs[before])
            progress.update(len(clips))
    joined = {task: np.concatenate(rows) for task, rows in outputs.items()}
    return Asked(part, joined, np.concatenate(kept) if before else None)


def results_of(asked: Asked, tasks: tuple[Task, ...]) -> Results:
    """Each task's answers beside the truth."""
    return {task.name: _result(asked, task) for task in tasks}


def _result(asked: Asked, task: Task) -> TaskResult | RegressionResult:
    truth, found = asked.part.labels[task.name], asked.outputs[task.name]
    sources = asked.part.source_of_each
    if task.kind == "regression":
        return RegressionResult(truth, found[:, 0] * task.scale, task.unit, sources)
    return TaskResult(truth, found.argmax(axis=1), task.labels, sources)
