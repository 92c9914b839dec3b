"""What was measured while a bundle was made, for its report and its manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from convert import verify
from convert.ladder import Rung
from edge.manifest import Accuracy, Task, Trial

MIN_ALIKE = 0.95


@dataclass
class Evidence:
    """Filled step by step; every field is a measurement, none a promise."""

    cuts: str = ""
    split_difference: float = float("nan")
    ring_difference: float = float("nan")
    feature_snr_db: dict[str, float] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)
    agreement_clips: int = 0
    rungs: tuple[Rung, ...] = ()
    trials: tuple[Trial, ...] = ()
    accuracy: tuple[Accuracy, ...] = ()
    operators: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def doubts(self) -> list[str]:
        """Where the quantised network decides otherwise than the float one too often."""
        worst = min(self.feature_snr_db.values(), default=float("inf"))
        return [
            f"'{task}' decides as in float for only {100 * share:.1f} % of {self.agreement_clips} clips; "
            f"the int8 encoder's features keep {worst:.0f} dB. Give more and more varied calibration "
            "clips, and measure with --validation before you rely on it"
            for task, share in self.agreement.items()
            if share < MIN_ALIKE
        ]


def agreements(
    tasks: Sequence[Task], reference: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """How far the streamed bundle decides as the float network, for each task."""
    return {t.name: verify.agreement(reference[t.name], found[t.name], t.kind) for t in tasks}
