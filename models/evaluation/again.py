"""Measure a network that exists already, and write its report anew."""

import json
from pathlib import Path

import click

from edge_common.errors import ConfigError, ModelError
from edge_models.datasets.dataset import DataSet
from edge_models.evaluation.history import read_history
from edge_models.evaluation.identity import identity_task
from edge_models.evaluation.network import load_trained
from edge_models.evaluation.report import PAGE, report, report_folder, tell
from edge_models.networks.mtdnn import network_of
from edge_models.training.config import EndToEndConfig, TrainingConfig


def report_again(config: TrainingConfig | EndToEndConfig, data: DataSet, path: Path) -> None:
    """Write the report of MODEL.keras, its curves from the report that is there, if one is.

    Raises:
        ModelError: it is not the network that the training file describes.
        ConfigError: it was trained with another seed or other data.
    """
    identity_task(config.evaluation, data.tasks)
    model = load_trained(path, network_of(config.network, data.tasks, config.name))
    _check_labels(path.with_suffix(".tasks.json"), data)
    folder = report_folder(path)
    course = read_history(folder, config, data)
    if not course.known:
        click.echo(f"no report of the training in {folder}: the page has no curves")
    results = report(model, data, config, course, folder)
    tell(results, f"{folder}/{PAGE}")


def _check_labels(path: Path, data: DataSet) -> None:
    """Raise ModelError where a task's classes or its scale are not those of the data."""
    if not path.exists():
        return
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))["tasks"]
        known = {
            name: {"labels": list(task.get("labels", ())), "scale": task.get("scale", 1.0)}
            for name, task in tasks.items()
        }
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ConfigError(f"{path} is no tasks file of edge-train: move it away") from error
    for task in data.tasks:
        now = {"labels": list(task.labels), "scale": task.scale}
        for what, then in known.get(task.name, now).items():
            if then != now[what]:
                raise ModelError(
                    f"{path} gives {task.name} the {what} {_spoken(then)}, the data have "
                    f"{_spoken(now[what])}: give the data it was trained on"
                )


def _spoken(value: list[str] | float) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
