"""A vector that describes what is seen, without an activation."""

import numpy as np

from edge.tasks.kind import Axes, Prediction, TaskKind


class Embedding(TaskKind):
    """d numbers that mean something only by their angle to others."""

    name = "embedding"
    options = ()
    metric = None
    is_descriptor = True
    training_dtype = "float32"
    label_dtype = "float64"

    @classmethod
    def label_count(cls, axes: Axes, stated: int = 0) -> int:
        return 0

    @classmethod
    def is_meant_by(cls, activation: str, width: int) -> bool:
        """Whatever is no other kind."""
        return True

    def fits(self, width: int) -> bool:
        return True

    def label_problem(self, labels: np.ndarray) -> str:
        return ""

    def predict(self, scores: np.ndarray) -> Prediction:
        return Prediction(scores, vector=tuple(float(x) for x in scores))

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        return outputs

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The cosine of the angle between both vectors."""
        lengths = np.linalg.norm(reference, axis=1) * np.linalg.norm(other, axis=1)
        return np.asarray((reference * other).sum(1) / np.maximum(lengths, 1e-12))
