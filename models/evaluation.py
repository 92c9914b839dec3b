"""Measure a whole network on clips, frames in and answers out."""

from collections.abc import Iterable
from dataclasses import dataclass

import click
import keras
import numpy as np

from edge.clips import Clips
from edge.intervals import bootstrap_interval, wilson_interval

CLIPS_A_BATCH = 8


@dataclass(frozen=True)
class TaskResult:
    """Answers to one classification task: int64 (N,) each."""

    truth: np.ndarray
    answer: np.ndarray
    labels: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(np.mean(self.truth == self.answer))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy (E. B. Wilson, 1927)."""
        return wilson_interval(int(np.sum(self.truth == self.answer)), len(self.truth))

    @property
    def confusion(self) -> np.ndarray:
        """int64 (classes, classes): truth in rows, answers in columns."""
        counts = np.zeros((len(self.labels),) * 2, np.int64)
        np.add.at(counts, (self.truth, self.answer), 1)
        return counts

    def __str__(self) -> str:
        return f"{self.accuracy:.2%} of {len(self.truth)} test clips"


@dataclass(frozen=True)
class RegressionResult:
    """Answers to one task whose answer is a number: float (N,) each, in `unit`."""

    truth: np.ndarray
    answer: np.ndarray
    unit: str

    @property
    def mean_absolute_error(self) -> float:
        """In the task's unit."""
        return float(np.abs(self.truth - self.answer).mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean absolute error, by bootstrap."""
        return bootstrap_interval(np.abs(self.truth - self.answer))

    def __str__(self) -> str:
        error = f"{self.mean_absolute_error:.2f} {self.unit}".rstrip()
        return f"off by {error} in the mean of {len(self.truth)} test clips"


def evaluate(
    model: keras.Model, clips: Clips, labels: dict[str, tuple[str, ...]]
) -> dict[str, TaskResult]:
    """Run every clip through the whole model in float32.

    Args:
        labels: of each classification task.
    """
    answers: dict[str, list[np.ndarray]] = {task: [] for task in labels}
    with click.progressbar(length=len(clips.windows), label="test clips") as progress:
        for batch in _batches(clips.windows):
            outputs = model.predict_on_batch(batch.astype(np.float32))
            for task, found in answers.items():
                found.append(np.argmax(outputs[task], axis=1))
            progress.update(len(batch))
    return {
        task: TaskResult(clips.labels[task], np.concatenate(found), labels[task])
        for task, found in answers.items()
    }


def _batches(frames: np.ndarray) -> Iterable[np.ndarray]:
    return (frames[i : i + CLIPS_A_BATCH] for i in range(0, len(frames), CLIPS_A_BATCH))
