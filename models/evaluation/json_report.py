"""report.json: every figure of the page, for programs."""

import math
from dataclasses import asdict
from typing import Any

from edge_models.evaluation.gradcam import Covering
from edge_models.evaluation.identity import Identity
from edge_models.evaluation.intervals import Estimate
from edge_models.evaluation.recognition import Recognition
from edge_models.evaluation.results import RegressionResult, TaskResult
from edge_models.evaluation.sections import Told

_NOTE = (
    "interval_95 is taken as if clips were independent; those of one photo are not: "
    "interval_95_by_file draws whole files"
)


def json_of(told: Told, config: dict[str, Any]) -> dict[str, Any]:
    """The whole content; what is no number (a share of nothing) is null."""
    classes = {t: r for t, r in told.results.items() if isinstance(r, TaskResult)}
    numbers = {t: r for t, r in told.results.items() if isinstance(r, RegressionResult)}
    content = {
        "name": config["name"],
        "accuracy": {task: _of_classes(result) for task, result in classes.items()},
        "mean_absolute_error": {task: _of_numbers(r) for task, r in numbers.items()},
        "interval_note": _NOTE,
        "identity": _of_identity(told.identity) if told.identity else None,
        "covering": {task: _of_covering(heat.covering) for task, heat in told.heat.items()},
        **told.facts,
    }
    return {**_plain(content), "config": config, "history": told.course.history}


def _of_classes(result: TaskResult) -> dict[str, Any]:
    return {
        "accuracy": result.accuracy,
        "n": len(result.truth),
        "interval_95": result.interval,
        "interval_95_by_file": result.interval_by_source,
        "confusion": result.confusion.tolist(),
        "classes": [asdict(found) for found in result.by_class()],
        "most_confused": [asdict(pair) for pair in result.most_confused()],
    }


def _of_numbers(result: RegressionResult) -> dict[str, Any]:
    return {
        "value": result.mean_absolute_error,
        "unit": result.unit,
        "n": len(result.truth),
        "interval_95": result.interval,
        "interval_95_by_file": result.interval_by_source,
        "ranges": [asdict(found) for found in result.by_range()],
    }


def _of_identity(found: Identity) -> dict[str, Any]:
    return {
        "task": found.task,
        "seen": _of_recognition(found.seen) if found.seen else None,
        "strangers": _of_recognition(found.strangers) if found.strangers else None,
        "open_set": asdict(found.open_set) if found.open_set else None,
    }


def _of_recognition(found: Recognition) -> dict[str, Any]:
    return {
        "people": found.people,
        "files": found.files,
        "rank_1": _figures(found.rank_1),
        "roc_area": _figures(found.area),
        "accepts": [
            {"rate": a.rate, "threshold": a.threshold, **_figures(a.accepted)}
            for a in found.accepts
        ],
        "pairs_of_one": len(found.same),
        "pairs_of_two": len(found.different),
        "intervals_draw": found.drawn,
    }


def _of_covering(found: Covering) -> dict[str, Any]:
    return {name: _figures(figures) for name, figures in vars(found).items()}


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
