"""report.json: every figure of the page, for programs."""

import math
from dataclasses import asdict
from typing import Any

from edge.tasks import KINDS, METRICS
from edge_models.evaluation.gradcam import Covering
from edge_models.evaluation.identity import Identity
from edge_models.evaluation.intervals import Estimate
from edge_models.evaluation.recognition import Recognition
from edge_models.evaluation.results import Results
from edge_models.evaluation.sections import ReportContent
from edge_models.evaluation.task_reports import report_of

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
        "covering": {task: _of_covering(heat.covering) for task, heat in page.heat.items()},
        **page.facts,
    }
    return {**_plain(content), "config": config, "history": page.history.history}


def _of_tasks(results: Results) -> dict[str, dict[str, Any]]:
    """Each task's entry under the name of its metric."""
    entries: dict[str, dict[str, Any]] = {name: {} for name in METRICS}
    for task, result in results.items():
        metric = KINDS[result.kind].metric
        if metric:
            entries[metric.name][task] = report_of(result).to_json(result)
    return entries


def _of_identity(result: Identity) -> dict[str, Any]:
    return {
        "task": result.task,
        "seen": _of_recognition(result.seen) if result.seen else None,
        "strangers": _of_recognition(result.impostors) if result.impostors else None,
        "open_set": asdict(result.open_set) if result.open_set else None,
    }


def _of_recognition(result: Recognition) -> dict[str, Any]:
    return {
        "people": result.people,
        "files": result.files,
        "rank_1": _figures(result.rank_1),
        "roc_area": _figures(result.area),
        "accepts": [
            {"rate": a.rate, "threshold": a.threshold, **_figures(a.accepted)}
            for a in result.accepts
        ],
        "pairs_of_one": len(result.same),
        "pairs_of_two": len(result.different),
        "intervals_draw": result.drawn,
    }


def _of_covering(result: Covering) -> dict[str, Any]:
    return {name: _figures(figures) for name, figures in vars(result).items()}


def _figures(figures: Estimate) -> dict[str, Any]:
    return {
        "value": figures.value, "n": figures.n, "interval_95": (figures.low, figures.high),
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """Five places are enough, and JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value
