"""Why an answer is worth a person's look: uncertainty sampling, for the windows of a live network.

Entropy as the measure of uncertainty, and what a committee disagrees on: B. Settles, Active
Learning Literature Survey (2009), 3.1 and 3.2; the committee here are one person's windows.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edge.events.alert import Alert
from edge.events.evidence import AlertEvidence, AlertShares
from edge.stream.decision import Decision
from edge.tasks import UNKNOWN, Prediction, Task, label_probabilities

_RECENT_S = 5.0  # answers of one person that are compared
_MOST_REMEMBERED = 512


@dataclass(frozen=True)
class Doubt:
    """reason: in words.  unsureness: 0 to 1, to compare doubts by."""

    reason: str
    unsureness: float


@dataclass(frozen=True)
class DoubtLimits:
    """entropy: a share of the highest; 0: every answer counts as unsure.

    near: of probabilities, or a share of a number's threshold.
    Raises ValueError.
    """

    entropy: float = 0.7
    near: float = 0.05

    def __post_init__(self) -> None:
        if not (0 <= self.entropy <= 1 and 0 <= self.near <= 0.5):
            raise ValueError("the option entropy is 0 to 1, and near 0 to 0.5")


def entropy_share(probabilities: Sequence[float]) -> float:
    """Shannon's entropy by the highest of so many labels, log k: 0 to 1; NaN if one is no number."""
    if len(probabilities) < 2:
        return 0.0
    terms = (0.0 if p <= 0 else -p * math.log(p) for p in probabilities)
    return math.fsum(terms) / math.log(len(probabilities))


def prediction_entropy(task: Task, prediction: Prediction) -> float:
    """As `entropy_share`; of a multi-label task that of its least certain label. NaN: nobody knows."""
    if prediction.probabilities is not None:
        return max(
            (entropy_share((p, 1 - p)) for p in prediction.probabilities.values()), default=0
        )
    probabilities = label_probabilities(task, prediction)
    return entropy_share(tuple(probabilities.values())) if probabilities else math.nan


@dataclass
class _Answers:
    """The newest label of somebody, and the one before; each with when it was last given."""

    label: str
    newest_s: float
    label_before: str = ""
    before_s: float = -math.inf
    track: int | None = None


K = TypeVar("K")


def _remember(memory: dict[K, _Answers], key: K, answers: _Answers) -> None:
    memory.pop(key, None)
    memory[key] = answers
    while len(memory) > _MOST_REMEMBERED:
        del memory[next(iter(memory))]


class Doubts:
    """Finds what is doubtful in the decisions of all sources, in their order.

    alerts: that fit the bundle's tasks.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        alerts: Sequence[Alert] = (),
        limits: DoubtLimits = DoubtLimits(),
    ) -> None:
        self._tasks, self._limits = {task.name: task for task in tasks}, limits
        watched = [each for each in alerts if each.task in self._tasks]
        self._alerts = [
            (each, AlertEvidence(each, self._tasks[each.task or ""])) for each in watched
        ]
        self._of_tracks: dict[tuple[str, int | None, str], _Answers] = {}
        self._of_names: dict[tuple[str, str], _Answers] = {}

    @property
    def can_be_raised(self) -> bool:
        kinds = {task.kind for task in self._tasks.values()}
        return bool(self._alerts) or bool(kinds & {"classification", "binary", "multi-label"})

    def of(self, decision: Decision, source: str) -> list[Doubt]:
        """None of an answer that is not finite: nobody can say how sure it is."""
        return [
            *self._uncertain(decision),
            *self._near_alerts(decision, source),
            *self._disagreeing(decision, source),
        ]

    def _uncertain(self, decision: Decision) -> Iterator[Doubt]:
        for name, prediction in decision.tasks.items():
            if prediction.label == UNKNOWN and prediction.guess is not None:
                yield Doubt(f"{name}: unknown", 1.0)
                continue
            share = prediction_entropy(self._tasks[name], prediction)
            if share >= self._limits.entropy:
                yield Doubt(f"{name}: entropy {share:.2f}", min(share, 1.0))

    def _near_alerts(self, decision: Decision, source: str) -> Iterator[Doubt]:
        shares = AlertShares()
        for alert, evidence in self._alerts:
            prediction = decision.tasks.get(alert.task or "")
            if prediction is None or alert.source not in (None, source):
                continue
            value, _ = evidence.of(prediction, shares)
            if alert.is_number:
                thresholds = [each for each in (alert.over, alert.under) if each is not None]
            else:
                thresholds = [alert.above, alert.release]
            for threshold in dict.fromkeys(thresholds):
                reach = self._limits.near * (abs(threshold) if alert.is_number else 1.0)
                if reach > 0 and abs(value - threshold) <= reach:
                    yield Doubt(
                        f"alert {alert}: {value:.3g} is near {threshold:g}",
                        1.0 - abs(value - threshold) / reach,
                    )
                    break

    def _disagreeing(self, decision: Decision, source: str) -> Iterator[Doubt]:
        """Of one track that flips there and back, and of two tracks with one name."""
        now_s = decision.moment_s
        track = decision.track
        for name, prediction in decision.tasks.items():
            label = prediction.label
            if label is None or label == UNKNOWN or prediction.similarity is not None:
                continue
            key = source, track.number if track else None, name
            answers = self._of_tracks.get(key)
            if answers is None or decision.restart or now_s < answers.newest_s:
                answers = _Answers(label, now_s)
                _remember(self._of_tracks, key, answers)
            elif label != answers.label:
                if label == answers.label_before and now_s - answers.before_s <= _RECENT_S:
                    yield Doubt(f"{name}: {label}, {answers.label}, {label}", 1.0)
                answers.label_before, answers.before_s = answers.label, answers.newest_s
                answers.label = label
            answers.newest_s = now_s
            if track and track.name:
                yield from self._of_one_person(
                    track.name, name, _Answers(label, now_s, track=track.number)
                )

    def _of_one_person(self, person: str, task: str, newest: _Answers) -> Iterator[Doubt]:
        other = self._of_names.get((person, task))
        is_other = other and other.track != newest.track and other.label != newest.label
        if other and is_other and 0 <= newest.newest_s - other.newest_s <= _RECENT_S:
            reason = f"{task}: {newest.label}, and {other.label} of another track of one person"
            yield Doubt(reason, 1.0)
        _remember(self._of_names, (person, task), newest)
