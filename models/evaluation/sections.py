"""A run's page, section by section."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
class ReportContent:
    """All that a page shows.

    Attributes:
        facts: as they stand in report.json; see `facts_of`.
        heat: of each task, test clips with what spoke for the answer.
        grid: h, w of the backbone's last maps.
    """

    facts: Mapping[str, Any]
    results: Results
    history: TrainingHistory
    identity: Identity | None
    heat: Mapping[str, Heat]
    grid: tuple[int, int]


def sections(content: ReportContent) -> list[Section]:
    """In the order of reading."""
    page_sections = [_summary(content)]
    page_sections += [
        report_of(result).section(name, result) for name, result in content.results.items()
    ]
    if content.identity:
        page_sections.append(identity_section(content.identity))
    page_sections += heat_sections(content.heat, content.grid)
    if content.history.history:
        svg = plots.learning_curves(content.history.history, list(content.results))
        page_sections.append(
            Section("Learning curves", svg=svg, caption="Stages one after another.")
        )
    return [*page_sections, _run(content)]


def _summary(content: ReportContent) -> Section:
    facts, results = content.facts, content.results
    rows = [
        summary_row(name, result, len(np.unique(source_of_each(result))))
        for name, result in results.items()
    ]
    text = [
        f"Trained and tested on {facts['data']}. Test clips are of files that training and its "
        "early stop did not see."
        + ("" if content.history.is_available else " **No report of the training was found beside the "
           "network: that it is of this training file and seed is taken on trust.**"),
        "By file: whole files (photos, videos) are drawn anew, because clips of one file are "
        "alike; this is the interval to quote. By clip: Wilson's for a share, a bootstrap for an "
        "error, as if clips were independent.",
    ]  # fmt: skip
    text += [f"Note: {note}." for note in facts["notes"]]
    return Section("What was measured", text, [Table(_HEADER, rows, 2)])


def _run(content: ReportContent) -> Section:
    facts, history = content.facts, content.history
    parameters = facts["parameters"]
    trained = {_spoken(name): s for name, s in history.seconds.items() if name != "test"}
    rows = [
        ("data", str(facts["data"])),
        ("clips", ", ".join(f"{n:,} {use}" for use, n in facts["clips"].items())),
        ("skipped", f"{facts['skipped']:,} files or parts of them"),
        ("parameters", f"{parameters['total']:,}: backbone {parameters['backbone']:,}, blocks and "
         f"heads {parameters['rest']:,}"),
        ("best epoch", _best(history) or NONE),
        ("time", "; ".join(f"{n} {duration(s)}" for n, s in trained.items()) or NONE),
        ("seed", str(facts["seed"])),
        ("versions", ", ".join(f"{n} {v}" for n, v in facts["versions"].items())),
        ("licence", str(facts["licence"])),
    ]  # fmt: skip
    return Section("The run", tables=[Table(("what", "found"), rows)])


def _best(history: TrainingHistory) -> str:
    lines = []
    for stage, epoch in history.best_epoch.items():
        run = len(history.history.get(stage, {}).get("loss", ()))
        text = f"epoch {epoch + 1} of {run}" if epoch >= 0 else "none was better, left out"
        lines.append(f"{_spoken(stage)}: {text}")
    return "; ".join(lines)


def _spoken(stage: str) -> str:
    return plots.STAGE_TITLES.get(stage, stage.replace("_", " "))


def summary_row(task: str, result: Result, files: int) -> tuple[str, ...]:
    """Of the table of tasks."""
    figure, value, by_file, by_clip = report_of(result).summary(result)
    return task, figure, value, f"{len(result.truth):,}", f"{files:,}", by_file, by_clip
