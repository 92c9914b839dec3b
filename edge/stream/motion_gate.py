"""Whether a frame shows anything new to a network, told before the network runs."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from edge.bundle import GateSpec

_STEPS = 8  # in a grey level; a mean difference above 255 / 8 counts as that


class MotionGate:
    """Compares frames with the last one that was encoded for the same window.

    Not with the last one that came: slow changes add up until they count.  still: how many of the
    newest frames share their features.  answers: of a window of nothing else.
    """

    def __init__(self, spec: GateSpec) -> None:
        self._spec = spec
        self.still = 0
        self.answers: list[np.ndarray] | None = None
        self._encoded: np.ndarray | None = None

    def is_unchanged(self, pixels: np.ndarray) -> bool:
        """Whether a prepared frame, uint8 (H, W) or (H, W, 3), shows what the encoded one did.

        If not, it becomes the one that others are compared with.
        """
        if self.difference(pixels) <= self._spec.threshold:
            self.still += 1
            return True
        if self._encoded is None:
            self._encoded, self._buffer = np.empty_like(pixels), np.empty_like(pixels)
        np.copyto(self._encoded, pixels)
        self.still, self.answers = 1, None
        return False

    def difference(self, pixels: np.ndarray) -> float:
        """The mean absolute difference of the block that differs most, in grey levels.

        Infinite if there is nothing to compare with.
        """
        if self._encoded is None:
            return math.inf
        block = self._spec.block
        steps = cv2.absdiff(pixels, self._encoded, dst=self._buffer)
        cv2.convertScaleAbs(steps, dst=steps, alpha=_STEPS)
        height, width = pixels.shape[:2]
        size = (max(1, width // block), max(1, height // block))
        blocks = cv2.resize(steps, size, interpolation=cv2.INTER_AREA)
        return cv2.norm(blocks, cv2.NORM_INF) / _STEPS

    def clear(self) -> None:
        """The next frame is compared with none, as at the start of another clip."""
        self.still, self.answers, self._encoded = 0, None, None


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
