"""What is known of a member of a sweep once it was trained, converted and measured."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_common.errors import ConfigError
from edge_models.evaluation.history import REPORT
from edge_models.evaluation.intervals import Estimate, mean_interval
from edge_models.evaluation.report import report_folder
from edge_models.evaluation.results import TaskResult, source_of_each
from examples.sweep.measuring import PREDICTED, RECORD, TIMING
from examples.sweep.training import MODEL


@dataclass(frozen=True)
class MemberFigures:
    """One member.

    Attributes:
        accuracy: of the float network, by task.
        behind: the reference's accuracy less this one's, by task; of the same clips, in pairs.
        int8_accuracy: of the bundle, on fewer clips.
        shortest_ms: median of the shortest frames of fresh processes, int8, streamed.
        timed_on: by how many threads, on what.
        predicted_ms: by board; predicted, not measured.
    """

    name: str
    about: str
    parameters: int
    multiply_adds: int
    bundle_bytes: int
    accuracy: dict[str, Estimate]
    behind: dict[str, Estimate]
    int8_accuracy: dict[str, Estimate]
    shortest_ms: float
    timed_on: str
    predicted_ms: dict[str, float]


def figures_of(
    name: str, about: str, own: Path,
    answers: dict[str, TaskResult], reference: dict[str, TaskResult],
) -> MemberFigures:  # fmt: skip
    """Put together what a member's folder holds.

    Raises:
        ConfigError: its record is not one of edge-bench.
    """
    record, timing = read_json(own / RECORD), read_json(own / TIMING)
    predicted = read_json(own / PREDICTED)
    try:
        parts = record["bundle"]["parts"]
        streamed = record["measurements"][0]["accuracy"]
        return MemberFigures(
            name, about,
            parameters=read_json(report_folder(own / MODEL) / REPORT)["parameters"]["total"],
            multiply_adds=sum(part["multiply_adds"] for part in parts),
            bundle_bytes=record["bundle"]["size_bytes"],
            accuracy={task: _accuracy(found) for task, found in answers.items()},
            behind={task: behind(reference[task], found) for task, found in answers.items()},
            int8_accuracy={
                f["task"]: Estimate(f["value"], f["interval"][0], f["interval"][1], f["n"]) for f in streamed
            },
            shortest_ms=float(np.median(timing["process_floors_ms"])),
            timed_on=_timed_on(timing["setup"]["threads"], timing["machine"]["architecture"]),
            predicted_ms={b["board"]: b["frame"]["ms"] for b in predicted["boards"]},
        )  # fmt: skip
    except (KeyError, TypeError, IndexError) as error:
        raise ConfigError(f"{own} holds records of another version ({error}): remove it") from error


def behind(reference: TaskResult, found: TaskResult) -> Estimate:
    """By how much the accuracy is lower, from pairs of answers; whole files are drawn again."""
    right = [(result.truth == result.answer).astype(float) for result in (reference, found)]
    if len(right[0]) != len(right[1]) or (reference.truth != found.truth).any():
        raise ConfigError("the members were measured on different clips: train them anew")
    difference = right[0] - right[1]
    return Estimate(
        float(difference.mean()), *mean_interval(difference, source_of_each(found)), len(difference)
    )


def _timed_on(threads: int, architecture: str) -> str:
    return f"{threads} {architecture} thread{'s' if threads > 1 else ''}"


def _accuracy(found: TaskResult) -> Estimate:
    return Estimate(found.accuracy, *found.interval_by_source, len(found.truth))


def read_json(path: Path) -> dict:
    """What a JSON file says."""
    return json.loads(path.read_text(encoding="utf-8"))
