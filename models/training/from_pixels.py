"""Train an MTDNN from pixels, stage by stage, so that it can go on after an interruption.

What is trained are the layers of the whole network itself, each batch's frames in one
pass of the backbone (a `TimeDistributed` would trace it once a frame).
"""

import hashlib
import math
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from edge.tasks import KINDS
from edge_common import ConfigError, console, nearest_or_all
from edge_models.datasets import dataset
from edge_models.evaluation.history import TrainingHistory, label_sums
from edge_models.networks import backbones, files, mtdnn, numbers, trained, views
from edge_models.sections import WholeSection
from edge_models.training.config import EndToEndConfig
from edge_models.training.feature_cache import maps_of
from edge_models.training.progress import (
    Checkpoint,
    CSVLog,
    EpochProgress,
    KeepProgress,
    TensorBoardLog,
    Watch,
)
from edge_models.training.schedule import OneCycle, ThesisSchedule
from edge_models.training.stages import Fit, Stage, fit_of, stages_of, train_backbone
from edge_models.training.teacher import teacher_of
from edge_models.training.time_left import StageTimeLeft

LOG_NAME, EVENTS_NAME, FEATURES_NAME = "log.csv", "tensorboard", "maps"


class PixelTraining:
    """One training from pixels: `train`, or after an interruption `resume` and `train`.

    Attributes:
        model: the whole network; after `train` or `keep_best` with the best weights.
        by_frames: the same layers, the frames of all windows passing the backbone together.
        progress: how far it has come; its curves and times.

    Args:
        feature_cache: folder of a frozen backbone's feature maps, for runs with an equal one;
            they stay there. None: they are computed in `folder`, and removed in the end.
        backbone: file of the weights that the backbone begins with, instead of the
            configuration's.
        qat_of: file of the trained network that is fine-tuned for int8, and nothing else.

    Raises:
        ConfigError: the configuration does not suit the data's tasks or the backbone.
        ModelError: `backbone` or `qat_of` does not fit.
    """

    def __init__(
        self,
        config: EndToEndConfig,
        data: dataset.DataSet,
        folder: Path,
        *,
        tensorboard: bool = False,
        feature_cache: Path | None = None,
        backbone: Path | None = None,
        qat_of: Path | None = None,
    ) -> None:
        self.config, self.data, self.folder = config, data, folder
        self.tensorboard, self.shares_features = tensorboard, feature_cache is not None
        self.feature_cache = feature_cache or folder / FEATURES_NAME
        _check_tasks(config, data)
        keras.utils.set_random_seed(config.seed)
        self.network = mtdnn.network_of(config.network, data.tasks, config.name, config.targets)
        self.model = mtdnn.build_mtdnn(self.network)
        if backbone is not None:
            files.load_weights(self._backbone, backbone, self.network.backbone)
        backbones.check_layer(self._backbone, "whole.from_layer", config.whole.from_layer)
        if qat_of is not None:
            trained.take_weights(self.model, qat_of, self.network)
        self.stages = list(stages_of(config, qat_of))
        self.by_frames = views.by_frames(self.model)
        self.progress = EpochProgress(run_fingerprint(config, data, qat_of))
        self.checkpoint = Checkpoint(folder)

    def resume(self) -> bool:
        """Go on from where an equal run was interrupted; False if none was.

        Raises:
            ConfigError: the run that was interrupted is another one, or unreadable.
        """
        if not self.checkpoint.exists():
            return False
        self.progress = self.checkpoint.progress(self.progress.fingerprint)
        return True

    def train(self) -> None:
        """Go through the stages and put the best weights into the network.

        Raises:
            LossLost: the loss is no number any more.
        """
        if not self.progress.stage:
            self.clear()
        with warnings.catch_warnings():  # of windows of one frame, whose weight is always 1
            warnings.filterwarnings("ignore", "You are using a softmax over axis")
            for stage in self._left():
                self._train(stage)
        self.keep_best()

    def keep_best(self) -> bool:
        """Put the best weights so far into the network; False if no epoch was finished."""
        weights = self.checkpoint.best_weights() if self.progress.best[1] >= 0 else None
        if weights is None:
            return False
        self.by_frames.set_weights(weights)
        self._backbone.trainable = True  # as a network that was never frozen
        return True

    @property
    def best(self) -> tuple[str, int]:
        """Stage and epoch of the best validation loss so far."""
        return self.progress.best

    @property
    def history(self) -> TrainingHistory:
        """Each curve with its task in its name; Keras leaves that out if there is one task."""
        curves, progress = self.progress.history, self.progress
        if len(self.data.tasks) == 1:
            curves = {s: _with_task(c, self.data.tasks[0].name) for s, c in curves.items()}
        return TrainingHistory(curves, progress.best_epoch, progress.seconds)

    @property
    def held_out(self) -> Mapping[str, np.ndarray]:
        """Empty: validation clips are never learnt from."""
        return {}

    def test_features(self) -> dataset.Subset | None:
        """The backbone's feature maps of the test clips, if other runs share the feature cache."""
        if not self.shares_features:
            return None
        path = self.feature_cache / "test.npy"
        return maps_of(self._backbone, self.data, self.data.test, path, "test")

    def clear(self) -> None:
        """Remove what only an interrupted run needs."""
        self.checkpoint.remove()
        shutil.rmtree(self.folder / FEATURES_NAME, ignore_errors=True)

    @property
    def _backbone(self) -> keras.Model:
        return self.model.get_layer("backbone").layer

    def _left(self) -> Iterator[Stage]:
        """The stages that are not yet done."""
        names = [stage.name for stage in self.stages]
        at = names.index(self.progress.stage) if self.progress.stage else 0
        yield from self.stages[at:]

    def _train(self, stage: Stage) -> None:
        plan, progress = stage.schedule, self.progress
        if progress.stage not in ("", stage.name):
            self._leave(progress.stage)
        fit = self._prepare(stage)
        schedule = ThesisSchedule(
            factor=plan.lr_factor, window=plan.lr_window, min_fall=plan.lr_min_fall,
            patience=plan.patience, to_beat=progress.best_loss, weights_of=fit.saved_model,
            averages=fit.averages,
        )  # fmt: skip
        if progress.stage == stage.name and progress.batch:  # the rest of an epoch comes first
            self._fit(stage, fit, schedule, progress.epoch + 2)
        self._fit(stage, fit, schedule, plan.max_epochs)

    def _fit(self, stage: Stage, fit: Fit, schedule: ThesisSchedule, epochs: int) -> None:
        """Go on until there are so many epochs, from wherever the stage is."""
        progress = self.progress
        begun = progress.stage == stage.name
        first = self._go_on(stage, fit, schedule) if begun else 0
        if begun and (progress.stopped or first >= epochs):
            return
        fit.model.fit(
            fit.epochs.batches(progress.batch if begun else 0),
            shuffle=False,  # the batches are, in another order each epoch
            validation_data=fit.validation,
            initial_epoch=first, epochs=epochs, verbose=0,  # see `StageTimeLeft`
            callbacks=self._callbacks(stage, fit, schedule),
        )  # fmt: skip

    def _leave(self, name: str) -> None:
        """Take the best of the stage before along."""
        self.keep_best()
        if any(stage.name == name and stage.has_own_loss for stage in self.stages):
            self.progress.best_loss = math.inf

    def _callbacks(
        self, stage: Stage, fit: Fit, schedule: ThesisSchedule
    ) -> list[keras.callbacks.Callback]:
        """In the order in which the end of a batch and of an epoch needs them."""
        progress, plan = self.progress, stage.schedule
        callbacks = [
            Watch(fit.epochs), *([fit.averages] if fit.averages else []), schedule,
            KeepProgress(
                self.checkpoint, progress, stage.name, schedule, lambda: fit.state, fit.epochs
            ),
            CSVLog(self.folder / LOG_NAME, progress),
            StageTimeLeft(stage.name, plan.max_epochs, fit.epochs),
        ]  # fmt: skip
        if plan.one_cycle:
            callbacks.append(OneCycle(plan.learning_rate, plan.max_epochs, fit.epochs))
        if self.tensorboard:
            callbacks.append(TensorBoardLog(self.folder / EVENTS_NAME, stage.name))
        return callbacks

    def _prepare(self, stage: Stage) -> Fit:
        """Say what is trained, and compile."""
        section = WholeSection() if stage.frames else self.config.whole
        if stage.rounds:
            section = replace(section, freeze_batch_norm=True)
        train_backbone(self._backbone, section, frozen=stage.frozen)
        fit = fit_of(
            stage, self.model, self.by_frames, self.config, self.network, self.data,
            self.feature_cache,
        )  # fmt: skip
        tasks, plan, smoothing = self.data.tasks, stage.schedule, self.config.label_smoothing
        learnt = {
            task.name: numbers.learning_of(task, self.config.targets, smoothing) for task in tasks
        }
        fit.model.compile(
            keras.optimizers.Adam(plan.learning_rate, weight_decay=plan.weight_decay or None),
            jit_compile=False,  # XLA would compile again for the last, smaller batch
            loss={task: learning.loss for task, learning in learnt.items()},
            loss_weights={t.name: self.config.loss_weights.get(t.name, 1.0) for t in tasks},
            metrics={task: [learning.metric] for task, learning in learnt.items()},
            balance=self.config.balance.method,
            teacher=teacher_of(stage.teacher, self.model, stage.cut) if stage.teacher else None,
            teacher_weight=stage.teacher_weight,
        )
        return fit

    def _go_on(self, stage: Stage, fit: Fit, schedule: ThesisSchedule) -> int:
        """Everything as it was at the end of the last epoch; the number of the next."""
        progress = self.progress
        fit.model.optimizer.build(fit.model.trainable_variables)
        self.checkpoint.restore(fit.state)
        schedule.best_weights = self.checkpoint.best_weights()
        schedule.losses = list(progress.losses)
        schedule.best_epoch = progress.best_epoch.get(stage.name, -1)
        schedule.rates = list(progress.history.get(stage.name, {}).get("learning_rate", ()))
        batch = f", batch {progress.batch} of {fit.epochs.count}" if progress.batch else ""
        console.echo(f"going on with {stage.name} after epoch {progress.epoch + 1}{batch}")
        return progress.epoch + 1


