"""One of two labels, by one sigmoid."""

import numpy as np

from edge.tasks import classification, confidence, kind


class Binary(kind.TaskKind):
    """The probability of the second label; from 0.5 on, that one is the answer."""

    name = "binary"
    activation = "sigmoid"
    fixed_width = 1
    loss = "binary_crossentropy"

    @classmethod
    def label_count(cls, axes: kind.Axes, stated: int = 0) -> int:
        return 2

    def predict(self, scores: np.ndarray) -> kind.Prediction:
        positive = float(scores[0])
        index = int(positive >= 0.5)
        p = positive if index else 1.0 - positive
        return kind.Prediction(
            scores, label=classification.label_at(self.task, index), p=p, index=index
        )

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        return (outputs[:, 0] >= 0.5).astype(np.int64)

    def lead(self, outputs: np.ndarray, decisions: np.ndarray) -> np.ndarray | None:
        return np.asarray(np.where(decisions, 1.0, -1.0) * confidence.log_odds(outputs[:, 0]))

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """1 if both are on the same side of 0.5, or `reference` is on none."""
        undecided = np.abs(reference - 0.5) <= kind.UNDECIDED / 2
        alike = (reference >= 0.5) == (other >= 0.5)
        return np.asarray((alike | undecided).all(axis=1))
