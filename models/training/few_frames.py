"""Train on few frames of each window, and on feature maps computed once."""

import dataclasses
import math
from pathlib import Path

import click
import keras
import numpy as np
import tensorflow as tf
from keras import ops

from edge_models.datasets.dataset import DataSet, Part
from edge_models.networks.mtdnn import MTDNNConfig, answers_to
from edge_models.training.features import arrays_on_disk
from edge_models.training.from_features import backbone_by_frames
from edge_models.training.pipeline import plain_batches

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


CLIPS_A_BATCH = 8


def maps_of(backbone: keras.Model, data: DataSet, part: Part, path: Path, label: str) -> Part:
    """The part's clips as feature maps, float16 (T, h, w, C), from `path` if it is there.

    Raises:
        OSError: there is no room for all of them.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _compute(backbone, data, part, path, label)
    maps = np.load(path, mmap_mode="r")
    return dataclasses.replace(part, clip=lambda index: maps[index])


def some_of(part: Part, count: int, seed: int) -> Part:
    """So many of the clips, drawn at random; 0: all."""
    if not 0 < count < len(part):
        return part
    chosen = np.sort(np.random.default_rng(seed).permutation(len(part))[:count])
    labels = {task: values[chosen] for task, values in part.labels.items()}
    sources = None if part.sources is None else part.sources[chosen]
    return Part(lambda index: part.clip(int(chosen[index])), labels, sources)


def _compute(backbone: keras.Model, data: DataSet, part: Part, path: Path, label: str) -> None:
    model = backbone_by_frames(backbone, data.shape[0])
    shape = (len(part), *model.output_shape[1:])
    infer = tf.function(lambda clips: model(clips, training=False), reduce_retracing=True)
    done = 0
    with (
        arrays_on_disk({path: shape}) as (maps,),
        click.progressbar(length=len(part), label=f"maps of {label} clips") as progress,
    ):
        for clips, _ in plain_batches(data, part, CLIPS_A_BATCH):
            maps[done : done + len(clips)] = infer(clips).numpy()
            done += len(clips)
            progress.update(len(clips))
