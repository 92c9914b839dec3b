"""Windows cut from cached features, another one of each clip in each epoch."""

import keras
import numpy as np

from .datasets.motion import ACTIONS, REVERSED_ACTION

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
