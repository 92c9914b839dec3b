"""Decisions and truth for a score, read from JSON lines."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from benchmarks.json_lines import Line, read_lines
from benchmarks.score import Answer, DecisionLine, Segment
from edge.errors import ConfigError


def read_decisions(path: Path) -> list[DecisionLine]:
    """Read JSON lines of edge-run. Raises ConfigError naming file and line."""
    found = [DecisionLine(line.whole("frame"), _answers(line)) for line in read_lines(path)]
    for line, (before, after) in enumerate(pairwise(found), start=2):
        if after.frame <= before.frame:
            raise ConfigError(
                f"{path}: decision {line} is of frame {after.frame} but follows frame "
                f"{before.frame}: give the decisions of one run, in their order"
            )
    return found


def read_segments(path: Path) -> list[Segment]:
    """Read the truth, sorted by frame. Raises ConfigError naming file and line."""
    found = [_segment(line) for line in read_lines(path)]
    found.sort(key=lambda segment: segment.first_frame)
    for before, after in pairwise(found):
        if after.first_frame <= before.last_frame:
            raise ConfigError(
                f"{path}: the segments from frame {before.first_frame} and from frame "
                f"{after.first_frame} overlap: one frame can have one truth only"
            )
    return found


def _answers(line: Line) -> dict[str, Answer]:
    return dict(_decided(line))


def _decided(line: Line) -> Iterator[tuple[str, Answer]]:
    """Labels and values; an embedding is neither right nor wrong."""
    for task, answer in line.mapping("tasks").items():
        if not isinstance(answer, dict):
            raise line.error(f"the answer to '{task}' should be an object, not {answer!r:.40}")
        if isinstance(answer.get("label"), str):
            yield task, answer["label"]
        elif _is_number(answer.get("value")):
            yield task, float(answer["value"])
        elif "vector" not in answer:
            raise line.error(f"the answer to '{task}' has neither a label nor a value")


def _segment(line: Line) -> Segment:
    first, last = line.whole("first_frame"), line.whole("last_frame")
    if not 0 <= first <= last:
        raise line.error(f"a segment from frame {first} to frame {last}")
    tasks = line.mapping("tasks")
    for task, truth in tasks.items():
        if not isinstance(truth, str) and not _is_number(truth):
            raise line.error(f"the truth of '{task}' should be text or a number, not {truth!r:.40}")
    return Segment(
        first, last, {t: v if isinstance(v, str) else float(v) for t, v in tasks.items()}
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
