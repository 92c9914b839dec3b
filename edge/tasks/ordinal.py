"""One of several ordered labels, by the probabilities of being beyond each but the last."""

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from edge.tasks.classification import Classification, label_at
from edge.tasks.confidence import log_odds
from edge.tasks.kind import UNDECIDED, Axes, Prediction


class OrderedLabels(Classification):
    """k - 1 sigmoids for k labels in their order, the i-th for "beyond label i".

    CORAL (W. Cao, V. Mirjalili, S. Raschka, 2020): the label's number is how many of these reach 0.5, and
    its probability what lies between the two beside it. Those that do not fall from label to label, as
    CORAL's do, are sorted first (V. Chernozhukov et al., 2010), which changes no answer.
    """

    name = "ordinal"
    schema = 9
    activation = "sigmoid"
    options: ClassVar[tuple[str, ...]] = ("labels",)
    in_tables = False
    has_classes = False  # its scores are none of classes

    @classmethod
    def label_count(cls, axes: Axes, stated: int = 0) -> int:
        return math.prod(axes) + 1

    @classmethod
    def is_meant_by(cls, activation: str, width: int) -> bool:
        """Never: sigmoids that nobody describes are labels of their own."""
        return False

    @property
    def width(self) -> int:
        return len(self.task.labels) - 1

    def predict(self, scores: np.ndarray) -> Prediction:
        index = int(self.decide(scores[None])[0])
        p = float(self._shares(scores[None])[0, index])
        return Prediction(scores, label=label_at(self.task, index), p=p, index=index)

    def label_shares(self, scores: np.ndarray) -> Mapping[str, float]:
        return dict(zip(self.task.labels, self._shares(scores[None])[0].tolist()))

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        return np.asarray((outputs >= 0.5).sum(1).astype(np.int64))

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """1 if both reach 0.5 as often, but for those that `reference` is undecided of."""
        undecided = (np.abs(reference - 0.5) <= UNDECIDED / 2).sum(1)
        return np.asarray(np.abs(self.decide(reference) - self.decide(other)) <= undecided)

    def margin(self, outputs: np.ndarray) -> np.ndarray:
        """How far the one that is nearest to 0.5 is from it; 1 is as far as can be."""
        return np.asarray(2 * np.abs(outputs - 0.5).min(axis=1))

    def lead(self, outputs: np.ndarray, decisions: np.ndarray) -> np.ndarray:
        """Of the one that is nearest to the wrong side of 0.5, or farthest on it."""
        beyond = np.arange(outputs.shape[1]) < np.asarray(decisions)[:, None]
        odds = log_odds(-np.sort(-outputs, axis=1))
        return np.asarray((np.where(beyond, 1.0, -1.0) * odds).min(axis=1))

    def _shares(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of each label, (n, k), of outputs (n, k - 1)."""
        falling = -np.sort(-np.asarray(outputs, np.float64), axis=1)
        padded = np.pad(falling, ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0)))
        return np.asarray(-np.diff(padded, axis=1))
