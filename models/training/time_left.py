"""How far a stage of a training is and how long it will take, in lines."""

import time

import keras

from edge_common import console
from edge_models.datasets.batches import Epochs

EVERY_S = 120.0


class StageTimeLeft(keras.callbacks.Callback):
    """A line after each epoch, and within long ones every two minutes.

    The time left is that of all epochs that may come: a stage may stop before.
    """

    def __init__(self, stage: str, epochs: int, batches: Epochs) -> None:
        super().__init__()
        self.stage, self.epoch, self.epochs, self.batches = stage, 0, epochs, batches
        self._done = 0.0  # epochs that were gone through since `_started`, parts included
        self._started = self._told = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note which it is."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Tell, if nothing was told for a while."""
        if time.monotonic() - self._told < EVERY_S:
            return
        share = (self.batches.first + batch + 1) / self.batches.count
        done = self._done + (batch + 1) / self.batches.count
        loss = (logs or {}).get("loss", float("nan"))
        self._tell(f"{share:.0%} of it, loss {loss:.4g}", self.epochs - self.epoch - share, done)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Tell what validation says."""
        self._done += (self.batches.count - self.batches.first) / self.batches.count
        results = ", ".join(f"{n} {x:.4g}" for n, x in sorted((logs or {}).items()) if "val_" in n)
        self._tell(results, self.epochs - epoch - 1, self._done)

    def _tell(self, what: str, left: float, done: float) -> None:
        self._told = time.monotonic()
        seconds = (self._told - self._started) / done * left
        end = f"; {console.duration(seconds)} left at most" if left else ""
        console.echo(f"{self.stage}, epoch {self.epoch + 1} of {self.epochs}: {what}{end}")
