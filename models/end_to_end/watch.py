"""What looks at each batch of a training."""

import math

import keras

from edge.errors import ModelError

from .pipeline import Epochs


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
