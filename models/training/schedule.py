"""Keras callbacks that set the learning rate, and stop a training."""

import math
import sys
from contextlib import nullcontext

import keras

from edge_models.datasets.batches import Epochs
from edge_models.training.averaging import AveragedWeights


class ThesisSchedule(keras.callbacks.Callback):
    """Lower the rate on a plateau, stop without gain, keep the best weights.

    After each epoch: if the monitored loss fell by less than `min_fall` of
    itself an epoch over the last `window` epochs, the learning rate is multiplied
    by `factor` and the window begins again; after `patience` epochs without a
    lower loss, training stops. The best epoch's weights are put back at the end;
    if no epoch got below `to_beat`, those from before the first (epoch -1).

    Args:
        weights_of: the model whose weights are kept, if it is not the one that is
            trained: one that shares layers with it.
        averages: what is kept instead of the last step's weights.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.4,
        window: int = 6,
        min_fall: float = 0.002,
        patience: int = 10,
        to_beat: float = math.inf,
        weights_of: keras.Model | None = None,
        averages: AveragedWeights | None = None,
    ) -> None:
        super().__init__()
        self.monitor, self.factor, self.window = monitor, factor, window
        self.min_fall, self.patience = min_fall, patience
        self.best_loss, self.best_epoch = to_beat, -1
        self.rates: list[float] = []
        self._weights_of, self._averages = weights_of, averages
        self.losses: list[float] = []  # since the rate was last lowered
        self.best_weights: list | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Keep the weights to come back to, should no epoch be better."""
        if self.best_loss < math.inf and self.best_weights is None:
            self.best_weights = self.kept_model.get_weights()

    @property
    def kept_model(self) -> keras.Model:
        """The model whose weights are kept."""
        return self._weights_of or self.model

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the epoch's loss and act on it."""
        loss = float((logs or {})[self.monitor])
        self.rates.append(float(self.model.optimizer.learning_rate))
        self._keep_best(epoch, loss)
        self.losses.append(loss)
        if plateaued(self.losses, self.window, self.min_fall):
            self.model.optimizer.learning_rate = self.rates[-1] * self.factor
            self.losses = [loss]
        if epoch - self.best_epoch >= self.patience:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Put the best weights back."""
        if self.best_weights is not None:
            self.kept_model.set_weights(self.best_weights)

    def _keep_best(self, epoch: int, loss: float) -> None:
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            with self._averages.in_model() if self._averages else nullcontext():
                self.best_weights = self.kept_model.get_weights()


def plateaued(losses: list[float], window: int, min_fall: float) -> bool:
    """Did the loss fall by less than `min_fall` of itself an epoch over `window` epochs?"""
    if len(losses) <= window:
        return False
    before, now = losses[-1 - window], losses[-1]
    return (before - now) / abs(before) < min_fall * window


_WARM_UP = 0.1  # of all steps


class OneCycle(keras.callbacks.Callback):
    """A rate that rises over the first tenth of all steps, and falls to 0 as a cosine does.

    (I. Loshchilov, F. Hutter, "SGDR", ICLR 2017.) It follows from the epoch and the
    batch alone, so that a resumed run goes on with it.
    """

    def __init__(self, highest: float, epochs: int, batches: Epochs) -> None:
        super().__init__()
        self.highest, self.epochs, self.batches = highest, epochs, batches
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note which epoch it is."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Set the rate of this step."""
        steps = self.batches.count
        done = self._epoch * steps + self.batches.first + batch + 1
        share = done / (self.epochs * steps)
        self.model.optimizer.learning_rate = self.highest * one_cycle(share)


def one_cycle(share: float) -> float:
    """Share of the highest rate, after `done` of all steps (0 to 1)."""
    if share < _WARM_UP:
        return share / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (share - _WARM_UP) / (1 - _WARM_UP)))


def verbosity() -> int:
    """Of `fit`: a bar on a screen, a line an epoch in a file."""
    return 1 if sys.stdout.isatty() else 2
