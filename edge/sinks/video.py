"""The sink `video:PATH`: frames with their decision drawn in."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2

from edge.sinks import RunInfo, draw
from edge.stream import Decision, Frame, Region
from edge_common import Closable, SinkError

_CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
_LOWEST_HZ, _HIGHEST_HZ, _USUAL_HZ = 1.0, 240.0, 25.0


def open_sink(target: str, run: RunInfo, *, rate: float = 0.0) -> "VideoFileSink":
    """rate: frames a second of the video; 0: as the source has. Raises SinkError, ValueError."""
    if rate and not _LOWEST_HZ <= rate <= _HIGHEST_HZ:
        raise ValueError(f"the option rate is {_LOWEST_HZ:g} to {_HIGHEST_HZ:g} frames a second")
    return VideoFileSink(target, rate or run.rate_hz, run.tasks, run.region)


class VideoFileSink(Closable):
    """A video that is written under a hidden name until closed.

    rate_hz: frames a second of the video.  tasks: names, in the order of the panel.
    region: what of each frame the network looks at; it is drawn.
    A frame before the first decision is written without one. Raises SinkError if
    the file cannot be written.
    """

    def __init__(
        self, path: str, rate_hz: float, tasks: Sequence[str], region: Region | None = None
    ) -> None:
        self._path, self._tasks, self._region = Path(path), tasks, region
        # streams may report anything
        self._rate_hz = rate_hz if _LOWEST_HZ <= rate_hz <= _HIGHEST_HZ else _USUAL_HZ
        self._frames = 0
        self._writer: cv2.VideoWriter | None = None
        self._latest: Sequence[Decision] = ()
        suffix = self._path.suffix.lower()
        if suffix not in _CODECS:
            raise SinkError(f"{path}: a video's name ends in one of {', '.join(_CODECS)}")
        if self._path.is_dir():
            raise SinkError(f"{path} is a folder: give a file's name")
        if not self._path.parent.is_dir() or not os.access(self._path.parent, os.W_OK):
            raise SinkError(f"{path} cannot be written: its folder is missing or read-only")
        self._codec = cv2.VideoWriter.fourcc(*_CODECS[suffix])
        self._partial = self._path.with_name(f".{self._path.stem}.partial{suffix}")

    def take(self, frame: Frame, decisions: Sequence[Decision]) -> None:
        self._latest = decisions or self._latest
        annotated = draw.annotate(frame.pixels, self._latest, self._tasks, self._region)
        size = (annotated.shape[1], annotated.shape[0])
        if self._writer is None:
            self._size = size
            self._writer = cv2.VideoWriter(str(self._partial), self._codec, self._rate_hz, size)
            if not self._writer.isOpened():
                raise SinkError(f"{self._path}: this OpenCV cannot write such a video; try .avi")
        if size != self._size:  # a folder may hold images of several sizes
            annotated = cv2.resize(annotated, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(annotated)
        self._frames += 1

    def close(self) -> None:
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        if not self._whole():
            self._partial.unlink(missing_ok=True)
            raise SinkError(f"{self._path} could not be written: is the disk full?")
        os.replace(self._partial, self._path)

    def _whole(self) -> bool:
        """OpenCV does not tell that a disk was full, so the file is asked."""
        video = cv2.VideoCapture(str(self._partial))
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 0
        video.release()
        return count >= self._frames
