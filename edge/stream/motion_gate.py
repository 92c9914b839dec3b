"""Whether a frame shows anything new to a network, told before the network runs."""

from collections import deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from edge.bundle import GateSpec

_STEPS = 8  # in a grey level; a mean difference above 255 / 8 counts as that


class MotionGate:
    """Says for which frames a window has a feature already, and need not be encoded.

    A frame is compared with one that was encoded, not with the one before: slow changes add up
    until they count. What shows the same shares a *still*. A window first gets features of a still
    of its own for all its T frames, each with its own noise, as without a gate; from then on
    these serve for the frames that come. A flash between two frames of a still does not end it.

    length: T.  answers: to a window of one still.
    """

    def __init__(self, spec: GateSpec, length: int) -> None:
        self._spec, self._length = spec, length
        self._stills: deque[int] = deque(maxlen=length)  # of the features, the oldest first
        # of the newest still, and the one before
        self._references: list[tuple[int, np.ndarray]] = []
        self._count = 0
        self._buffer: np.ndarray | None = None
        self.answers: list[np.ndarray] | None = None

    @property
    def is_still(self) -> bool:
        """Whether all features of a full window are of one still."""
        return self._stills.count(self._stills[-1]) == self._length if self._stills else False

    def reuses_oldest(self, pixels: np.ndarray) -> bool:
        """Whether the window's oldest feature serves for this frame, too; else it is to be encoded.

        pixels: prepared, uint8 (H, W) or (H, W, 3).
        """
        still = self._still_of(pixels)
        is_full = len(self._stills) == self._length
        serves = is_full and self._stills[0] == still
        self._stills.append(still)
        if not serves:
            self.answers = None
        return serves

    def _still_of(self, pixels: np.ndarray) -> int:
        """The number of that which it shows; a new one if it is of none of both."""
        for still, reference in self._references:
            if self._difference(pixels, reference) <= self._spec.threshold:
                self._references.sort(key=lambda each: each[0] != still)
                return still
        unused = self._references.pop()[1] if self._references[1:] else np.empty_like(pixels)
        np.copyto(unused, pixels)
        self._count += 1
        self._references.insert(0, (self._count, unused))
        return self._count

    def _difference(self, pixels: np.ndarray, reference: np.ndarray) -> float:
        """The mean absolute difference of the block that differs most, in grey levels."""
        block = self._spec.block
        steps = self._buffer = cv2.absdiff(pixels, reference, dst=self._buffer)
        cv2.convertScaleAbs(steps, dst=steps, alpha=_STEPS)
        height, width = pixels.shape[:2]
        size = (max(1, width // block), max(1, height // block))
        blocks = cv2.resize(steps, size, interpolation=cv2.INTER_AREA)
        return cv2.norm(blocks, cv2.NORM_INF) / _STEPS

    def clear(self) -> None:
        """Nothing is known, as at the start of another clip."""
        self._stills.clear()
        self._references.clear()
        self.answers = None


@dataclass(frozen=True)
class CallsSaved:
    """Of a part with this role: how many passes ran, and how many gates saved."""

    role: str
    calls: int
    saved: int

    @property
    def share(self) -> float:
        return self.saved / max(1, self.calls + self.saved)

    def to_json(self) -> dict[str, Any]:
        return {"calls": self.calls, "saved": self.saved, "share": round(self.share, 4)}
