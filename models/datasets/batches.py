"""A part of a data set as batches for Keras, read while the network works."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import keras
import numpy as np

from edge.tasks import kind_of
from edge_models.datasets import dataset, motion
from edge_models.datasets.augment import AugmentationSection, augment

BATCHES_AHEAD, MOST_THREADS = 2, 16


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

    def batches(self, first: int = 0) -> "ClipBatches":
        """Those of an epoch, beginning with batch `first`."""
        self.first = first
        count = len(self.part) - first * self.batch_size
        return ClipBatches(self.data, self.part, self._order, self.look, self.batch_size, count)

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


def plain_batches(data: dataset.DataSet, part: dataset.Subset, batch_size: int) -> "ClipBatches":
    """All clips of a part as they are, in order."""
    return ClipBatches(
        data, part, lambda: ((i, 0) for i in range(len(part))),
        lambda index, epoch: part.example(index), batch_size, len(part),
    )  # fmt: skip


class _Batch(NamedTuple):
    """A batch that threads fill; `jobs` says when each has done its share."""

    clips: np.ndarray
    labels: dict[str, np.ndarray]
    jobs: list[Future]


class ClipBatches(keras.utils.PyDataset):
    """Batches of (clips, {task: labels}), which threads make a few ahead.

    Clips are uint8 (n, T, H, W, 3) RGB or maps (n, T, h, w, C), which the network casts itself.
    Keras' own threads are not used: of a pass that was not finished they keep batches for the
    next one.

    Args:
        order: clips of a pass and the epoch they look like; asked when batch 0 is.
        look: what one of them looks like, and its labels; threads call it at once.
        clip_count: of a pass.
    """

    def __init__(
        self, data: dataset.DataSet, part: dataset.Subset,
        order: Callable[[], Iterable[tuple[int, int]]],
        look: Callable[[int, int], tuple[np.ndarray, dict[str, float]]],
        batch_size: int, clip_count: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self._clip, self._tasks = part.clip(0), data.tasks
        self._order, self._look = order, look
        self._batch_size, self._clip_count = batch_size, clip_count
        self._threads = min(len(os.sched_getaffinity(0)), MOST_THREADS)
        self._pool = ThreadPoolExecutor(self._threads)
        self._numbers: list[tuple[int, int]] = []
        self._ahead: dict[int, _Batch] = {}

    def __len__(self) -> int:
        return -(-self._clip_count // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        if index == 0 or not self._numbers:
            self._begin()
        for number in range(index, min(index + 1 + BATCHES_AHEAD, len(self))):
            if number not in self._ahead:
                self._ahead[number] = self._submitted(number)
        batch = self._ahead.pop(index)
        for job in batch.jobs:
            job.result()
        return batch.clips, batch.labels

    def _begin(self) -> None:
        for batch in self._ahead.values():
            for job in batch.jobs:
                job.cancel()
        self._ahead.clear()
        self._numbers = list(self._order())

    def _submitted(self, index: int) -> _Batch:
        numbers = self._numbers[index * self._batch_size : (index + 1) * self._batch_size]
        kinds = {task.name: kind_of(task) for task in self._tasks}
        clips = np.empty((len(numbers), *self._clip.shape), self._clip.dtype)
        labels = {
            name: np.empty((len(numbers), *kind.label_shape), kind.training_dtype)
            for name, kind in kinds.items()
        }
        shares = np.array_split(np.arange(len(numbers)), min(self._threads, len(numbers)))
        jobs = [self._pool.submit(self._fill, clips, labels, numbers, share) for share in shares]
        return _Batch(clips, labels, jobs)

    def _fill(
        self, clips: np.ndarray, labels: dict[str, np.ndarray], numbers: list[tuple[int, int]],
        places: np.ndarray,
    ) -> None:  # fmt: skip
        for place in places:
            clips[place], answers = self._look(*numbers[place])
            for task in self._tasks:
                labels[task.name][place] = answers[task.name] / task.scale


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
