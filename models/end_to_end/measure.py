"""Measure a whole network on the clips that nobody has seen, batch by batch."""

from collections.abc import Mapping
from pathlib import Path

import click
import keras
import numpy as np

from edge.whole_file import whole_file

from ..datasets.dataset import DataSet, Part
from ..evaluation import RegressionResult, TaskResult
from .pipeline import plain_batches

CLIPS_A_BATCH = 8


def measure(
    model: keras.Model, data: DataSet, part: Part
) -> dict[str, TaskResult | RegressionResult]:
    """Each task's answers to the test clips, or to the maps that `model` takes, in float32."""
    answers: dict[str, list[np.ndarray]] = {task.name: [] for task in data.tasks}
    with click.progressbar(length=len(part), label="test clips") as progress:
        for clips, _ in plain_batches(data, part, CLIPS_A_BATCH):
            outputs = model.predict_on_batch(clips)
            for task in data.tasks:
                answers[task.name].append(outputs[task.name])
            progress.update(len(clips))
    results: dict[str, TaskResult | RegressionResult] = {}
    for task in data.tasks:
        truth, found = part.labels[task.name], np.concatenate(answers[task.name])
        if task.kind == "regression":
            results[task.name] = RegressionResult(truth, found[:, 0] * task.scale, task.unit)
        else:
            results[task.name] = TaskResult(truth, found.argmax(axis=1), task.labels)
    return results


def write_answers(path: Path, results: Mapping[str, TaskResult | RegressionResult]) -> None:
    """Keep truth and answer of each test clip, as `TASK.truth` and `TASK.answer`."""
    arrays = {}
    for task, result in results.items():
        arrays |= {f"{task}.truth": result.truth, f"{task}.answer": result.answer}
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)
