"""What a precision search is given, tries and finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.tasks import Task
from edge_convert.calibration import NetworkInput
from edge_convert.precision.parts import ConvertedPart
from edge_convert.precision.recipes import Recipe
from edge_convert.precision.score import Drop
from edge_convert.precision.sensitivity import LayerCost


@dataclass(frozen=True)
class Attempt:
    """One recipe of one part: what came of it. `failure` says why it was not scored."""

    role: str
    recipe: Recipe
    part: ConvertedPart | None = None
    latency_ms: float = float("nan")
    failure: str = ""

    @property
    def usable(self) -> bool:
        return self.part is not None and not self.failure


@dataclass(frozen=True)
class Combination:
    """One attempt for each part together, with what each task loses."""

    attempts: tuple[Attempt, ...]
    drops: tuple[Drop, ...]

    @property
    def latency_ms(self) -> float:
        """Of a frame that a decision is made on."""
        return sum(attempt.latency_ms for attempt in self.attempts)

    @property
    def size_bytes(self) -> int:
        return sum(len(attempt.part.model) for attempt in self.attempts)

    @property
    def worst(self) -> float:
        """The largest drop of any task, in points."""
        return max(drop.points for drop in self.drops)


@dataclass(frozen=True)
class Scale:
    """What candidates are scored on: windows, their labels if they have any, and the budget."""

    tasks: tuple[Task, ...]
    windows: NetworkInput
    labels: Mapping[str, np.ndarray]
    max_drop: float


@dataclass(frozen=True)
class Found:
    """The outcome: what is taken, and everything that was tried.

    refused: combinations whose answers carry no information, with the reason.
    reference: the float network's outputs (N, k) by task.
    """

    chosen: Combination
    combinations: tuple[Combination, ...]
    attempts: tuple[Attempt, ...]
    refused: tuple[tuple[tuple[Attempt, ...], str], ...]
    layer_costs: Mapping[str, Sequence[LayerCost]]
    reference: Mapping[str, np.ndarray]
