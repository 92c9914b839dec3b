"""How far a run has come: its checkpoint and logs, written after each epoch."""

import csv
import io
import json
import math
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge_common import ConfigError, ModelError, whole_file, write_whole
from edge_models import backends
from edge_models.datasets.batches import Epochs
from edge_models.training.schedule import ThesisSchedule

LATEST, BEST = "latest.npz", "best.npz"


@dataclass
class EpochProgress:
    """What is known after an epoch.

    Attributes:
        fingerprint: of the configuration and the data; another run cannot go on with it.
        stage, epoch: the last epoch that was finished, from 0; -1: none of the stage.
        batch: batches of the next epoch that were gone through.
        stopped: that epoch was the stage's last.
        best: stage and epoch of the best validation loss so far.
        losses: of the stage since its rate was last lowered.
        history: curves by stage.
    """

    fingerprint: str
    stage: str = ""
    epoch: int = -1
    batch: int = 0
    stopped: bool = False
    best: tuple[str, int] = ("", -1)
    best_loss: float = math.inf
    losses: list[float] = field(default_factory=list)
    history: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    best_epoch: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class Checkpoint:
    """Two files in a folder: all that the next epoch needs, and the best weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self) -> bool:
        """Whether there is something to go on from."""
        return (self.folder / LATEST).exists()

    def write(
        self,
        progress: EpochProgress,
        state: Sequence[keras.Variable],
        best_weights: Sequence[np.ndarray] | None,
    ) -> None:
        """Keep a state; the best weights only if there are new ones. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if best_weights is not None:
            self._write(BEST, {f"w{i}": array for i, array in enumerate(best_weights)})
        arrays = {f"v{i}": variable.numpy() for i, variable in enumerate(state)}
        arrays["progress"] = np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)
        self._write(LATEST, arrays)

    def progress(self, fingerprint: str) -> EpochProgress:
        """How far the run had come.

        Raises:
            ConfigError: it was a run of another configuration or data, or is unreadable.
        """
        try:
            with np.load(self.folder / LATEST) as arrays:
                progress = EpochProgress(**json.loads(arrays["progress"].tobytes()))
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ConfigError(
                f"{self.folder / LATEST} cannot be read ({error}): start anew, without --resume"
            ) from error
        if progress.fingerprint != fingerprint:
            raise ConfigError(
                f"{self.folder} is of a run with another configuration or other data: "
                "start anew, without --resume"
            )
        progress.best = (progress.best[0], progress.best[1])
        return progress

    def restore(self, state: Sequence[keras.Variable]) -> None:
        """Put weights, a built optimizer and random states back."""
        with np.load(self.folder / LATEST) as arrays:
            for number, variable in enumerate(state):
                variable.assign(arrays[f"v{number}"])

    def best_weights(self) -> list[np.ndarray] | None:
        """In the order of `get_weights`; None if no epoch was any good."""
        if not (self.folder / BEST).exists():
            return None
        with np.load(self.folder / BEST) as arrays:
            return [arrays[f"w{number}"] for number in range(len(arrays.files))]

    def remove(self) -> None:
        """The run is done, or begins again."""
        for name in (LATEST, BEST):
            (self.folder / name).unlink(missing_ok=True)

    def _write(self, name: str, arrays: dict[str, Any]) -> None:
        with whole_file(self.folder / name) as file:
            np.savez(file, **arrays)


WRITTEN_EVERY_S = 300.0  # within an epoch


