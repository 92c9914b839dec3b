"""The last T features, given out oldest first."""

import numpy as np


class Ring:
    """T slots, overwritten in turn; nothing is moved but into the head's own input."""

    def __init__(self, window: int, shape: tuple[int, ...], dtype: str) -> None:
        self._window = window
        self._slots = np.zeros((window, *shape), dtype)
        self._count = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, *shape of a feature)."""
        return self._slots.shape

    @property
    def full(self) -> bool:
        return self._count >= self._window

    @property
    def slot(self) -> np.ndarray:
        """Where the next feature is to be written, before `advance`: the oldest one's place."""
        slot: np.ndarray = self._slots[self._count % self._window]
        return slot

    def advance(self) -> None:
        """Take what stands in `slot` as the newest feature."""
        self._count += 1

    @property
    def newest(self) -> np.ndarray:
        """The newest feature."""
        newest: np.ndarray = self._slots[(self._count - 1) % self._window]
        return newest

    def copy_to(self, out: np.ndarray) -> None:
        """Write the newest T features, oldest first, into `out` (T, *shape).

        Raises ValueError if there are not yet T.
        """
        if not self.full:
            raise ValueError(f"the ring holds {self._count} of {self._window} features")
        oldest = self._count % self._window
        behind = self._window - oldest
        np.copyto(out[:behind], self._slots[oldest:])
        np.copyto(out[behind:], self._slots[:oldest])

    def clear(self) -> None:
        """Forget all features, as at the start of another clip."""
        self._count = 0
