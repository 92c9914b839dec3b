"""What a run's report shows: the page section by section, and every figure as JSON for programs."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge.tasks import KINDS, METRICS
from edge_common.document import Section, Table
from edge_models.evaluation import (
    analysis_sections,
    gradcam,
    intervals,
    plots,
    recognition,
    task_reports,
    trust_sections,
)
from edge_models.evaluation.history import TrainingHistory
from edge_models.evaluation.identity import Identity
from edge_models.evaluation.results import Result, Results, source_of_each
from edge_models.evaluation.trust import Trust

_HEADER = ("task", "figure", "value", "clips", "files", "95 % by file", "95 % by clip")


@dataclass(frozen=True)
class ReportContent:
    """All that a page shows.

    Attributes:
        facts: as they stand in report.json; see `facts_of`.
        heat: of each task, test clips with what spoke for the answer.
        trust: how far the answers are to be trusted.
        grid: h, w of the backbone's last maps.
    """

    facts: Mapping[str, Any]
    results: Results
    history: TrainingHistory
    identity: Identity | None
    trust: Trust
    heat: Mapping[str, analysis_sections.Heat]
    grid: tuple[int, int]


def sections(content: ReportContent) -> list[Section]:
    """In the order of reading."""
    page_sections = [_summary(content)]
    page_sections += [
        task_reports.report_of(result).section(name, result)
        for name, result in content.results.items()
    ]
    page_sections += trust_sections.trust_sections(content.trust)
    if content.identity:
        page_sections.append(analysis_sections.identity_section(content.identity))
    page_sections += analysis_sections.heat_sections(content.heat, content.grid)
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
        "By file: whole files (photos, videos), or the groups that were split, are drawn anew, "
        "because clips of one are alike; this is the interval to quote. By clip: Wilson's for a "
        "share, a bootstrap for an error, as if clips were independent.",
    ]  # fmt: skip
    text += [f"Note: {note}." for note in facts["notes"]]
    text += filter(None, (_noise(content, name) for name in results))
    return Section("What was measured", text, [Table(_HEADER, rows, 2)])


def _noise(content: ReportContent, task: str) -> str:
    result = content.results[task]
    metric = KINDS[result.kind].metric
    is_share, unit = metric is not None and metric.is_share, getattr(result, "unit", "")
    return trust_sections.noise_note(content.trust, task, is_share, unit)


def _run(content: ReportContent) -> Section:
    facts, history = content.facts, content.history
    parameters = facts["parameters"]
    trained = {_spoken(name): s for name, s in history.seconds.items() if name != "test"}
    rows = [
        ("data", str(facts["data"])),
        ("clips", _counts(facts["clips"])),
        ("split by", f"{facts['split']['by']}: " + _counts(facts["split"]["groups"])),
        ("skipped", f"{facts['skipped']:,} files or parts of them"),
        ("parameters", f"{parameters['total']:,}: backbone {parameters['backbone']:,}, blocks and "
         f"heads {parameters['rest']:,}"),
        ("best epoch", _best(history) or intervals.NONE),
        ("time", "; ".join(f"{n} {intervals.duration(s)}" for n, s in trained.items()) or intervals.NONE),
        ("seed", str(facts["seed"])),
        ("versions", ", ".join(f"{n} {v}" for n, v in facts["versions"].items())),
        ("licence", str(facts["licence"])),
    ]  # fmt: skip
    return Section("The run", tables=[Table(("what", "found"), rows)])


def _counts(by_use: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {use}" for use, count in by_use.items())


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
    figure, value, by_file, by_clip = task_reports.report_of(result).summary(result)
    return task, figure, value, f"{len(result.truth):,}", f"{files:,}", by_file, by_clip


_NOTE = (
    "interval_95 is taken as if clips were independent; those of one photo are not: "
    "interval_95_by_file draws whole files"
)


def json_of(page: ReportContent, config: dict[str, Any]) -> dict[str, Any]:
    """The whole content; what is no number (a share of nothing) is null."""
    content = {
        "name": config["name"],
        **_of_tasks(page.results),
        "interval_note": _NOTE,
        "identity": _of_identity(page.identity) if page.identity else None,
        **trust_sections.trust_json(page.trust),
        "covering": {task: _of_covering(heat.covering) for task, heat in page.heat.items()},
        **page.facts,
    }
    return {**_plain(content), "config": config, "history": page.history.history}


def _of_tasks(results: Results) -> dict[str, dict[str, Any]]:
    """Each task's entry under the name of its metric."""
    learnt = {kind.metric for kind in KINDS.values() if kind.in_tables}
    entries: dict[str, dict[str, Any]] = {n: {} for n, each in METRICS.items() if each in learnt}
    for task, result in results.items():
        metric = KINDS[result.kind].metric
        if metric:
            entries[metric.name][task] = task_reports.report_of(result).to_json(result)
    return entries


def _of_identity(result: Identity) -> dict[str, Any]:
    return {
        "task": result.task,
        "seen": _of_recognition(result.seen) if result.seen else None,
        "strangers": _of_recognition(result.impostors) if result.impostors else None,
        "open_set": asdict(result.open_set) if result.open_set else None,
    }


def _of_recognition(result: recognition.Recognition) -> dict[str, Any]:
    return {
        "people": result.people,
        "files": result.files,
        "rank_1": trust_sections.estimate_json(result.rank_1),
        "roc_area": trust_sections.estimate_json(result.area),
        "accepts": [
            {"rate": a.rate, "threshold": a.threshold, **trust_sections.estimate_json(a.accepted)}
            for a in result.accepts
        ],
        "pairs_of_one": len(result.same),
        "pairs_of_two": len(result.different),
        "intervals_draw": result.drawn,
    }


def _of_covering(result: gradcam.Covering) -> dict[str, Any]:
    return {name: trust_sections.estimate_json(figures) for name, figures in vars(result).items()}


def _plain(value: Any) -> Any:
    """Five places are enough, and JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value
