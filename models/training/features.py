"""What the frozen backbone makes of rendered clips, computed once and kept on disk."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import keras
import numpy as np
import tensorflow as tf

from edge_models.datasets.clips import ClipPlan, render_batches
from edge_models.datasets.motion import ACTIONS, REVERSED_ACTION

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
    plans: Sequence[ClipPlan],
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
    model: keras.Model, plans: Sequence[ClipPlan], length: int, paths: dict[str, Path], label: str
) -> None:
    shapes = {
        path: (len(plans), length, *model.output[name].shape[1:]) for name, path in paths.items()
    }
    size = model.input_shape[1]
    infer = tf.function(lambda frames: model(frames, training=False), reduce_retracing=True)
    with (
        arrays_on_disk(shapes) as arrays,
        click.progressbar(length=len(plans), label=f"features of {label} clips") as progress,
    ):
        done = 0
        for clips in _ahead(render_batches(plans, length, size, CLIPS_A_BATCH)):
            outputs = infer(tf.constant(clips.reshape(-1, size, size, 3), tf.float32))
            for name, array in zip(paths, arrays, strict=True):
                values = outputs[name].numpy()
                array[done : done + len(clips)] = values.reshape(
                    len(clips), length, *values.shape[1:]
                )
            done += len(clips)
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
        os.replace(partial[path], path)


def _new_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A float16 array on disk. Raises OSError at once where there is no room for all of it.

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


_REVERSED = np.array([ACTIONS.index(REVERSED_ACTION[action]) for action in ACTIONS])


class WindowBatches(keras.utils.PyDataset):
    """Batches of (window of feature maps, {task: labels}).

    With `augment`, clips are shuffled, windows begin at random, and half of them
    run backwards, which turns each action into its opposite. Without, the middle
    window of each clip comes in order.
    """

    def __init__(
        self,
        maps: np.ndarray,
        labels: dict[str, np.ndarray],
        window: int,
        batch_size: int,
        *,
        augment: bool,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.maps, self.labels, self.window = maps, labels, window
        self.batch_size, self.augment = batch_size, augment
        self._random = np.random.default_rng(seed)
        self._order = np.arange(len(maps))
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.maps) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        spare = self.maps.shape[1] - self.window
        starts = np.full(len(chosen), spare // 2)
        backwards = np.zeros(len(chosen), bool)
        if self.augment:
            starts = self._random.integers(0, spare + 1, len(chosen))
            backwards = self._random.random(len(chosen)) < 0.5
        return self._windows(chosen, starts, backwards), self._answers(chosen, backwards)

    def on_epoch_end(self) -> None:
        """Deal the clips anew."""
        if self.augment:
            self._random.shuffle(self._order)

    def _windows(self, chosen, starts, backwards) -> np.ndarray:
        batch = np.empty((len(chosen), self.window, *self.maps.shape[2:]), np.float32)
        for slot, clip, start, back in zip(batch, chosen, starts, backwards, strict=True):
            frames = self.maps[clip, start : start + self.window]
            slot[:] = frames[::-1] if back else frames
        return batch

    def _answers(self, chosen, backwards) -> dict[str, np.ndarray]:
        answers = {task: labels[chosen] for task, labels in self.labels.items()}
        action = answers["action"]
        return answers | {"action": np.where(backwards, _REVERSED[action], action)}
