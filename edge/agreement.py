"""How far two networks agree on what both answered: on recordings, or while one is a shadow."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge.tasks import Prediction, Task, kind_of
from edge_common.statistics import central_95, resampled_means, wilson_interval


def is_comparable(task: Task) -> bool:
    """Whether answers of it are labels or numbers, so that they agree or not."""
    return not (kind_of(task).is_descriptor or kind_of(task).is_placed)


def answer_of(prediction: Prediction) -> Any:
    """As people read it: a label, a list of labels or a number; None if there is none."""
    if prediction.labels is not None:
        return list(prediction.labels)
    return prediction.label if prediction.label is not None else prediction.value


def differs(before: Any, after: Any, tolerance: float = 0.0) -> bool:
    """Whether two answers do.  tolerance: of numbers, in their unit; NaN agrees with nothing."""
    if before is None or after is None:
        return before is not after
    if isinstance(before, float):
        return not abs(before - after) <= tolerance
    return bool(set(before) != set(after)) if isinstance(before, list) else bool(before != after)


def in_words(answer: Any) -> str:
    """For a person."""
    if answer is None:
        return "no answer"
    if isinstance(answer, float):
        return f"{answer:.1f}"
    return (", ".join(answer) or "none") if isinstance(answer, list) else str(answer)


@dataclass
class TaskAgreement:
    """Of one task: decisions, and how many of them differ, by recording.

    changes: from what to what, and how often.
    """

    decisions: Counter[str] = field(default_factory=Counter)
    differing: Counter[str] = field(default_factory=Counter)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, before: Any, after: Any, tolerance: float = 0.0, recording: str = "") -> bool:
        """Count one decision of each; whether they differ."""
        self.decisions[recording] += 1
        if not differs(before, after, tolerance):
            return False
        self.differing[recording] += 1
        self.changes[in_words(before), in_words(after)] += 1
        return True

    @property
    def share(self) -> float:
        """Of decisions that differ; 0 if there are none."""
        return self.differing.total() / max(1, self.decisions.total())

    def interval(self, window: int) -> tuple[float, float]:
        """95 %: by resampled recordings (B. Efron, 1979), or Wilson's over windows of one recording.

        Neighbouring frames say nearly the same, so that they are not counted as observations.
        If all or no decisions differ, Wilson's over recordings.  window: frames of one.
        """
        total, count = self.decisions.total(), len(self.decisions)
        if not total:
            return 0.0, 1.0
        if count > 1 and 0 < self.share < 1:
            sizes = np.array(list(self.decisions.values()), np.float64)
            differing = np.array([self.differing[name] for name in self.decisions], np.float64)
            return central_95(resampled_means(differing) / resampled_means(sizes))
        observations = count if count > 1 else max(1, total // window)
        return wilson_interval(self.share * observations, observations)
