"""Descriptors of the one person that a source shows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.errors import GalleryError
from edge.people.gallery import Gallery, unit
from edge.sources import Source
from edge.stream import Stream


@dataclass(frozen=True)
class Enrolment:
    """descriptors: float32 (n, d), of windows that share no frame, each of length one.

    frames: how many were looked at.
    """

    descriptors: np.ndarray
    frames: int

    @property
    def likeness(self) -> float:
        """The least cosine of any two of them; 1 of a single one."""
        return (
            float((self.descriptors @ self.descriptors.T).min()) if len(self.descriptors) else 1.0
        )


def hop_for(window: int, total: int | None, most: int) -> int:
    """Frames between decisions, so that windows share none and spread over a recording."""
    return window if total is None else max(window, total // most)


def enrol(
    stream: Stream,
    source: Source,
    gallery: Gallery,
    *,
    most: int,
    max_frames: int | None = None,
    on_frame: Callable[[], None] = lambda: None,
) -> Enrolment:
    """Take at most `most` descriptors from a source, whose `stream` hops as `hop_for` says.

    Raises GalleryError where no window was full, and what the source raises.
    """
    found: list[np.ndarray] = []
    frames = 0
    for frame in source:
        decision = stream.push(frame)
        frames += 1
        on_frame()
        if decision is not None:
            found.append(decision.tasks[gallery.task].scores)
        if len(found) == most or frames == max_frames:
            break
    if not found:
        window = stream.bundle.manifest.window
        raise GalleryError(
            f"{source.name} gave {frames} frames, the network looks at {window} at a time: "
            "give a longer source, or more --frames"
        )
    return Enrolment(unit(np.stack(found)), frames)
