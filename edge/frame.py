"""One picture on its way from a source to the sinks."""

import time
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture with the number and the time it was captured under.

    pixels: uint8, shape (height, width, 3), BGR as OpenCV delivers it.
    number: position in its source, counted from 0 over read *and* dropped frames.
    captured_at: `time.monotonic()` seconds when the picture arrived.
    restart: the first after a gap; no window reaches back over it.
    """

    pixels: np.ndarray
    number: int
    captured_at: float = field(default_factory=time.monotonic)
    restart: bool = False
