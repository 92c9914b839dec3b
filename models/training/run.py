"""One training run from its file to all that it leaves behind."""

import os
from collections.abc import Callable
from pathlib import Path

import keras

from edge_models.datasets.dataset import DataSet
from edge_models.datasets.from_files import Request
from edge_models.datasets.orl_motion import load
from edge_models.datasets.plans import plan_data
from edge_models.evaluation.history import Course
from edge_models.evaluation.identity import identity_task
from edge_models.evaluation.report import PAGE, report, report_folder, tell
from edge_models.evaluation.results import Results
from edge_models.networks.backbones import IMAGENET_SOURCE
from edge_models.networks.tasks import write_tasks
from edge_models.training.config import NetworkSection, TrainingConfig
from edge_models.training.from_features import train


def train_and_save(config: TrainingConfig, output: Path, cache: Path) -> Results:
    """Train, measure on the test clips, and write the model, its tasks and its report.

    Returns:
        Each task's result on the test clips.
    """
    data = data_of(config, cache)
    identity_task(config.evaluation, data.tasks)  # a wrong one is said before the training
    trained = train(config, plan_data(config), cache)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_model(trained.model, output)
    write_tasks(
        output.with_suffix(".tasks.json"), data.tasks, frame_rate_hz=config.data.frame_rate_hz,
        licence=config.licence,
        weights_source=weights_source(config.network, data.source, config.seed),
    )  # fmt: skip
    folder = report_folder(output)
    course = Course(trained.history, trained.best_epoch, trained.seconds)
    results = report(trained.model, data, config, course, folder)
    tell(results, f"{output}, its tasks and {folder}/{PAGE}")
    return results


def data_of(config: TrainingConfig, cache: Path) -> DataSet:
    """The clips that a training from features is measured on, as a training from pixels has them."""
    request = Request(config.network.window, config.network.size, config.seed, cache)
    return load(config.data, request)


def save_model(model: keras.Model, path: Path) -> None:
    """Save the whole network; the file appears whole or not at all."""
    save_whole(model.save, path)


def save_whole(save: Callable[[Path], object], path: Path) -> None:
    """Save what chooses its format by the file's name; it appears whole or not at all."""
    partial = path.with_name(f"partial.{path.name}")
    try:
        save(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def weights_source(network: NetworkSection, trained_on: str, seed: int) -> str:
    """Where the weights of a trained network come from, in one line."""
    start = {
        "random": "random weights",
        "imagenet": IMAGENET_SOURCE.get(network.backbone, "ImageNet"),
    }.get(network.backbone_weights, f"weights of {Path(network.backbone_weights).name}")
    return f"{start}; trained on {trained_on}, seed {seed}"
