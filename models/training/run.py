"""One training run from its file to all that it leaves behind, also if it does not end well."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from edge_common import ConfigError, ModelError, console
from edge_models import backends
from edge_models.datasets.dataset import DataSet, Subset, write_skipped
from edge_models.evaluation.history import TrainingHistory
from edge_models.networks import backbones, files
from edge_models.sections import NetworkSection
from edge_models.training import from_features, from_pixels, progress
from edge_models.training.config import AnyConfig, TrainingConfig

SKIPPED_NAME = "skipped.csv"
REPORT_NEEDS = {"matplotlib": "matplotlib", "sklearn": "scikit-learn"}  # modules and packages


class Training(Protocol):
    """How a network is trained, from features that are computed once or from pixels."""

    model: keras.Model

    @property
    def history(self) -> TrainingHistory:
        """Curves, best epochs and times, by stage."""

    @property
    def best(self) -> tuple[str, int]:
        """Stage and epoch of the best weights so far; epoch -1: none."""

    @property
    def held_out(self) -> Mapping[str, np.ndarray]:
        """By task, what the network said of validation clips before it learnt from them, too."""

    def train(self) -> None:
        """Train `model`. Raises LossLost if the loss is no number any more."""

    def keep_best(self) -> bool:
        """Put the best weights so far into `model`; False if there are none to go on with."""

    def test_features(self) -> Subset | None:
        """The backbone's feature maps of the test clips, if they are kept for other runs."""

    def clear(self) -> None:
        """Remove what only an interrupted run needs."""


@dataclass(frozen=True)
class TrainingOptions:
    """What a training from pixels can do besides.

    resume: go on with an interrupted run.  tensorboard: write its events as well.
    feature_cache, backbone, qat_of: see `PixelTraining`.
    """

    resume: bool = False
    tensorboard: bool = False
    feature_cache: Path | None = None
    backbone: Path | None = None
    qat_of: Path | None = None


def train_and_save(
    config: AnyConfig,
    data: DataSet,
    output: Path,
    cache: Path,
    options: TrainingOptions = TrainingOptions(),
) -> keras.Model:
    """Train, measure on the test clips, and write the model, its tasks and its report; the model.

    The report is left out, and a line says so, if a package is missing that draws it.

    Interrupted, or with a loss that is lost, a training from pixels leaves the model of the best
    epoch.

    Args:
        cache: folder for features; those of an equal configuration are used again.

    Raises:
        ConfigError: the configuration does not suit the data, or an option the installation.
        ModelError: the loss is no number any more, or a file of `options` does not fit.
        KeyboardInterrupt: after all that there was to save was saved.
    """
    missing = backends.missing(REPORT_NEEDS)
    if not missing:
        from edge_models.evaluation.report import check_asked

        check_asked(config, data)  # raises before the training, not after it
    training = _begin(config, data, output, cache, options)
    try:
        training.train()
    except KeyboardInterrupt:
        if isinstance(training, from_pixels.PixelTraining):
            console.echo(f"{_save_best(training, config, data, output)}; go on with --resume")
        raise
    except progress.LossLost as error:
        message = _save_best(training, config, data, output)
        raise ModelError(
            f"{error}: {message}; try a lower learning_rate, and look for labels that are wrong"
        ) from error
    _save(training.model, config, data, output)
    if missing:
        console.echo(
            f"wrote {output} and its tasks; without its report, which needs {' and '.join(missing)}: "
            "where that is installed, the same command with --report-only makes it"
        )
    else:
        _report(training, config, data, output)
    training.clear()
    return training.model


def _report(training: Training, config: AnyConfig, data: DataSet, output: Path) -> None:
    from edge_models.evaluation import network, report

    folder = report.report_folder(output)
    held_out = network.Predictions(data.validation, training.held_out)
    measured = report.report(
        training.model, data, config, training.history, folder, training.test_features(),
        held_out if training.held_out else None,
    )  # fmt: skip
    files.update_tasks(output.with_suffix(".tasks.json"), measured.trust.for_tasks_file())
    report.tell(measured, f"{output}, its tasks and {folder}/{report.PAGE}")


def training_folder(model: Path) -> Path:
    """Where logs and checkpoints of the training of MODEL.keras lie."""
    return model.with_name(f"{model.stem}_training")


def weights_source(network: NetworkSection, trained_on: str, seed: int) -> str:
    """Where the weights of a trained network come from, in one line."""
    start = {
        "random": "random weights",
        "imagenet": backbones.IMAGENET_SOURCE.get(network.backbone, "ImageNet"),
    }.get(network.backbone_weights, f"weights of {Path(network.backbone_weights).name}")
    return f"{start}; trained on {trained_on}, seed {seed}"


def _begin(
    config: AnyConfig, data: DataSet, output: Path, cache: Path, options: TrainingOptions
) -> Training:
    if isinstance(config, TrainingConfig):
        return from_features.FeatureTraining(config, cache)
    if options.tensorboard and backends.missing({backends.TENSORFLOW: ""}):
        raise ConfigError(
            "--tensorboard: TensorFlow writes its events: install it, or leave it out"
        )
    folder = training_folder(output)
    folder.mkdir(parents=True, exist_ok=True)
    write_skipped(folder / SKIPPED_NAME, data.skipped)
    if data.skipped:
        console.echo(f"all that was skipped: {folder / SKIPPED_NAME}")
    training = from_pixels.PixelTraining(
        config, data, folder, tensorboard=options.tensorboard,
        feature_cache=options.feature_cache, backbone=options.backbone, qat_of=options.qat_of,
    )  # fmt: skip
    if options.resume and not training.resume():
        console.echo(f"nothing to go on from in {folder}: starting anew")
    return training


def _save(model: keras.Model, config: AnyConfig, data: DataSet, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    files.save_model(model, output)
    files.write_tasks(
        output.with_suffix(".tasks.json"), data.tasks, frame_rate_hz=data.frame_rate_hz,
        licence=config.licence,
        weights_source=weights_source(config.network, data.source, config.seed),
    )  # fmt: skip


def _save_best(training: Training, config: AnyConfig, data: DataSet, output: Path) -> str:
    """Save the best epoch's network, if there is one; what was saved, in words."""
    if not training.keep_best():
        return "no epoch was finished, nothing is kept"
    _save(training.model, config, data, output)
    stage, epoch = training.best
    return f"{output} is the network of epoch {epoch + 1} of stage {stage}, not yet measured"
