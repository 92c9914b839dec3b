"""What a precision search compares and what it results in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.tasks import Task
from edge_convert.precision.calibration import NetworkInput
from edge_convert.precision.parts import ConvertedPart
from edge_convert.precision.recipes import Recipe
from edge_convert.precision.score import AccuracyDrop
from edge_convert.precision.sensitivity import LayerCost


@dataclass(frozen=True)
class PartCandidate:
    """One recipe of one part: what came of it. `failure` says why it was not scored."""

    role: str
    recipe: Recipe
    part: ConvertedPart | None = None
    latency_ms: float = float("nan")
    failure: str = ""

    @property
    def converted(self) -> ConvertedPart:
        """The part of a candidate that could be converted."""
        if self.part is None:
            raise ValueError(f"{self.role} {self.recipe.label} was not converted: {self.failure}")
        return self.part

    @property
    def usable(self) -> bool:
        return self.part is not None and not self.failure


@dataclass(frozen=True)
class Combination:
    """One candidate of each part together, with what each task loses."""

    candidates: tuple[PartCandidate, ...]
    drops: tuple[AccuracyDrop, ...]

    @property
    def latency_ms(self) -> float:
        """Of a frame that a decision is made on."""
        return sum(candidate.latency_ms for candidate in self.candidates)

    @property
    def parts(self) -> tuple[ConvertedPart, ...]:
        """What a bundle of it holds."""
        return tuple(candidate.converted for candidate in self.candidates)

    @property
    def size_bytes(self) -> int:
        return sum(len(part.model) for part in self.parts)

    @property
    def worst(self) -> float:
        """The largest drop of any task, in points."""
        return max(drop.points for drop in self.drops)


@dataclass(frozen=True)
class Scoring:
    """What candidates are scored on: windows, their labels if they have any, and the budget."""

    tasks: tuple[Task, ...]
    windows: NetworkInput
    labels: Mapping[str, np.ndarray]
    max_drop: float


@dataclass(frozen=True)
class SearchResult:
    """The outcome: what is taken, and everything that was tried.

    refused: combinations whose answers carry no information, with the reason.
    reference: the float network's outputs (N, k) by task.
    """

    chosen: Combination
    combinations: tuple[Combination, ...]
    candidates: tuple[PartCandidate, ...]
    unscored: tuple[tuple[tuple[PartCandidate, ...], str], ...]
    layer_costs: Mapping[str, Sequence[LayerCost]]
    reference: Mapping[str, np.ndarray]
