"""What is known of a member of a sweep, and the tables and JSON that show it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge_common import ConfigError
from edge_models.evaluation import history, intervals, report, results
from examples.results_boards import markdown_table
from examples.sweep.training import MODEL, PREDICTED, RECORD, TIMING


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
    accuracy: dict[str, intervals.Estimate]
    behind: dict[str, intervals.Estimate]
    int8_accuracy: dict[str, intervals.Estimate]
    shortest_ms: float
    timed_on: str
    predicted_ms: dict[str, float]


def figures_of(
    name: str, about: str, own: Path,
    answers: dict[str, results.TaskResult], reference: dict[str, results.TaskResult],
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
            parameters=read_json(report.report_folder(own / MODEL) / history.REPORT)["parameters"]["total"],
            multiply_adds=sum(part["multiply_adds"] for part in parts),
            bundle_bytes=record["bundle"]["size_bytes"],
            accuracy={task: _accuracy(result) for task, result in answers.items()},
            behind={task: behind(reference[task], result) for task, result in answers.items()},
            int8_accuracy={
                f["task"]: intervals.Estimate(f["value"], f["interval"][0], f["interval"][1], f["n"])
                for f in streamed
            },
            shortest_ms=float(np.median(timing["process_floors_ms"])),
            timed_on=_timed_on(timing["setup"]["threads"], timing["machine"]["architecture"]),
            predicted_ms={b["board"]: b["frame"]["ms"] for b in predicted["boards"]},
        )  # fmt: skip
    except (KeyError, TypeError, IndexError) as error:
        raise ConfigError(f"{own} holds records of another version ({error}): remove it") from error


def behind(reference: results.TaskResult, other: results.TaskResult) -> intervals.Estimate:
    """By how much the accuracy is lower, from pairs of answers; whole files are drawn again."""
    right = [(each.truth == each.answer).astype(float) for each in (reference, other)]
    if len(right[0]) != len(right[1]) or (reference.truth != other.truth).any():
        raise ConfigError("the members were measured on different clips: train them anew")
    difference = right[0] - right[1]
    return intervals.Estimate(
        float(difference.mean()),
        *intervals.mean_interval(difference, results.source_of_each(other)),
        len(difference),
    )


def _timed_on(threads: int, architecture: str) -> str:
    return f"{threads} {architecture} thread{'s' if threads > 1 else ''}"


def _accuracy(result: results.TaskResult) -> intervals.Estimate:
    return intervals.Estimate(result.accuracy, *result.interval_by_source, len(result.truth))


def read_json(path: Path) -> dict:
    """What a JSON file says."""
    return json.loads(path.read_text(encoding="utf-8"))


def as_json(title: str, reference: str, figures: Sequence[MemberFigures]) -> str:
    """All figures, unrounded."""
    rows = [asdict(result) for result in figures]
    return json.dumps({"name": title, "reference": reference, "members": rows}, indent=2) + "\n"


def as_markdown(title: str, reference: str, figures: Sequence[MemberFigures]) -> str:
    """What each member is; float accuracy and what it costs; what became of it in int8."""
    base = next(result for result in figures if result.name == reference)
    members = [f"* {result.name}: {result.about}" for result in figures]
    parts = [f"**{title}**", "\n".join(members), _float(figures, base), _int8(figures, base)]
    return "\n\n".join(parts) + "\n"


def _float(figures: Sequence[MemberFigures], base: MemberFigures) -> str:
    head = ["network", "parameters", f"ms a frame, int8, {base.timed_on}", f"of {base.name}'s"]
    head += [f"{task}, float (n = {result.n:,})" for task, result in base.accuracy.items()]
    head += [f"{task}, points behind {base.name}" for task in base.accuracy]
    rows = [
        [result.name, f"{result.parameters / 1e6:.2f} M", f"{result.shortest_ms:.3f}",
         f"1/{base.shortest_ms / result.shortest_ms:.1f}", *map(str, result.accuracy.values()),
         *map(_points, result.behind.values())]
        for result in figures
    ]  # fmt: skip
    return markdown_table(head, rows)


def _int8(figures: Sequence[MemberFigures], base: MemberFigures) -> str:
    head = ["network", "multiply-adds a frame", "file, int8"]
    head += [f"ms a frame, {board}, predicted" for board in base.predicted_ms]
    head += [f"{task}, int8 (n = {result.n:,})" for task, result in base.int8_accuracy.items()]
    rows = [
        [result.name, f"{result.multiply_adds / 1e6:.1f} M", f"{result.bundle_bytes / 1e6:.2f} MB",
         *(f"{ms:.1f}" for ms in result.predicted_ms.values()),
         *map(str, result.int8_accuracy.values())]
        for result in figures
    ]  # fmt: skip
    return markdown_table(head, rows)


def _points(share: intervals.Estimate) -> str:
    return f"{share.value * 100:+.2f} [{share.low * 100:+.2f}, {share.high * 100:+.2f}]"
