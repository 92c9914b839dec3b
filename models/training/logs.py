"""What watches a training: a CSV file, TensorBoard's events, and a loss that is no number."""

import csv
import io
import math
from pathlib import Path

import keras
import tensorflow as tf

from edge_common.errors import ModelError
from edge_common.files import write_whole
from edge_models.datasets.batches import Epochs
from edge_models.training.progress import Progress


class CSVLog(keras.callbacks.Callback):
    """All epochs of all stages, a line each; to stand behind `KeepProgress`."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__()
        self.path, self.progress = path, progress

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the file anew, so that a resumed run's has each epoch once."""
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
        self._writer = tf.summary.create_file_writer(str(folder / stage))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the epoch's numbers."""
        with self._writer.as_default(step=epoch):
            for name, value in (logs or {}).items():
                tf.raw_ops.WriteScalarSummary(
                    writer=self._writer._resource, step=epoch, tag=name, value=float(value)
                )
        self._writer.flush()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the file."""
        self._writer.close()


class LossLost(ModelError):
    """The loss is no number any more; what was good until then is still there."""


class Watch(keras.callbacks.Callback):
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
