"""Train on few frames of each window: what a backbone learns of them holds for all.

A window's frames are alike, so a backbone can learn from two of them, at a seventh of
the price of fifteen (segments of a clip stand for it in L. Wang et al.,
"Temporal Segment Networks", ECCV 2016). The blocks look at those two; a later stage
teaches them the whole window.
"""

import dataclasses
import math

import keras
import numpy as np
from keras import ops

from ..mtdnn import MTDNNConfig, answers_to
from ..training import backbone_by_frames

_WARM_UP = 0.1  # of all steps


def looking_at(frames: int, model: keras.Model, config: MTDNNConfig) -> keras.Model:
    """The network over `frames` of the window, evenly spread from first to last.

    Shares the backbone with `model` and has blocks and heads of its own, whose weights
    come in the same order and shapes: `set_weights` takes them from one to the other.
    """
    windows = keras.Input(model.input_shape[1:], name="window")
    places = np.round(np.linspace(0, config.window - 1, frames)).astype(int)
    by_frames = backbone_by_frames(model.get_layer("backbone").layer, frames)
    maps = keras.Input(by_frames.output_shape[1:], name="maps")
    head = keras.Model(maps, answers_to(maps, dataclasses.replace(config, window=frames)))
    chosen = ops.take(windows, places, axis=1)
    return keras.Model(windows, head(by_frames(chosen)), name=f"{frames}_frames")


class OneCycle(keras.callbacks.Callback):
    """A rate that rises over the first tenth of all steps, and falls to 0 as a cosine does.

    (I. Loshchilov, F. Hutter, "SGDR", ICLR 2017.) It follows from the epoch and the
    batch alone, so that a resumed run goes on with it.
    """

    def __init__(self, highest: float, epochs: int) -> None:
        super().__init__()
        self.highest, self.epochs = highest, epochs
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note which epoch it is."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Set the rate of this step."""
        steps = self.params["steps"]
        done = (self._epoch * steps + batch + 1) / (self.epochs * steps)
        self.model.optimizer.learning_rate = self.highest * one_cycle(done)


def one_cycle(done: float) -> float:
    """Share of the highest rate, after `done` of all steps (0 to 1)."""
    if done < _WARM_UP:
        return done / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP)))
