"""Frames as the page shows them: drawn, of a size that a phone wants, and JPEG."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge import stream
from edge.sinks import draw, people
from edge.web.watch import Shot

if TYPE_CHECKING:
    from edge.privacy.faces import FaceSearch

_WIDEST, _NARROWEST = 960, 640  # pixels; what is narrower is enlarged, so that labels can be read
_QUALITY = 80


class PictureEncoder:
    """JPEG images of one source's frames.  tasks: names, as labels list them.  region: as in RunInfo.

    faces: finds those that are covered; None: they stay.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        region: stream.Region | None,
        faces: "FaceSearch | None" = None,
    ) -> None:
        self._tasks, self._region = tasks, region or stream.FULL
        self._cover = faces.cover() if faces else None
        self._newest: np.ndarray | None = None

    def encode(self, shot: Shot) -> bytes:
        """The one place where pixels leave for the page: faces are covered here. Raises EdgeError."""
        if self._cover:
            shot = replace(shot, frame=self._cover.frame(shot.frame, shot.view))
        self._newest = self._draw(shot, _resized(shot.frame.pixels))
        return _jpeg(self._newest)

    def encode_gap(self, gap_s: float) -> bytes:
        """The newest picture, dark, with the seconds since; b"" if there was none."""
        return b"" if self._newest is None else _jpeg(draw.darkened(self._newest, gap_s))

    def _draw(self, shot: Shot, image: np.ndarray) -> np.ndarray:
        """image: of the frame's pixels, of any size, that may be drawn into."""
        decisions = [decision for decision, _ in shot.answers.values()]
        decisions = decisions or ([shot.newest] if shot.newest else [])
        image = draw.draw_figures(image, decisions, image.shape[1] / shot.frame.pixels.shape[1])
        if shot.view is None:
            draw.draw_region(image, self._region, shot.frame.pixels)
            return image
        layer = people.PeopleLayer(self._tasks)
        layer.answers.by_track = shot.answers
        return layer.draw(image, shot.view, shot.frame)[: len(image)]


def _resized(pixels: np.ndarray) -> np.ndarray:
    """A copy."""
    height, width = pixels.shape[:2]
    across = min(max(width, _NARROWEST), _WIDEST)
    if across == width:
        return pixels.copy()
    size = across, max(1, round(height * across / width))
    how = cv2.INTER_AREA if across < width else cv2.INTER_CUBIC
    return cv2.resize(pixels, size, interpolation=how)


def _jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
