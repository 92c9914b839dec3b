"""The annotated video."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2

from edge.sinks.draw import annotate
from edge.stream.decision import Decision
from edge.stream.preprocess import Frame
from edge_common.closing import Closing
from edge_common.errors import SinkError

_CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}


class VideoFileSink(Closing):
    """Frames with their decision drawn in, written under a hidden name until closed.

    rate_hz: frames a second of the video.  tasks: names, in the order of the panel.
    A frame before the first decision is written without one. Raises SinkError where
    the file cannot be written.
    """

    def __init__(self, path: str, rate_hz: float, tasks: Sequence[str]) -> None:
        self._path, self._tasks = Path(path), tasks
        self._rate_hz = rate_hz if 1.0 <= rate_hz <= 240.0 else 25.0  # streams may report anything
        self._frames = 0
        self._writer: cv2.VideoWriter | None = None
        self._latest: Decision | None = None
        suffix = self._path.suffix.lower()
        if suffix not in _CODECS:
            raise SinkError(f"{path}: a video's name ends in one of {', '.join(_CODECS)}")
        if self._path.is_dir():
            raise SinkError(f"{path} is a folder: give a file's name")
        if not self._path.parent.is_dir() or not os.access(self._path.parent, os.W_OK):
            raise SinkError(f"{path} cannot be written: its folder is missing or read-only")
        self._codec = cv2.VideoWriter.fourcc(*_CODECS[suffix])
        self._partial = self._path.with_name(f".{self._path.stem}.partial{suffix}")

    def take(self, frame: Frame, decision: Decision | None) -> None:
        self._latest = decision or self._latest
        picture = annotate(frame.pixels, self._latest, self._tasks)
        size = (picture.shape[1], picture.shape[0])
        if self._writer is None:
            self._size = size
            self._writer = cv2.VideoWriter(str(self._partial), self._codec, self._rate_hz, size)
            if not self._writer.isOpened():
                raise SinkError(f"{self._path}: this OpenCV cannot write such a video; try .avi")
        if size != self._size:  # a folder may hold pictures of several sizes
            picture = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(picture)
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
        written = cv2.VideoCapture(str(self._partial))
        count = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        return count >= self._frames
