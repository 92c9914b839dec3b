"""What is known of a member of a sweep, and the tables and JSON that show it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from edge_common import ConfigError
from edge_models.datasets import dataset
from edge_models.evaluation import history, intervals, network, report, results
from examples.document_figures import markdown_table
from examples.sweep.training import INT8_ANSWERS, MODEL, PREDICTED, RECORD, TIMING


@dataclass(frozen=True)
class MemberFigures:
    """One member.

    Attributes:
        accuracy: of the float network, by task; of numbers their mean absolute error.
        behind: how much worse than the reference, by task; of the same clips, in pairs.
        int8_accuracy: of the bundle, perhaps on fewer clips.
        int8_loses: how much worse it is than the float network on the same clips, in pairs.
        units: of the tasks that answer numbers.
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
    int8_loses: dict[str, intervals.Estimate]
    units: dict[str, str]
    shortest_ms: float
    timed_on: str
    predicted_ms: dict[str, float]


Answer = results.TaskResult | results.RegressionResult
Answers = Mapping[str, Answer]


def figures_of(
    name: str, about: str, own: Path, answers: Answers, reference: Answers, seed: int
) -> MemberFigures:
    """Put together what a member's folder holds.

    seed: by which the clips that int8 answers were drawn.

    Raises:
        ConfigError: its record is not one of edge-bench.
    """
    record, timing = read_json(own / RECORD), read_json(own / TIMING)
    predicted, int8 = read_json(own / PREDICTED), network.read_answers(own / INT8_ANSWERS)
    same = {task: _only(answers[task], len(int8[task].truth), seed) for task in int8}
    try:
        return MemberFigures(
            name, about,
            parameters=read_json(report.report_folder(own / MODEL) / history.REPORT)["parameters"]["total"],
            multiply_adds=sum(part["multiply_adds"] for part in record["bundle"]["parts"]),
            bundle_bytes=record["bundle"]["size_bytes"],
            accuracy={task: _estimate(result) for task, result in answers.items()},
            behind={task: behind(reference[task], result) for task, result in answers.items()},
            int8_accuracy={task: _estimate(result) for task, result in int8.items()},
            int8_loses={task: behind(same[task], result) for task, result in int8.items()},
            units={t: r.unit for t, r in answers.items() if isinstance(r, results.RegressionResult)},
            shortest_ms=float(np.median(timing["process_floors_ms"])),
            timed_on=_timed_on(timing["setup"]["threads"], timing["machine"]["architecture"]),
            predicted_ms={b["board"]: b["frame"]["ms"] for b in predicted["boards"]},
        )  # fmt: skip
    except (KeyError, TypeError, IndexError) as error:
        raise ConfigError(f"{own} holds records of another version ({error}): remove it") from error


def behind(reference: Answer, other: Answer) -> intervals.Estimate:
    """By how much it is worse, from pairs of answers; whole files are drawn again.

    Of classes in shares of right answers, of numbers in their unit.
    """
    if len(reference.truth) != len(other.truth) or (reference.truth != other.truth).any():
        raise ConfigError("the members were measured on different clips: train them anew")
    worse = _faults(other) - _faults(reference)
    bounds = intervals.mean_interval(worse, results.source_of_each(other))
    return intervals.Estimate(float(worse.mean()), *bounds, len(worse))


def _faults(result: Answer) -> np.ndarray:
    """Of each answer: how far off it is, or of a class, whether it is wrong."""
    if isinstance(result, results.RegressionResult):
        return np.abs(result.answer - result.truth)
    return (result.answer != result.truth).astype(float)


def _only(result: Answer, count: int, seed: int) -> Answer:
    """The answers to the clips that `feature_cache.some_of` draws."""
    indices = dataset.drawn(len(result.truth), count, seed)
    sources = results.source_of_each(result)[indices]
    return replace(
        result, truth=result.truth[indices], answer=result.answer[indices], sources=sources
    )


def _estimate(result: Answer) -> intervals.Estimate:
    value = (
        result.accuracy if isinstance(result, results.TaskResult) else result.mean_absolute_error
    )
    return intervals.Estimate(value, *result.interval_by_source, len(result.truth))


def _timed_on(threads: int, architecture: str) -> str:
    return f"{threads} {architecture} thread{'s' if threads > 1 else ''}"


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
    head += [f"{task}, {_unit(base, task)} behind {base.name}" for task in base.accuracy]
    rows = [
        [result.name, f"{result.parameters / 1e6:.2f} M", f"{result.shortest_ms:.3f}",
         f"1/{base.shortest_ms / result.shortest_ms:.1f}", *_cells(result, result.accuracy),
         *_differences(result, result.behind)]
        for result in figures
    ]  # fmt: skip
    return markdown_table(head, rows)


def _int8(figures: Sequence[MemberFigures], base: MemberFigures) -> str:
    head = ["network", "multiply-adds a frame", "file, int8"]
    head += [f"ms a frame, {board}, predicted" for board in base.predicted_ms]
    head += [f"{task}, int8 (n = {result.n:,})" for task, result in base.int8_accuracy.items()]
    head += [f"{task}, {_unit(base, task)} lost to float" for task in base.int8_loses]
    rows = [
        [result.name, f"{result.multiply_adds / 1e6:.1f} M", f"{result.bundle_bytes / 1e6:.2f} MB",
         *(f"{ms:.1f}" for ms in result.predicted_ms.values()),
         *_cells(result, result.int8_accuracy), *_differences(result, result.int8_loses)]
        for result in figures
    ]  # fmt: skip
    return markdown_table(head, rows)


def _unit(member: MemberFigures, task: str) -> str:
    return member.units.get(task, "points") or "units"


def _cells(member: MemberFigures, by_task: Mapping[str, intervals.Estimate]) -> list[str]:
    """Accuracies, and errors of numbers in their unit."""
    return [
        f"{intervals.number_within(figure)} {member.units[task]}".rstrip()
        if task in member.units else str(figure)
        for task, figure in by_task.items()
    ]  # fmt: skip


def _differences(member: MemberFigures, by_task: Mapping[str, intervals.Estimate]) -> list[str]:
    return [_signed(figure, 1 if task in member.units else 100) for task, figure in by_task.items()]


def _signed(figure: intervals.Estimate, times: float) -> str:
    value, low, high = (times * bound for bound in (figure.value, figure.low, figure.high))
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"
