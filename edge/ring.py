"""The last T features, always readable oldest first without a copy."""

import numpy as np


class Ring:
    """A mirrored ring buffer of T slots.

    Each feature is written twice, T slots apart, so that the newest T are one
    contiguous view wherever the ring stands (the "virtual ring buffer" layout,
    without the memory mapping).
    """

    def __init__(self, window: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._window = window
        self._slots = np.zeros((2 * window, *shape), dtype)
        self._count = 0

    @property
    def full(self) -> bool:
        return self._count >= self._window

    @property
    def slot(self) -> np.ndarray:
        """Where the next feature is to be written, before `advance`."""
        return self._slots[self._count % self._window]

    def advance(self) -> None:
        """Take what stands in `slot` as the newest feature."""
        index = self._count % self._window
        self._slots[index + self._window] = self._slots[index]
        self._count += 1

    def view(self) -> np.ndarray:
        """The newest T features, oldest first: a view of shape (T, *shape)."""
        if not self.full:
            raise ValueError(f"the ring holds {self._count} of {self._window} features")
        oldest = self._count % self._window
        return self._slots[oldest : oldest + self._window]

    def clear(self) -> None:
        """Forget all features, as at the start of another clip."""
        self._count = 0
