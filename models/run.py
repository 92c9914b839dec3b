"""One training run from its file to all that it leaves behind."""

import os
import time
from pathlib import Path

import click
import keras

from .backbones import IMAGENET_SOURCE
from .config import TrainingConfig
from .datasets.clips import render_all
from .datasets.plans import plan_data
from .evaluation import TaskResult, evaluate
from .report import write_report
from .tasks import write_tasks
from .training import Trained, network_config, train


def train_and_save(config: TrainingConfig, output: Path, cache: Path) -> dict[str, TaskResult]:
    """Train, measure on the test clips, and write the model, its tasks and its report.

    Returns:
        Each task's result on the test clips.
    """
    plans = plan_data(config)
    trained = train(config, plans, cache)
    started = time.monotonic()
    clips = render_all(plans.test, config.network.window, config.network.size)
    tasks = network_config(config).tasks
    results = evaluate(trained.model, clips, {task.name: task.labels for task in tasks})
    trained.seconds["test"] = time.monotonic() - started
    output.parent.mkdir(parents=True, exist_ok=True)
    save_model(trained.model, output)
    write_tasks(
        output.with_suffix(".tasks.json"), tasks, frame_rate_hz=config.data.frame_rate_hz,
        licence=config.licence, weights_source=weights_source(config),
    )  # fmt: skip
    report = output.with_name(f"{output.stem}_report")
    write_report(report, config, results, trained.history, _facts(trained, config))
    for task, result in results.items():
        click.echo(f"{task}: {result}")
    click.echo(f"wrote {output}, its tasks and {report}/")
    return results


def save_model(model: keras.Model, path: Path) -> None:
    """Save the whole network; the file appears whole or not at all."""
    partial = path.with_name(f"{path.stem}.partial.keras")
    try:
        model.save(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def weights_source(config: TrainingConfig) -> str:
    """Where the weights of a trained network come from, in one line."""
    start = "random weights"
    if config.network.backbone_weights == "imagenet":
        start = IMAGENET_SOURCE.get(config.network.backbone, "ImageNet")
    return f"{start}; trained on ORL faces in synthetic motion, seed {config.seed}"


def _facts(trained: Trained, config: TrainingConfig) -> dict[str, object]:
    backbone = trained.model.get_layer("backbone").layer.count_params()
    total = trained.model.count_params()
    return {
        "data": "real faces (ORL) in synthetic motion; test photos were seen neither in "
        "training nor by early stopping",
        "parameters": {"backbone": backbone, "rest": total - backbone, "total": total},
        "seconds": {name: round(value, 1) for name, value in trained.seconds.items()},
        "best_epoch": trained.best_epoch,
        "seed": config.seed,
        "versions": {"keras": keras.__version__},
    }
