"""What was measured while a bundle was made, for its report and its manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from convert import verify
from convert.ladder import Rung
from edge.manifest import Accuracy, Task, Trial


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
    notes: list[str] = field(default_factory=list)


def agreements(
    tasks: Sequence[Task], reference: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """How far the streamed bundle decides as the float network, for each task."""
    return {t.name: verify.agreement(reference[t.name], found[t.name], t.kind) for t in tasks}
