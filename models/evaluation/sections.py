"""A run's page, section by section."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge_common.document import Section, Table
from edge_models.evaluation import plots
from edge_models.evaluation.analysis_sections import Heat, heat_sections, identity_section
from edge_models.evaluation.history import TrainingHistory
from edge_models.evaluation.identity import Identity
from edge_models.evaluation.intervals import NONE, duration
from edge_models.evaluation.results import Result, Results, source_of_each
from edge_models.evaluation.task_reports import report_of

_HEADER = ("task", "figure", "value", "clips", "files", "95 % by file", "95 % by clip")


@dataclass(frozen=True)
class Told:
    """All that a page shows.

    Attributes:
        facts: as they stand in report.json; see `facts_of`.
        heat: of each task, test clips with what spoke for the answer.
        grid: h, w of the backbone's last maps.
    """

    facts: Mapping[str, object]
    results: Results
    course: TrainingHistory
    identity: Identity | None
    heat: Mapping[str, Heat]
    grid: tuple[int, int]


def sections(told: Told) -> list[Section]:
    """In the order of reading."""
    found = [_summary(told)]
    found += [report_of(result).section(name, result) for name, result in told.results.items()]
    if told.identity:
        found.append(identity_section(told.identity))
    found += heat_sections(told.heat, told.grid)
    if told.course.history:
        svg = plots.learning_curves(told.course.history, list(told.results))
        found.append(Section("Learning curves", svg=svg, caption="Stages one after another."))
    return [*found, _run(told)]


def _summary(told: Told) -> Section:
    facts, results = told.facts, told.results
    rows = [
        summary_row(name, result, len(np.unique(source_of_each(result))))
        for name, result in results.items()
    ]
    text = [
        f"Trained and tested on {facts['data']}. Test clips are of files that training and its "
        "early stop did not see."
        + ("" if told.course.known else " **No report of the training was found beside the "
           "network: that it is of this training file and seed is taken on trust.**"),
        "By file: whole files (photos, videos) are drawn anew, because clips of one file are "
        "alike; this is the interval to quote. By clip: Wilson's for a share, a bootstrap for an "
        "error, as if clips were independent.",
    ]  # fmt: skip
    text += [f"Note: {note}." for note in facts["notes"]]
    return Section("What was measured", text, [Table(_HEADER, rows, 2)])


def _run(told: Told) -> Section:
    facts, course = told.facts, told.course
    parameters = facts["parameters"]
    trained = {_spoken(name): s for name, s in course.seconds.items() if name != "test"}
    rows = [
        ("data", str(facts["data"])),
        ("clips", ", ".join(f"{n:,} {use}" for use, n in facts["clips"].items())),
        ("skipped", f"{facts['skipped']:,} files or parts of them"),
        ("parameters", f"{parameters['total']:,}: backbone {parameters['backbone']:,}, blocks and "
         f"heads {parameters['rest']:,}"),
        ("best epoch", _best(course) or NONE),
        ("time", "; ".join(f"{n} {duration(s)}" for n, s in trained.items()) or NONE),
        ("seed", str(facts["seed"])),
        ("versions", ", ".join(f"{n} {v}" for n, v in facts["versions"].items())),
        ("licence", str(facts["licence"])),
    ]  # fmt: skip
    return Section("The run", tables=[Table(("what", "found"), rows)])


def _best(course: TrainingHistory) -> str:
    told = []
    for stage, epoch in course.best_epoch.items():
        run = len(course.history.get(stage, {}).get("loss", ()))
        said = f"epoch {epoch + 1} of {run}" if epoch >= 0 else "none was better, left out"
        told.append(f"{_spoken(stage)}: {said}")
    return "; ".join(told)


def _spoken(stage: str) -> str:
    return plots.STAGE_TITLES.get(stage, stage.replace("_", " "))


def summary_row(task: str, result: Result, files: int) -> tuple[str, ...]:
    """Of the table of tasks."""
    figure, value, by_file, by_clip = report_of(result).summary(result)
    return task, figure, value, f"{len(result.truth):,}", f"{files:,}", by_file, by_clip
