"""JSON lines written by others, read with errors that name file and line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge_benchmarks.judge.score import Answer, DecisionLine, Segment
from edge_common.errors import ConfigError


@dataclass(frozen=True)
class Line:
    """One JSON object and where it stands."""

    path: Path
    number: int
    fields: dict[str, Any]

    def error(self, what: str) -> ConfigError:
        return ConfigError(f"{self.path}, line {self.number}: {what}")

    def whole(self, name: str) -> int:
        """A field that has to be a whole number."""
        value = self._field(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(f"'{name}' should be a whole number, not {value!r:.40}")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """A field that has to be an object."""
        value = self._field(name)
        if not isinstance(value, dict):
            raise self.error(f"'{name}' should be an object, not {value!r:.40}")
        return value

    def _field(self, name: str) -> Any:
        if name not in self.fields:
            raise self.error(f"the field '{name}' is missing")
        return self.fields[name]


def read_lines(path: Path) -> list[Line]:
    """All lines but empty ones. Raises ConfigError where one is no JSON object, or none is."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): give a file of JSON lines") from error
    numbered = enumerate(text.splitlines(), start=1)
    lines = [_parse(path, number, line) for number, line in numbered if line.strip()]
    if not lines:
        raise ConfigError(f"{path} holds no lines: give a file of JSON lines")
    return lines


def _parse(path: Path, number: int, text: str) -> Line:
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path}, line {number}: this is no JSON ({error})") from error
    if not isinstance(fields, dict):
        raise ConfigError(f"{path}, line {number}: an object is needed, not {text.strip():.40}")
    return Line(path, number, fields)


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
