"""Decisions of a run, read from JSON lines, against the segments that were really to be seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from edge.tasks import (
    ACCURACY,
    MEAN_ABSOLUTE_ERROR,
    UNKNOWN,
    Decided,
    PredictionFields,
    decided,
)
from edge_common import ConfigError, data, statistics


@dataclass(frozen=True)
class DecisionLine:
    """One decision of edge-run: the last frame of its window, and each task's answer.

    vocabularies: of tasks with several labels at once, all labels that there are.
    first_frame: the first of its window; None in lines of version 0.1.0, which did not say it.
    """

    frame: int
    tasks: dict[str, Decided]
    vocabularies: dict[str, frozenset[str]] = field(default_factory=dict)
    first_frame: int | None = None

    def first_of(self, window: int) -> int:
        """The first frame of its window; if unknown, it has no gap in its `window` frames."""
        return self.frame - window + 1 if self.first_frame is None else self.first_frame


@dataclass(frozen=True)
class Segment:
    """Frames `first_frame` to `last_frame`, both included, and what is true of them."""

    first_frame: int
    last_frame: int
    tasks: dict[str, Decided]

    def holds(self, first: int, last: int) -> bool:
        return self.first_frame <= first and last <= self.last_frame

    def touches(self, first: int, last: int) -> bool:
        return self.first_frame <= last and first <= self.last_frame


@dataclass(frozen=True)
class Tally:
    """Answers of one task over `n` samples.

    right: how many labels are right; None for a number.
    value: share of right labels, or mean absolute error; None if n is 0.
    interval: 95 % of the share (E. B. Wilson, 1927), if the samples are independent.
    unknown: how many are answered `unknown`, which is right only if the truth says so, too.
    """

    n: int
    value: float | None
    right: int | None = None
    interval: tuple[float, float] | None = None
    unknown: int = 0


@dataclass(frozen=True)
class TaskScore:
    """One task: over all decisions that count, and over the last one of each segment."""

    task: str
    metric: str
    decisions: Tally
    segments: Tally


@dataclass(frozen=True)
class Score:
    """decisions: lines read; counted: whose window lies within one segment.

    straddling: windows that reach over a segment's end.  outside: windows that touch none.
    segments: how many there are; unseen: those in which no window fits.
    """

    window: int
    decisions: int
    counted: int
    straddling: int
    outside: int
    segments: int
    unseen: int
    tasks: tuple[TaskScore, ...]


def score_decisions(
    decisions: Sequence[DecisionLine], segments: Sequence[Segment], window: int
) -> Score:
    """Score each task that the truth knows.

    Raises ConfigError if a task is in no decision, or answered in another kind.
    """
    pairs = [(d, _home(d, segments, window)) for d in decisions]
    inside = [(d, home) for d, home in pairs if home]
    outside = [d for d, home in pairs if not home]
    straddling = sum(_touches_any(d, segments, window) for d in outside)
    last = {home.first_frame: (d, home) for d, home in inside}
    tasks = _tasks(decisions, segments)
    return Score(
        window=window,
        decisions=len(decisions),
        counted=len(inside),
        straddling=straddling,
        outside=len(outside) - straddling,
        segments=len(segments),
        unseen=len(segments) - len(last),
        tasks=tuple(_task_score(t, inside, list(last.values())) for t in tasks),
    )


DecisionInSegment = tuple[DecisionLine, Segment]
Pair = tuple[Decided, Decided]  # decided and true


def _task_score(
    task: str, inside: Sequence[DecisionInSegment], last: Sequence[DecisionInSegment]
) -> TaskScore:
    pairs, independent = _pairs(task, inside), _pairs(task, last)
    if any(isinstance(truth, float) for _, truth in pairs):
        return TaskScore(
            task, MEAN_ABSOLUTE_ERROR.name, _error(_numbers(pairs)), _error(_numbers(independent))
        )
    decided = _share(pairs, independent=False)
    return TaskScore(task, ACCURACY.name, decided, _share(independent, independent=True))


def _numbers(pairs: Sequence[Pair]) -> list[tuple[float, float]]:
    return [
        (decided, truth)
        for decided, truth in pairs
        if isinstance(decided, float) and isinstance(truth, float)
    ]


def _share(pairs: Sequence[Pair], *, independent: bool) -> Tally:
    right, n = sum(decided == truth for decided, truth in pairs), len(pairs)
    if not n:
        return Tally(0, None, 0)
    interval = statistics.wilson_interval(right, n) if independent else None
    unknown = sum(decided == UNKNOWN for decided, _ in pairs)
    return Tally(n, right / n, right, interval, unknown)


def _error(pairs: Sequence[tuple[float, float]]) -> Tally:
    total = sum(abs(decided - truth) for decided, truth in pairs)
    return Tally(len(pairs), total / len(pairs) if pairs else None)


def _pairs(task: str, inside: Sequence[DecisionInSegment]) -> list[Pair]:
    """What was decided and what is true, if sides are known."""
    sides = [(d.tasks, s.tasks) for d, s in inside if task in d.tasks and task in s.tasks]
    pairs = [(decided[task], truth[task]) for decided, truth in sides]
    for decision, truth in pairs:
        if type(decision) is not type(truth):
            raise ConfigError(
                f"task '{task}' is decided as {_written(decision)} where the truth says "
                f"{_written(truth)}: write labels as text and values as numbers"
            )
    _check_vocabulary(task, inside)
    return pairs


def _written(decided: Decided) -> str:
    return repr(sorted(decided)) if isinstance(decided, frozenset) else repr(decided)


def _check_vocabulary(task: str, inside: Sequence[DecisionInSegment]) -> None:
    """Raise ConfigError if the truth names a label that can never be decided."""
    for decision, segment in inside:
        truth, labels = segment.tasks.get(task), decision.vocabularies.get(task)
        if isinstance(truth, frozenset) and labels and not truth <= labels:
            raise ConfigError(
                f"the truth of '{task}' names {', '.join(sorted(truth - labels))}, which is none "
                f"of the bundle's labels: {', '.join(sorted(labels))}"
            )


def _home(decision: DecisionLine, segments: Sequence[Segment], window: int) -> Segment | None:
    first = decision.first_of(window)
    return next((s for s in segments if s.holds(first, decision.frame)), None)


def _touches_any(decision: DecisionLine, segments: Sequence[Segment], window: int) -> bool:
    return any(s.touches(decision.first_of(window), decision.frame) for s in segments)


def _tasks(decisions: Sequence[DecisionLine], segments: Sequence[Segment]) -> list[str]:
    """The tasks of the truth, in its order; each has to be decided somewhere."""
    tasks = dict.fromkeys(task for segment in segments for task in segment.tasks)
    decided = dict.fromkeys(task for decision in decisions for task in decision.tasks)
    for task in tasks:
        if task not in decided:
            names = ", ".join(decided) or "no task"
            raise ConfigError(f"the truth names the task '{task}', the decisions answer {names}")
    return list(tasks)


@dataclass(frozen=True)
class _Decision:
    frame: int
    tasks: dict[str, PredictionFields]
    first_frame: int | None = None
    source: str | None = None

    def line(self, place: str) -> DecisionLine:
        first, last = self.first_frame, self.frame
        if first is not None and not 0 <= first <= last:
            raise ConfigError(f"{place}: a window from frame {first} to frame {last}")
        predictions, labels = _predictions(self.tasks, place), _vocabularies(self.tasks)
        return DecisionLine(last, predictions, labels, first)


@dataclass(frozen=True)
class _Truth:
    first_frame: int
    last_frame: int
    tasks: dict[str, str | float | tuple[str, ...]]


def read_decisions(path: Path) -> list[DecisionLine]:
    """Read JSON lines of edge-run. Raises ConfigError naming file and line."""
    lines = list(data.read_json_lines(_Decision, path))
    if len(sources := {line.source for _, line in lines}) > 1:
        raise ConfigError(
            f"{path} holds decisions of {len(sources)} sources: keep the lines of one, as in "
            f"jq -c 'select(.source == \"NAME\")'"
        )
    decisions = [line.line(place) for place, line in lines]
    for line, (before, after) in enumerate(pairwise(decisions), start=2):
        if after.frame <= before.frame:
            raise ConfigError(
                f"{path}: decision {line} is of frame {after.frame} but follows frame "
                f"{before.frame}: give the decisions of one run, in their order"
            )
        if after.first_frame is None and after.frame > before.frame + 1:
            raise ConfigError(
                f"{path}: decision {line} jumps from frame {before.frame} to {after.frame} and has "
                "no first_frame, so which frames its window holds is unknown: run edge-run again"
            )
    return decisions


def read_segments(path: Path) -> list[Segment]:
    """Read the truth, sorted by frame. Raises ConfigError naming file and line."""
    segments = [_segment(line, place) for place, line in data.read_json_lines(_Truth, path)]
    segments.sort(key=lambda segment: segment.first_frame)
    for before, after in pairwise(segments):
        if after.first_frame <= before.last_frame:
            raise ConfigError(
                f"{path}: the segments from frame {before.first_frame} and from frame "
                f"{after.first_frame} overlap: one frame can have one truth only"
            )
    return segments


def _predictions(tasks: Mapping[str, PredictionFields], place: str) -> dict[str, Decided]:
    predictions = {task: decided(answer) for task, answer in tasks.items()}
    for task, prediction in predictions.items():
        unscored = tasks[task].vector, tasks[task].size, tasks[task].points, tasks[task].areas
        if prediction is None and all(answer is None for answer in unscored):
            raise ConfigError(f"{place}: the answer to '{task}' has neither a label nor a value")
    return {task: each for task, each in predictions.items() if each is not None}


def _vocabularies(tasks: Mapping[str, PredictionFields]) -> dict[str, frozenset[str]]:
    """All labels of the tasks that can name several at once."""
    return {t: frozenset(answer.p) for t, answer in tasks.items() if isinstance(answer.p, dict)}


def _segment(line: _Truth, place: str) -> Segment:
    if not 0 <= line.first_frame <= line.last_frame:
        raise ConfigError(
            f"{place}: a segment from frame {line.first_frame} to frame {line.last_frame}"
        )
    tasks = {t: frozenset(v) if isinstance(v, tuple) else v for t, v in line.tasks.items()}
    return Segment(line.first_frame, line.last_frame, tasks)
