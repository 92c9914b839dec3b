"""One of several labels, by its number alone, as a network that ends in an ArgMax gives it."""

from typing import ClassVar

import numpy as np

from edge.tasks.classification import Classification, label_at
from edge.tasks.kind import Prediction


class ClassIndex(Classification):
    """One number, which is a label's; how probable it is, nobody knows."""

    name = "class-index"
    schema = 3
    activation = ""
    options: ClassVar[tuple[str, ...]] = ("labels",)
    fixed_width = 1
    in_tables = False

    @classmethod
    def is_meant_by(cls, activation: str, width: int) -> bool:
        """Never: a number that nobody describes is a regression."""
        return False

    def predict(self, scores: np.ndarray) -> Prediction:
        index = int(scores[0])
        return Prediction(scores, label=label_at(self.task, index), index=index)

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        return np.asarray(outputs[:, 0].astype(np.int64))

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.asarray(self.decide(reference) == self.decide(other), np.float64)

    def margin(self, outputs: np.ndarray) -> None:
        """Unknown."""
        return

    def lead(self, outputs: np.ndarray, decisions: np.ndarray) -> None:
        """Unknown."""
        return