class KeepProgress(keras.callbacks.Callback):
    """Writes the checkpoint every few minutes and at each epoch's end; behind the schedule.

    Args:
        state: all variables that the next step depends on.
        epochs: which tell the batch that an epoch began with.
    """

    def __init__(
        self, checkpoint: Checkpoint, progress: EpochProgress, stage: str,
        schedule: ThesisSchedule, state: Callable[[], Sequence[keras.Variable]], epochs: Epochs,
    ) -> None:  # fmt: skip
        super().__init__()
        self.checkpoint, self.progress = checkpoint, progress
        self.stage, self.schedule, self.state, self.epochs = stage, schedule, state, epochs
        self._started = self._written = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the time."""
        self._started = self._written = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Write down how far the epoch is, if that was not done for a while."""
        done = self.epochs.first + batch + 1
        if time.monotonic() - self._written < WRITTEN_EVERY_S or done >= self.epochs.count:
            return
        progress = self.progress
        if progress.stage != self.stage:
            progress.stage, progress.epoch, progress.stopped = self.stage, -1, False
        progress.batch, progress.losses = done, list(self.schedule.losses)
        self._note_time()
        self.checkpoint.write(progress, self.state(), None)
        self._written = time.monotonic()

    def _note_time(self) -> None:
        seconds = time.monotonic() - self._started
        self._started += seconds
        self.progress.seconds[self.stage] = self.progress.seconds.get(self.stage, 0.0) + seconds

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the epoch and write it down."""
        progress, schedule = self.progress, self.schedule
        progress.batch = 0
        curves = progress.history.setdefault(self.stage, {})
        for name, value in {**(logs or {}), "learning_rate": schedule.rates[-1]}.items():
            curves.setdefault(name, []).append(float(value))
        progress.stage, progress.epoch = self.stage, epoch
        progress.losses = list(schedule.losses)
        progress.stopped = bool(self.model.stop_training)
        self._note_time()
        better = schedule.best_epoch == epoch
        if better:
            progress.best, progress.best_loss = (self.stage, epoch), schedule.best_loss
        progress.best_epoch[self.stage] = schedule.best_epoch
        best = schedule.best_weights if better else None
        self.checkpoint.write(progress, self.state(), best)


class CSVLog(keras.callbacks.Callback):
    """All epochs of all stages, a line each; to stand behind `KeepProgress`."""

    def __init__(self, path: Path, progress: EpochProgress) -> None:
        super().__init__()
        self.path, self.progress = path, progress

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the file again, so that a resumed run's has each epoch once."""
        names = sorted({name for curves in self.progress.history.values() for name in curves})
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("stage", "epoch", *names))
        for stage, curves in self.progress.history.items():
            count = max(len(curve) for curve in curves.values())
            for number in range(count):
                values = (f"{curves[n][number]:.6g}" if n in curves else "" for n in names)
                rows.writerow((stage, number + 1, *values))
        write_whole(self.path, text.getvalue().encode())


class TensorBoardLog(keras.callbacks.Callback):
    """Scalars of each epoch as TensorBoard reads them.

    TensorFlow itself writes them, so that only looking at them needs the package
    tensorboard. An interrupted run goes on in a file of its own beside the first.
    """

    def __init__(self, folder: Path, stage: str) -> None:
        super().__init__()
        from tensorflow import raw_ops, summary

        self._writer = summary.create_file_writer(str(folder / stage))
        self._write = raw_ops.WriteScalarSummary

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the epoch's numbers."""
        with self._writer.as_default(step=epoch):
            for name, value in (logs or {}).items():
                self._write(writer=self._writer._resource, step=epoch, tag=name, value=float(value))
        self._writer.flush()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the file."""
        self._writer.close()


class LossLost(ModelError):
    """The loss is no number any more; what was good until then is still there."""


class Watch(keras.callbacks.Callback):
    """Tells the clips and the dropout which step it is, and stops at once if the loss is lost."""

    def __init__(self, epochs: Epochs) -> None:
        super().__init__()
        self.epochs, self._backend = epochs, backends.own()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epochs.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        epochs = self.epochs
        self._backend.seed_step(epochs.seed, epochs.epoch, epochs.first + batch)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._look(logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._look(logs or {})

    def _look(self, logs: dict[str, float]) -> None:
        losses = [float(logs[name]) for name in ("loss", "val_loss") if name in logs]
        if not all(math.isfinite(loss) for loss in losses):
            raise LossLost(f"the loss was no number any more in epoch {self.epochs.epoch + 1}")
