"""A frozen backbone's feature maps of clips, computed once and kept on disk."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
import keras
import numpy as np

from edge_common import put_in_place
from edge_models.datasets import dataset, orl_motion
from edge_models.datasets.batches import plain_batches
from edge_models.networks.views import backbone_by_frames

CLIPS_A_BATCH = 4


@dataclass(frozen=True)
class Features:
    """Feature maps of clips, float16 (N, L, h, w, C), memory-mapped.

    Attributes:
        maps: the backbone's outputs.
        early: the maps that fine-tuning starts from, or None.
    """

    maps: np.ndarray
    early: np.ndarray | None


def cached_features(
    backbone: keras.Model,
    early_layer: str,
    plans: Sequence[orl_motion.ClipPlan],
    length: int,
    folder: Path,
    label: str,
) -> Features:
    """Render `plans`, pass every frame through `backbone`, and keep the result.

    Args:
        early_layer: name of a layer in the backbone, or "".
        folder: where `label`.maps.npy and `label`.early.npy lie or will lie; the
            caller names it after all that decides the content.
    """
    cuts = {"maps": backbone.output}
    if early_layer:
        cuts["early"] = backbone.get_layer(early_layer).output
    paths = {name: folder / f"{label}.{name}.npy" for name in cuts}
    if not all(path.exists() for path in paths.values()):
        folder.mkdir(parents=True, exist_ok=True)
        _compute(keras.Model(backbone.input, cuts), plans, length, paths, label)
    maps = {name: np.load(path, mmap_mode="r") for name, path in paths.items()}
    return Features(maps["maps"], maps.get("early"))


def _compute(
    model: keras.Model,
    plans: Sequence[orl_motion.ClipPlan],
    length: int,
    paths: dict[str, Path],
    label: str,
) -> None:
    shapes = {
        path: (len(plans), length, *model.output[name].shape[1:]) for name, path in paths.items()
    }
    size = model.input_shape[1]
    with (
        arrays_on_disk(shapes) as arrays,
        click.progressbar(length=len(plans), label=f"features of {label} clips") as progress,
    ):
        clip_count = 0
        for clips in _ahead(orl_motion.render_batches(plans, length, size, CLIPS_A_BATCH)):
            outputs = model.predict_on_batch(clips.reshape(-1, size, size, 3))
            for name, array in zip(paths, arrays, strict=True):
                values = outputs[name]
                array[clip_count : clip_count + len(clips)] = values.reshape(
                    len(clips), length, *values.shape[1:]
                )
            clip_count += len(clips)
            progress.update(len(clips))


@contextmanager
def arrays_on_disk(shapes: Mapping[Path, tuple[int, ...]]) -> Iterator[list[np.memmap]]:
    """float16 arrays to fill, which take their names when the block is done.

    Raises:
        OSError: there is no room for all of them.
    """
    partial = {path: path.with_suffix(".partial") for path in shapes}
    arrays = [_new_array(partial[path], shape) for path, shape in shapes.items()]
    yield arrays
    for path, array in zip(shapes, arrays, strict=True):
        array.flush()
        put_in_place(partial[path], path)


def _new_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A float16 array on disk. Raises OSError at once if there is no room for all of it.

    Of a file with holes, a disk that fills up later would end the process.
    """
    array = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _ahead(batches: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The same batches, the next one being rendered while one is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


CLIPS_AT_ONCE = 8


def maps_of(
    backbone: keras.Model, data: dataset.DataSet, part: dataset.Subset, path: Path, label: str
) -> dataset.Subset:
    """The part's clips as feature maps, float16 (T, h, w, C), from `path` if it is there.

    Raises:
        OSError: there is no room for all of them.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _compute_part(backbone, data, part, path, label)
    maps = np.load(path, mmap_mode="r")
    return replace(part, clip=lambda index: maps[index])


def some_of(part: dataset.Subset, count: int, seed: int) -> dataset.Subset:
    """So many of the clips, drawn at random; 0: all."""
    if not 0 < count < len(part):
        return part
    indices = dataset.drawn(len(part), count, seed)
    labels = {task: values[indices] for task, values in part.labels.items()}
    sources = None if part.sources is None else part.sources[indices]
    return dataset.Subset(lambda index: part.clip(int(indices[index])), labels, sources)


def _compute_part(
    backbone: keras.Model, data: dataset.DataSet, part: dataset.Subset, path: Path, label: str
) -> None:
    model = backbone_by_frames(backbone, data.shape[0])
    shape = (len(part), *model.output_shape[1:])
    clip_count = 0
    with (
        arrays_on_disk({path: shape}) as (maps,),
        click.progressbar(length=len(part), label=f"maps of {label} clips") as progress,
    ):
        for clips, _ in plain_batches(data, part, CLIPS_AT_ONCE):
            maps[clip_count : clip_count + len(clips)] = model.predict_on_batch(clips)
            clip_count += len(clips)
            progress.update(len(clips))
