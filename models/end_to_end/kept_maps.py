"""What a frozen backbone makes of clips, computed once and kept on disk for all epochs."""

import dataclasses
from pathlib import Path

import click
import keras
import numpy as np
import tensorflow as tf

from ..datasets.dataset import DataSet, Part
from ..features import arrays_on_disk
from ..training import backbone_by_frames
from .pipeline import plain_batches

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