def run_fingerprint(
    config: EndToEndConfig, data: dataset.DataSet, qat_of: Path | None = None
) -> str:
    """What must be equal for a run to go on: the configuration, the clips' labels, what it begins with."""
    parts = label_sums(data)
    sums = [f"{n}:{total}" for use in ("train", "validation") for n, total in parts[use].values()]
    if qat_of:
        sums += [str(config.qat), hashlib.sha256(qat_of.read_bytes()).hexdigest()]
    return f"{config.fingerprint()} {' '.join(sums)}"


def _check_tasks(config: EndToEndConfig, data: dataset.DataSet) -> None:
    names = [task.name for task in data.tasks]
    for task in config.loss_weights:
        if task not in names:
            raise ConfigError(f"loss_weights names no task: {task}{nearest_or_all(task, names)}")
    if not any(config.loss_weights.get(name, 1.0) for name in names):
        raise ConfigError("all loss_weights are 0, which leaves nothing to learn")
    if config.whole.teacher and not Path(config.whole.teacher).is_file():
        raise ConfigError(f"whole.teacher: there is no file {config.whole.teacher}")


def _with_task(curves: Mapping[str, list[float]], task: str) -> dict[str, list[float]]:
    metrics = {kind.training_metric for kind in KINDS.values()}
    plain = {f"{use}{name}": f"{use}{task}_{name}" for use in ("", "val_") for name in metrics}
    return {plain.get(name, name): values for name, values in curves.items()}
