"""Train an MTDNN from pixels: the backbone frozen first, then all of it, or all at once.

What is trained are the layers of the whole network itself, each batch's frames in one
pass of the backbone (a `TimeDistributed` would trace it once a frame).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import keras
import numpy as np
from keras import layers, ops

from edge.errors import ConfigError, ModelError

from ..config import StageSection, nearest
from ..datasets.dataset import DataSet
from ..mtdnn import build_mtdnn
from ..schedule import ThesisSchedule
from ..training import check_layer, head_of, network_of, verbosity
from .config import EndToEndConfig
from .logs import CSVLog, TensorBoardLog
from .pipeline import Epochs, plain_batches
from .progress import Checkpoint, KeepProgress, Progress

LOG_NAME, EVENTS_NAME = "log.csv", "tensorboard"


class LossLost(ModelError):
    """The loss is no number any more; what was good until then is still there."""


@dataclass(frozen=True)
class Stage:
    """A stage of training, and what it leaves of the backbone as it is."""

    name: str
    schedule: StageSection
    frozen: bool


class Run:
    """One training run: `train`, or after an interruption `resume` and `train`.

    Attributes:
        model: the whole network; after `train` or `keep_best` with the best weights.
        progress: how far it has come; its curves and times.
    """

    def __init__(
        self, config: EndToEndConfig, data: DataSet, folder: Path, *, events: bool = False
    ) -> None:
        self.config, self.data, self.folder, self.events = config, data, folder, events
        _check_tasks(config, data)
        keras.utils.set_random_seed(config.seed)
        self.model = build_mtdnn(network_of(config.network, data.tasks, config.name))
        check_layer(self._backbone, "whole.from_layer", config.whole.from_layer)
        self.trained = by_frames(self.model)
        self.progress = Progress(run_fingerprint(config, data))
        self.checkpoint = Checkpoint(folder)

    def resume(self) -> bool:
        """Go on where an equal run was interrupted; False where none was.

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
        if self.progress.epoch < 0:
            self.checkpoint.remove()
        for stage in self._left():
            self._train(stage)
        self.keep_best()

    def keep_best(self) -> bool:
        """Put the best weights so far into the network; False where no epoch was finished."""
        weights = self.checkpoint.best_weights() if self.progress.best[1] >= 0 else None
        if weights is None:
            return False
        self.trained.set_weights(weights)
        self._backbone.trainable = True  # as a network that was never frozen
        return True

    @property
    def _backbone(self) -> keras.Model:
        return self.model.get_layer("backbone").layer

    def _left(self) -> Iterator[Stage]:
        """The stages that are not yet done."""
        stages = [
            Stage("frozen", self.config.frozen, True),
            Stage("whole", self.config.whole, False),
        ]
        stages = [stage for stage in stages if stage.schedule.max_epochs]
        names = [stage.name for stage in stages]
        at = names.index(self.progress.stage) if self.progress.stage else 0
        yield from stages[at:]

    def _train(self, stage: Stage) -> None:
        plan, progress = stage.schedule, self.progress
        if progress.stage not in ("", stage.name):
            self.keep_best()  # of the stage before
        self._prepare(stage)
        schedule = ThesisSchedule(
            factor=plan.lr_factor, window=plan.lr_window, min_fall=plan.lr_min_fall,
            patience=plan.patience, to_beat=progress.best_loss,
        )  # fmt: skip
        first = self._go_on(stage, schedule) if progress.stage == stage.name else 0
        if first and (progress.stopped or first >= plan.max_epochs):
            return
        epochs = Epochs(self.data, self.config.augmentation, plan.batch_size, self.config.seed)
        self.trained.fit(
            epochs.batches,
            shuffle=False,  # the batches are, in another order each epoch
            validation_data=plain_batches(self.data, self.data.validation, plan.batch_size),
            initial_epoch=first, epochs=plan.max_epochs, verbose=verbosity(),
            callbacks=self._callbacks(stage, epochs, schedule),
        )  # fmt: skip

    def _callbacks(
        self, stage: Stage, epochs: Epochs, schedule: ThesisSchedule
    ) -> list[keras.callbacks.Callback]:
        """In the order in which an epoch's end needs them."""
        progress = self.progress
        callbacks = [
            _Watch(epochs), schedule,
            KeepProgress(self.checkpoint, progress, stage.name, schedule),
            CSVLog(self.folder / LOG_NAME, progress),
        ]  # fmt: skip
        if self.events:
            callbacks.append(TensorBoardLog(self.folder / EVENTS_NAME, stage.name))
        return callbacks

    def _prepare(self, stage: Stage) -> None:
        """Say what is trained, and compile."""
        train_backbone(self._backbone, self.config, frozen=stage.frozen)
        tasks = self.data.tasks
        self.trained.compile(
            keras.optimizers.Adam(stage.schedule.learning_rate),
            jit_compile=False,  # XLA would compile anew for the last, smaller batch
            loss={task.name: task.loss for task in tasks},
            loss_weights={t.name: self.config.loss_weights.get(t.name, 1.0) for t in tasks},
            metrics={t.name: ["mae" if t.kind == "regression" else "accuracy"] for t in tasks},
        )

    def _go_on(self, stage: Stage, schedule: ThesisSchedule) -> int:
        """Everything as it was at the end of the last epoch; the number of the next."""
        progress = self.progress
        self.checkpoint.restore(self.trained)
        schedule.best_weights = self.checkpoint.best_weights()
        schedule.losses = list(progress.losses)
        schedule.best_epoch = progress.best_epoch[stage.name]
        schedule.rates = list(progress.history[stage.name]["learning_rate"])
        click.echo(f"going on with {stage.name} after epoch {progress.epoch + 1}")
        return progress.epoch + 1


