"""What a precision search compares and results in, and how much worse than float each answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge.tasks import Task, kind_of
from edge.tasks.kind import UNDECIDED
from edge_common.statistics import Z_95, central_95, resampled_means, wilson_interval
from edge_convert.precision import activations, calibration, margins, recipes
from edge_convert.precision.parts import ConvertedPart
from edge_convert.probabilities import activated


@dataclass(frozen=True)
class PartCandidate:
    """One recipe of one part: what came of it. `failure` says why it was not scored."""

    role: str
    recipe: recipes.Recipe
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


_MOST_UNSURE = 4.0  # times the budget


@dataclass(frozen=True)
class AccuracyDrop:
    """What one task loses against float.

    points: with labels, percentage points of accuracy, or percent of the mean absolute
    error; without, percent of the answers that differ (of the variance, for numbers).
    Of fewer clips than the budget needs it is what their margins let expect.
    low, high: 95 % interval.  n: windows.  against: `labels` or `float`.
    """

    task: str
    points: float
    low: float
    high: float
    n: int
    against: str
    by_margins: bool = False

    def is_within(self, max_drop: float) -> bool:
        """Whether no more is lost; by margins, whether the interval ends within four times as much, too.

        The least of many estimates is mostly too low, and its interval tells; that of changed decisions is
        wide with so few clips, whatever they are. NaN is not within.
        """
        is_sure = self.high <= _MOST_UNSURE * max_drop or not self.by_margins
        return self.points <= max_drop and is_sure


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

    def is_as_good_as_with(self, candidate: PartCandidate) -> bool:
        """Whether with this one in its part's place it would be neither faster nor smaller to speak of."""
        exchanged = (candidate if c.role == candidate.role else c for c in self.candidates)
        other = replace(self, candidates=tuple(exchanged))
        is_near = self.latency_ms <= SIMILAR_LATENCY * other.latency_ms
        return is_near and self.size_bytes <= SIMILAR_LATENCY * other.size_bytes

    def is_with_int8(self, role: str, best: "Combination") -> bool:
        """Whether its part of that role is int8, and all others are those of `best`."""
        pairs = zip(self.candidates, best.candidates)
        return all(
            a.recipe.precision == recipes.INT8.precision if a.role == role else a.recipe == b.recipe
            for a, b in pairs
        )

    def is_within(self, max_drop: float) -> bool:
        """Whether each task is."""
        return all(drop.is_within(max_drop) for drop in self.drops)

    @property
    def worst(self) -> float:
        """The largest drop of any task, in points."""
        return max(_nan_is_worst(drop.points) for drop in self.drops)


SIMILAR_LATENCY = 1.10  # latencies this near are taken as equal on a noisy machine


def fastest(combinations: Sequence[Combination], max_drop: float) -> Combination:
    """Of those within the budget, of those as fast as the fastest what loses least; else what loses least."""
    cheap = [c for c in combinations if c.is_within(max_drop)]
    if not cheap:
        return min(combinations, key=lambda c: c.worst)
    least_ms = min(c.latency_ms for c in cheap)
    near = [c for c in cheap if c.latency_ms <= SIMILAR_LATENCY * least_ms]
    return min(near, key=lambda c: (round(c.worst, 1), c.size_bytes))


def _nan_is_worst(points: float) -> float:
    return math.inf if math.isnan(points) else points


@dataclass(frozen=True)
class Scoring:
    """What candidates are scored on: windows, their labels if they have any, and the budget.

    undescribed: tasks whose numbers may mean anything, since nobody says what.
    """

    tasks: tuple[Task, ...]
    windows: calibration.NetworkInput
    labels: Mapping[str, np.ndarray]
    max_drop: float
    undescribed: frozenset[str] = field(default=frozenset(), kw_only=True)

    def drops(
        self, reference: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
    ) -> tuple[AccuracyDrop, ...]:
        """What is lost, by outputs (n, k) float32 of all windows against the float network's."""
        return tuple(
            self._of_undescribed(task, reference[task.name], outputs[task.name])
            if task.name in self.undescribed
            else drops((task,), reference, outputs, self.labels, self.max_drop)[0]
            for task in self.tasks
        )

    def _of_undescribed(
        self, task: Task, reference: np.ndarray, outputs: np.ndarray
    ) -> AccuracyDrop:
        """The worst of what is lost if the numbers are logits, measured values or a description."""
        logits = Task(task.name, "classification", tuple(map(str, range(outputs.shape[1]))))
        both = {task.name: "softmax"}
        before, after = (
            activated({task.name: each}, both)[task.name] for each in (reference, outputs)
        )
        kept = 1.0 - np.square(reference - outputs).mean(0) / np.maximum(reference.var(0), 1e-12)
        n, share = len(reference), float(np.clip(kept.min(), 0.0, 1.0))
        as_values = AccuracyDrop(task.name, *_points(share, n), n, "float")
        every = (
            _drop(logits, before, after, None, self.max_drop),
            _drop(task, reference, outputs, None, self.max_drop),
            as_values,
        )
        return max(every, key=lambda drop: drop.points)


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
    layer_costs: Mapping[str, Sequence[activations.LayerCost]]
    reference: Mapping[str, np.ndarray]

    def obstacles(self, role: str, max_drop: float) -> list[str]:
        """What forbids int8 of a part that did not become it, in a line: one layer, or none alone."""
        recipe = next(c.recipe for c in self.chosen.candidates if c.role == role)
        scored = [c for c in self.layer_costs.get(role, ()) if not math.isnan(c.points)]
        if recipe.precision == recipes.INT8.precision or not scored:
            return []
        worst = max(scored, key=lambda cost: cost.points)
        layer = f"{worst.layer} ({worst.operator})"
        if worst.points > max_drop:
            return [
                f"The layer {layer} forbids int8 of the {role}: alone it loses {worst.points:.2f} "
                f"points, where {max_drop:g} are allowed."
            ]
        return [
            f"No layer of the {role} forbids int8 alone: {layer}, which costs most, loses "
            f"{worst.points:.2f} points. It is what all of them lose together, or that int8 is no faster."
        ]


