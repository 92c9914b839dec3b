"""How often answers are right: of people that no training saw, of words among words, beside pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_common import ClipError
from edge_common.statistics import wilson_interval
from edge_models.datasets import tables
from edge_models.evaluation import intervals
from examples.miracl.answers import RunAnswers

PIXELS = (24, 12)  # width and height that the baseline looks at


@dataclass(frozen=True)
class Share:
    """A share of right answers (or a difference of two shares of the same clips).

    interval: 95 %, Wilson's; None of a difference.  by_person: 95 %, whole people drawn anew.
    """

    value: float
    n: int
    interval: tuple[float, float] | None
    by_person: tuple[float, float]


def share(right: np.ndarray, people: np.ndarray) -> Share:
    """Of answers (n,) about people (n,)."""
    n = len(right)
    return Share(
        float(right.mean()), n, wilson_interval(int(right.sum()), n),
        intervals.share_interval(right, people),
    )  # fmt: skip


def difference(right: np.ndarray, other: np.ndarray, people: np.ndarray) -> Share:
    """By how much more of the same clips are right than with another network."""
    gain = right.astype(float) - other
    return Share(float(gain.mean()), len(gain), None, intervals.mean_interval(gain, people))


@dataclass(frozen=True)
class ClipIndex:
    """The data set's rows, (n,) texts each; `fold`: of the person."""

    clip: np.ndarray
    utterance: np.ndarray
    kind: np.ndarray
    person: np.ndarray
    fold: np.ndarray

    def labels(self, kind: str) -> np.ndarray:
        """Utterances of a kind."""
        return np.unique(self.utterance[self.kind == kind])


def read_index(folder: Path) -> ClipIndex:
    """Raises ClipError if the table or a column is missing."""
    table = tables.read_table(folder / "index.csv")
    names = ("clip", "utterance", "kind", "person", "person_fold")
    table.check_columns(*names)
    rows = np.array([row for row in table.rows if len(row) == len(table.header)])
    if not len(rows):
        raise ClipError(f"{table.path} lists no clip")
    return ClipIndex(*(rows[:, table.header.index(name)] for name in names))


Shares = dict[str, Share]


def of_utterances(folds: Sequence[RunAnswers], index: ClipIndex, precision: str) -> Shares:
    """Words among words, phrases among phrases, and all among all, over the folds together."""
    people = np.concatenate([fold.truth["person"] for fold in folds])
    said = np.concatenate([fold.truth["utterance"] for fold in folds])
    result: Shares = {}
    for kind in ("words", "phrases"):
        labels = index.labels(kind)
        asked = np.isin(said, labels)
        if asked.any():
            right = np.concatenate([fold.right(precision, labels) for fold in folds])
            result[kind] = share(right[asked], people[asked])
    if len(result) == 2:
        result["all"] = share(joined_right(folds, precision), people)
    return result


def joined_right(folds: Sequence[RunAnswers], precision: str) -> np.ndarray:
    """bool (n,), among all labels."""
    return np.concatenate([fold.right(precision) for fold in folds])


def pixel_baseline(folder: Path, index: ClipIndex, moments: int) -> dict[str, Shares]:
    """The nearest of all clips that may be learnt from, by pixels at so many moments.

    Utterances by how each clip differs from its mean image, in its own standard deviations; people by
    the pixels as they are.
    """
    pixels = np.stack([_pixels(folder / clip, moments) for clip in index.clip])
    moving = pixels - pixels.mean(1, keepdims=True)
    moving = moving.reshape(len(moving), -1)
    moving /= moving.std(1, keepdims=True) + 1e-6
    utterance: Shares = {}
    for name, kinds in (
        ("words", ["words"]),
        ("phrases", ["phrases"]),
        ("all", ["words", "phrases"]),
    ):
        rows = np.isin(index.kind, kinds)
        right = np.zeros(len(rows), bool)
        for fold in np.unique(index.fold):
            asked, known = rows & (index.fold == fold), rows & (index.fold != fold)
            right[asked] = _nearest(moving, index.utterance, asked, known)
        utterance[name] = share(right[rows], index.person[rows])
    asked, known = index.kind == "phrases", index.kind == "words"
    right = _nearest(pixels.reshape(len(pixels), -1), index.person, asked, known)
    return {"utterance": utterance, "person": {"person": share(right, index.person[asked])}}


def _nearest(
    points: np.ndarray, labels: np.ndarray, asked: np.ndarray, known: np.ndarray
) -> np.ndarray:
    a, b = points[asked], points[known]
    distance = np.square(b).sum(1) - 2 * a @ b.T
    return np.asarray(labels[known][distance.argmin(1)] == labels[asked])


def _pixels(path: Path, moments: int) -> np.ndarray:
    """float32 (moments, height, width), grey, spread over the clip. Raises ClipError without frames."""
    video, frames = cv2.VideoCapture(str(path)), []
    while (frame := video.read())[0]:
        grey = cv2.cvtColor(frame[1], cv2.COLOR_BGR2GRAY)
        frames.append(cv2.resize(grey, PIXELS, interpolation=cv2.INTER_AREA))
    video.release()
    if not frames:
        raise ClipError(f"{path} cannot be read: unpack the data set again")
    places = np.linspace(0, len(frames) - 1, moments).round().astype(int)
    return np.stack(frames)[places].astype(np.float32)