class _Watch(keras.callbacks.Callback):
    """Tells the clips which epoch it is, and stops at once where the loss is lost."""

    def __init__(self, epochs: Epochs) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epochs.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._look(logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._look(logs or {})

    def _look(self, logs: dict[str, float]) -> None:
        losses = [float(logs[name]) for name in ("loss", "val_loss") if name in logs]
        if not all(math.isfinite(loss) for loss in losses):
            raise LossLost(f"the loss was no number any more in epoch {self.epochs.epoch + 1}")


def by_frames(model: keras.Model) -> keras.Model:
    """The same layers, the frames of all windows passing the backbone together."""
    backbone = model.get_layer("backbone").layer
    window, *frame = model.input_shape[1:]
    windows = keras.Input((window, *frame), name="window")
    maps = backbone(ops.reshape(windows, (-1, *frame)))
    maps = ops.reshape(maps, (-1, window, *maps.shape[1:]))
    return keras.Model(windows, head_of(model)(maps), name="by_frames")


def train_backbone(backbone: keras.Model, config: EndToEndConfig, *, frozen: bool) -> None:
    """Make trainable what the stage trains, and nothing else of the backbone."""
    backbone.trainable = not frozen
    if frozen:
        return
    section, late = config.whole, backbone.layers
    if section.from_layer:
        late = keras.Model(backbone.get_layer(section.from_layer).output, backbone.output).layers
    trained = {layer.name for layer in late}
    for layer in backbone.layers:
        normalises = isinstance(layer, layers.BatchNormalization)
        layer.trainable = layer.name in trained and not (normalises and section.freeze_batch_norm)


def run_fingerprint(config: EndToEndConfig, data: DataSet) -> str:
    """What must be equal for a run to go on: the configuration and the clips' labels."""
    labels = [np.asarray(v) for part in (data.train, data.validation) for v in part.labels.values()]
    sums = [f"{len(values)}:{float(values.sum())}" for values in labels]
    return f"{config.fingerprint()} {' '.join(sums)}"


def _check_tasks(config: EndToEndConfig, data: DataSet) -> None:
    names = [task.name for task in data.tasks]
    for task in config.loss_weights:
        if task not in names:
            raise ConfigError(f"loss_weights names no task: {task}{nearest(task, names)}")
    if not any(config.loss_weights.get(name, 1.0) for name in names):
        raise ConfigError("all loss_weights are 0, which leaves nothing to learn")
