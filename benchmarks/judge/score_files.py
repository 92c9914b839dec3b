"""JSON lines written by others, read with errors that name file and line."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from edge_benchmarks.judge.score import DecisionLine, Prediction, Segment
from edge_common.data import decode, parse_json
from edge_common.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class _Prediction:
    """Of one task, as edge-run writes it; an embedding is neither right nor wrong."""

    label: str | None = None
    value: float | None = None
    vector: Any = None


@dataclass(frozen=True)
class _Decision:
    frame: int
    tasks: dict[str, _Prediction]


@dataclass(frozen=True)
class _Truth:
    first_frame: int
    last_frame: int
    tasks: dict[str, str | float]


def _read_lines(kind: type[T], path: Path) -> list[tuple[str, T]]:
    """All lines but empty ones, each with its place. Raises ConfigError that names it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): give a file of JSON lines") from error
    places = {f"{path}, line {n}": line for n, line in enumerate(text.splitlines(), 1)}
    lines = [
        (place, decode(kind, parse_json(line, place), place, ignore_unknown=True))
        for place, line in places.items()
        if line.strip()
    ]
    if not lines:
        raise ConfigError(f"{path} holds no lines: give a file of JSON lines")
    return lines


def read_decisions(path: Path) -> list[DecisionLine]:
    """Read JSON lines of edge-run. Raises ConfigError naming file and line."""
    decisions = [
        DecisionLine(line.frame, _predictions(line.tasks, place))
        for place, line in _read_lines(_Decision, path)
    ]
    for line, (before, after) in enumerate(pairwise(decisions), start=2):
        if after.frame <= before.frame:
            raise ConfigError(
                f"{path}: decision {line} is of frame {after.frame} but follows frame "
                f"{before.frame}: give the decisions of one run, in their order"
            )
    return decisions


def read_segments(path: Path) -> list[Segment]:
    """Read the truth, sorted by frame. Raises ConfigError naming file and line."""
    segments = [_segment(line, place) for place, line in _read_lines(_Truth, path)]
    segments.sort(key=lambda segment: segment.first_frame)
    for before, after in pairwise(segments):
        if after.first_frame <= before.last_frame:
            raise ConfigError(
                f"{path}: the segments from frame {before.first_frame} and from frame "
                f"{after.first_frame} overlap: one frame can have one truth only"
            )
    return segments


def _predictions(tasks: Mapping[str, _Prediction], place: str) -> dict[str, Prediction]:
    for task, answer in tasks.items():
        if answer == _Prediction():
            raise ConfigError(f"{place}: the answer to '{task}' has neither a label nor a value")
    labels_or_values = {
        task: answer.value if answer.label is None else answer.label
        for task, answer in tasks.items()
    }
    return {task: answer for task, answer in labels_or_values.items() if answer is not None}


def _segment(line: _Truth, place: str) -> Segment:
    if not 0 <= line.first_frame <= line.last_frame:
        raise ConfigError(
            f"{place}: a segment from frame {line.first_frame} to frame {line.last_frame}"
        )
    return Segment(line.first_frame, line.last_frame, line.tasks)
