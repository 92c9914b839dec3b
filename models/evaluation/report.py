"""What a training leaves beside its model: one page and one JSON file.

Also of a network that exists already, whose report is written again.
"""

import dataclasses
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from edge.tasks import Classification
from edge_common import ConfigError, ModelError, console, document, read_json, write_whole
from edge_models import backends
from edge_models.datasets.dataset import DataSet, Subset
from edge_models.evaluation import analysis_sections, gradcam
from edge_models.evaluation.content import ReportContent, json_of, sections
from edge_models.evaluation.history import (
    REPORT,
    TrainingHistory,
    label_sums,
    part_of,
    read_history,
)
from edge_models.evaluation.identity import identity_task, measure_identity
from edge_models.evaluation.network import (
    ANSWERS,
    OpenNetwork,
    Predictions,
    ask,
    open_network,
    results_of,
    write_answers,
)
from edge_models.evaluation.results import Results
from edge_models.evaluation.trust import Trust, check_evaluation, measure_trust
from edge_models.networks import files
from edge_models.networks.mtdnn import network_of
from edge_models.networks.trained import load_trained
from edge_models.training.config import EndToEndConfig, TrainingConfig

PAGE = "report.html"


@dataclass(frozen=True)
class ReportResult:
    """What the page shows of the tasks."""

    results: Results
    trust: Trust


def report(
    model: keras.Model,
    data: DataSet,
    config: Any,
    history: TrainingHistory,
    folder: Path,
    maps: Subset | None = None,
    held_out: Predictions | None = None,
) -> ReportResult:
    """Measure a network on the test clips; write report.html, report.json and answers.npz.

    Args:
        config: the run's, a dataclass.
        maps: what the backbone makes of the test clips, if that is known.
        held_out: what the network said of the validation clips before it learnt from them, too.

    Raises:
        ConfigError: the training file names an identity task that there is not.
        SinkError: the folder cannot be written.
    """
    identity_of = identity_task(config.evaluation, data.tasks)
    network = open_network(model, data.tasks)
    predictions = ask(network, data, data.test, identity_of, maps=maps)
    results = results_of(predictions, data.tasks)
    impostors = identity = None
    if data.impostors and (identity_of or config.evaluation.unknown):
        impostors = ask(network, data, data.impostors, identity_of, label="clips of impostors")
    if identity_of:
        identity = measure_identity(identity_of, predictions, impostors)
    held_out = held_out or _held_out(network, data, config)
    trust = measure_trust(data.tasks, config.evaluation, held_out, predictions, impostors)
    heat = {}
    with click.progressbar(data.tasks, label="where it looks") as tasks:
        for task in tasks:
            pictures = gradcam.pictures_of(
                network, predictions, task, results[task.name], config.seed
            )
            heat[task.name] = analysis_sections.Heat(
                pictures, gradcam.cover(network, predictions, task, config.seed)
            )
    facts = facts_of(model, data, config, history)
    grid = network.backbone.output_shape[1:3]
    page_content = ReportContent(facts, results, history, identity, trust, heat, grid)
    folder.mkdir(parents=True, exist_ok=True)
    write_answers(folder / ANSWERS, results)
    content = json_of(page_content, dataclasses.asdict(config))
    write_whole(folder / REPORT, (json.dumps(content, indent=2) + "\n").encode())
    write_whole(folder / PAGE, document.page(config.name, sections(page_content)).encode())
    return ReportResult(results, trust)


def _held_out(network: OpenNetwork, data: DataSet, config: Any) -> Predictions | None:
    """Of the validation clips, if something can be found on them."""
    is_refit = getattr(config, "refit", False)  # with these clips among the rest
    if is_refit or not any(task.kind == Classification.name for task in data.tasks):
        return None
    return ask(network, data, data.validation, label="validation clips")


def check_asked(config: Any, data: DataSet) -> None:
    """Raise ConfigError if [evaluation] asks for what the data have not."""
    identity_task(config.evaluation, data.tasks)
    check_evaluation(config.evaluation, data.tasks)


def report_folder(model: Path) -> Path:
    """Where the report of MODEL.keras lies."""
    return model.with_name(f"{model.stem}_report")


def facts_of(
    model: keras.Model, data: DataSet, config: Any, history: TrainingHistory
) -> dict[str, Any]:
    """What the page and report.json say of network, data and training."""
    backbone, total = model.get_layer("backbone").layer.count_params(), model.count_params()
    sums = label_sums(data)
    return {
        "data": data.source,
        "clips": {use: len(part) for use in sums if (part := part_of(data, use)) is not None},
        "label_sums": sums,
        "split": data.split_facts(),
        "skipped": len(data.skipped),
        "notes": list(data.notes),
        "licence": config.licence,
        "parameters": {"backbone": backbone, "rest": total - backbone, "total": total},
        "seconds": {name: round(value, 1) for name, value in history.seconds.items()},
        "best_epoch": dict(history.best_epoch),
        "seed": config.seed,
        "versions": {
            "Python": platform.python_version(), "keras": keras.__version__,
            (backend := backends.chosen()): version(backend), "numpy": np.__version__,
        },
    }  # fmt: skip


def tell(measured: ReportResult, report_path: str) -> None:
    """Say each task's figure, and what was written."""
    for task, result in measured.results.items():
        console.echo(f"{task}: {result}")
    for task, each in measured.trust.calibrations.items():
        console.echo(
            f"{task}: temperature {each.temperature:.2f}, calibration error {each.before.error:.2%} "
            f"before and {each.after.error:.2%} after"
        )
    console.echo(f"wrote {report_path}")


def report_again(config: TrainingConfig | EndToEndConfig, data: DataSet, path: Path) -> None:
    """Write the report of MODEL.keras, its curves from the report that is there, if one is.

    Raises:
        ModelError: it is not the network that the training file describes.
        ConfigError: it was trained with another seed or other data.
    """
    check_asked(config, data)
    model = load_trained(path, network_of(config.network, data.tasks, config.name))
    _check_labels(path.with_suffix(".tasks.json"), data)
    folder = report_folder(path)
    history = read_history(folder, config, data)
    if not history.is_available:
        console.echo(f"no report of the training in {folder}: the page has no curves")
    measured = report(model, data, config, history, folder)
    files.update_tasks(path.with_suffix(".tasks.json"), measured.trust.for_tasks_file())
    tell(measured, f"{folder}/{PAGE}")


def _check_labels(path: Path, data: DataSet) -> None:
    """Raise ModelError if a task's classes or its scale are not those of the data."""
    if not path.exists():
        return
    try:
        tasks = read_json(path)["tasks"]
        recorded = {
            name: {"labels": list(task.get("labels", ())), "scale": task.get("scale", 1.0)}
            for name, task in tasks.items()
        }
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ConfigError(f"{path} is no tasks file of edge-train: move it away") from error
    for task in data.tasks:
        now = {"labels": list(task.labels), "scale": task.scale}
        for key, then in recorded.get(task.name, now).items():
            if then != now[key]:
                raise ModelError(
                    f"{path} gives {task.name} the {key} {_spoken(then)}, the data have "
                    f"{_spoken(now[key])}: give the data it was trained on"
                )


def _spoken(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
