"""Measure a whole network on the clips that nobody has seen, batch by batch."""

import click
import keras
import numpy as np

from ..datasets.dataset import DataSet
from ..evaluation import RegressionResult, TaskResult
from .pipeline import plain_batches

CLIPS_A_BATCH = 8


def measure(model: keras.Model, data: DataSet) -> dict[str, TaskResult | RegressionResult]:
    """Each task's answers to the test clips, in float32."""
    answers: dict[str, list[np.ndarray]] = {task.name: [] for task in data.tasks}
    with click.progressbar(length=len(data.test), label="test clips") as progress:
        for clips, _ in plain_batches(data, data.test, CLIPS_A_BATCH):
            outputs = model.predict_on_batch(clips)
            for task in data.tasks:
                answers[task.name].append(outputs[task.name])
            progress.update(len(clips))
    results: dict[str, TaskResult | RegressionResult] = {}
    for task in data.tasks:
        truth, found = data.test.labels[task.name], np.concatenate(answers[task.name])
        if task.kind == "regression":
            results[task.name] = RegressionResult(truth, found[:, 0] * task.scale, task.unit)
        else:
            results[task.name] = TaskResult(truth, found.argmax(axis=1), task.labels)
    return results
