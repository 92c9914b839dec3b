"""A part of a data set as batches for Keras, read while the network works."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from edge.tasks import Task, kind_of
from edge_models.datasets import dataset, motion
from edge_models.datasets.augment import AugmentationSection, augment

BATCHES_AHEAD = 2


class Epochs:
    """Train clips, or their maps, in another order and another look in each epoch.

    Both follow from the seed and the epoch's number alone, so that a run that was
    interrupted goes on as it would have gone. Set `epoch` before each.

    Attributes:
        count: batches in a whole epoch.
        first: batches of an epoch that are left out, since they were gone through before.
    """

    def __init__(
        self,
        data: dataset.DataSet,
        part: dataset.Subset,
        section: AugmentationSection,
        batch_size: int,
        seed: int,
    ) -> None:
        self.data, self.part, self.section, self.seed = data, part, section, seed
        self.batch_size, self.count = batch_size, -(-len(part) // batch_size)
        self.epoch = self.first = 0

    def batches(self, first: int = 0) -> tf.data.Dataset:
        """Those of an epoch, beginning with batch `first`."""
        self.first = first
        count = len(self.part) - first * self.batch_size
        return _batches(self.data, self.part, self._order, self.look, self.batch_size, count)

    def _order(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.part))
        return ((int(index), self.epoch) for index in order[self.first * self.batch_size :])

    def look(self, index: int, epoch: int) -> tuple[np.ndarray, dict[str, float]]:
        """A clip as it looks in an epoch, and its labels."""
        clip, answers = self.part.example(index)
        if clip.dtype != np.uint8:  # maps have no other look
            return clip, answers
        random = np.random.default_rng((self.seed, epoch, index))
        return augment(clip, answers, self.section, self.data.mirrored, random)


def looks_of(
    data: dataset.DataSet, part: dataset.Subset, section: AugmentationSection, looks: int, seed: int
) -> dataset.Subset:
    """So many looks of each clip, the first as it is: those of one clip behind each other."""
    epochs = Epochs(data, part, section, 1, seed)

    def look(index: int) -> tuple[np.ndarray, dict[str, float]]:
        clip, number = divmod(index, looks)
        return epochs.look(clip, number) if number else part.example(clip)

    labels = {task: np.repeat(values, looks, axis=0) for task, values in part.labels.items()}
    for task in data.mirrored if section.flip else ():
        answers = [look(index)[1][task] for index in range(len(part) * looks)]
        labels[task] = np.array(answers, labels[task].dtype)
    return dataset.Subset(
        lambda index: look(index)[0], labels, np.repeat(part.source_of_each, looks)
    )


def plain_batches(data: dataset.DataSet, part: dataset.Subset, batch_size: int) -> tf.data.Dataset:
    """All clips of a part as they are, in order."""
    return _batches(
        data, part, lambda: ((i, 0) for i in range(len(part))),
        lambda index, epoch: part.example(index), batch_size, len(part),
    )  # fmt: skip


def _batches(
    data: dataset.DataSet, part: dataset.Subset, order, look, batch_size: int, count: int
) -> tf.data.Dataset:
    """Batches of (float32 (n, T, H, W, 3) RGB 0..255 or (n, T, h, w, C) maps, {task: labels})."""
    signature = tf.TensorSpec((2,), tf.int64)
    first = part.clip(0)
    types = [tf.as_dtype(first.dtype), *(_label_type(task) for task in data.tasks)]

    def read(number: np.ndarray) -> list[np.ndarray]:
        clip, answers = look(int(number[0]), int(number[1]))
        labels = (answers[task.name] / task.scale for task in data.tasks)
        return [
            np.ascontiguousarray(clip),
            *(np.array(value, kind.as_numpy_dtype) for value, kind in zip(labels, types[1:])),
        ]

    def example(number: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        clip, *labels = tf.numpy_function(read, [number], types)
        clip.set_shape(first.shape)
        for label, task in zip(labels, data.tasks):
            label.set_shape(kind_of(task).label_shape)
        return clip, dict(zip((task.name for task in data.tasks), labels))

    def as_float(clips: tf.Tensor, labels: dict) -> tuple[tf.Tensor, dict]:
        return tf.cast(clips, tf.float32), labels

    numbers = tf.data.Dataset.from_generator(order, output_signature=signature)
    return (
        numbers.apply(tf.data.experimental.assert_cardinality(count))
        .map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size)
        .map(as_float)
        .prefetch(BATCHES_AHEAD)
    )


def _label_type(task: Task) -> tf.DType:
    return tf.as_dtype(kind_of(task).training_dtype)


_REVERSED = np.array(
    [motion.ACTIONS.index(motion.REVERSED_ACTION[action]) for action in motion.ACTIONS]
)


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
        clips = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        spare = self.maps.shape[1] - self.window
        starts = np.full(len(clips), spare // 2)
        backwards = np.zeros(len(clips), bool)
        if self.augment:
            starts = self._random.integers(0, spare + 1, len(clips))
            backwards = self._random.random(len(clips)) < 0.5
        return self._windows(clips, starts, backwards), self._answers(clips, backwards)

    def on_epoch_end(self) -> None:
        """Shuffle the clips."""
        if self.augment:
            self._random.shuffle(self._order)

    def _windows(self, clips, starts, backwards) -> np.ndarray:
        batch = np.empty((len(clips), self.window, *self.maps.shape[2:]), np.float32)
        for slot, clip, start, back in zip(batch, clips, starts, backwards, strict=True):
            frames = self.maps[clip, start : start + self.window]
            slot[:] = frames[::-1] if back else frames
        return batch

    def _answers(self, clips, backwards) -> dict[str, np.ndarray]:
        answers = {task: labels[clips] for task, labels in self.labels.items()}
        action = answers["action"]
        return answers | {"action": np.where(backwards, _REVERSED[action], action)}