def drops(
    tasks: Sequence[Task],
    reference: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    max_drop: float = 100.0,
) -> tuple[AccuracyDrop, ...]:
    """The drop of each task. Outputs (n, k) float32 by task; labels (n,), if there are any.

    max_drop: the budget, which says how many clips would do.
    """
    return tuple(
        _drop(task, reference[task.name], outputs[task.name], labels.get(task.name), max_drop)
        for task in tasks
    )


def agreement(task: Task, reference: np.ndarray, outputs: np.ndarray) -> float:
    """How far two networks' outputs (n, k) for a task mean the same, 0 to 1.

    classification, binary: share of windows decided alike; if `reference` is undecided
    (the two best within 2 % of each other) either counts.  regression: share of the variance kept.
    embedding: mean cosine of the angle between the vectors.
    """
    return float(np.clip(kind_of(task).similarity(reference, outputs).mean(), 0.0, 1.0))


def _drop(
    task: Task,
    reference: np.ndarray,
    outputs: np.ndarray,
    labels: np.ndarray | None,
    max_drop: float,
) -> AccuracyDrop:
    kind, n = kind_of(task), len(reference)
    against = "float" if labels is None or kind.metric is None else "labels"
    if np.array_equal(reference, outputs):
        return AccuracyDrop(task.name, 0.0, 0.0, 0.0, n, against)
    if n < margins.clips_needed(max_drop):
        decisions = kind.decide(reference) if labels is None else labels
        before, after = (kind.lead(values, decisions) for values in (reference, outputs))
        if before is not None and after is not None:
            undecided = -np.log1p(-UNDECIDED) if labels is None else None
            loss = margins.expected_loss(before, after, undecided)
            return AccuracyDrop(task.name, loss.points, loss.low, loss.high, n, against, True)
    if labels is None or kind.metric is None:
        return _against_float(task, reference, outputs)
    before, after = (kind.figures(values, labels) for values in (reference, outputs))
    if not kind.metric.is_share:
        return _of_error(task, before, after)
    return _of_flips(task, before - after)


def _of_flips(task: Task, lost: np.ndarray) -> AccuracyDrop:
    """Of 1 for each clip (n,) that is wrong now, -1 for each that is right now, 0 for the others.

    The interval is that of A. Agresti and Y. Min (2005): half a clip more in each of the four cells.
    """
    n, wrong, right = len(lost), float((lost > 0).sum()), float((lost < 0).sum())
    difference, changed = wrong - right, wrong + right + 1
    reach = Z_95 * float(np.sqrt(changed - difference**2 / (n + 2))) / (n + 2)
    centre, points = difference / (n + 2), difference / n
    low, high = min(centre - reach, points), max(centre + reach, points)
    return AccuracyDrop(task.name, 100 * points, 100 * low, 100 * high, n, "labels")


def _against_float(task: Task, reference: np.ndarray, outputs: np.ndarray) -> AccuracyDrop:
    n = len(reference)
    return AccuracyDrop(task.name, *_points(agreement(task, reference, outputs), n), n, "float")


def _points(share: float, n: int) -> tuple[float, float, float]:
    """What is lost if a share of n is kept, with its interval."""
    low, high = wilson_interval(n * share, n)
    points, least, most = (100.0 * (1.0 - s) for s in (share, high, low))
    return points, least, most


def _of_error(task: Task, before: np.ndarray, after: np.ndarray) -> AccuracyDrop:
    """Relative growth of the mean of errors (n,), with a bootstrap interval."""
    low, high = central_95(_growth(resampled_means(before), resampled_means(after)))
    points = float(_growth(before.mean(), after.mean()))
    return AccuracyDrop(task.name, points, low, high, len(before), "labels")


def _growth(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return 100.0 * (after / np.maximum(before, 1e-12) - 1.0)
