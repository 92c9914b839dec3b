"""The source `video:PATH`: a recorded video, of which no frame is dropped."""

from collections.abc import Iterator
from pathlib import Path

import cv2

from edge import sources, stream
from edge_common import SourceError


def open_source(target: str) -> "VideoFile":
    """Raises SourceError if it is not there, or not a video."""
    if not Path(target).is_file():
        raise SourceError(
            f"there is no source {target}: give a video, an image folder, a glob or a URL"
        )
    return VideoFile(target)


class VideoFile(sources.Source):
    """All frames of a recorded video (a path or a URL), as fast as they are asked for.

    capture: what was opened there already, if anything was. Raises SourceError if
    it is not a video, or holds no readable frame.
    """

    def __init__(self, uri: str, capture: cv2.VideoCapture | None = None) -> None:
        super().__init__(uri)
        self._capture = cv2.VideoCapture(uri) if capture is None else capture
        readable, self._first = self._capture.read()
        if not readable:
            self._capture.release()
            raise SourceError(f"{uri} holds no readable frame: it is no video, or cut short")
        self.rate_hz = max(self._capture.get(cv2.CAP_PROP_FPS), 0.0)
        self.total = frame_count(self._capture)

    def __iter__(self) -> Iterator[stream.Frame]:
        pixels, number = self._first, 0
        while pixels is not None:
            yield stream.Frame(pixels, number)
            number += 1
            readable, pixels = self._capture.read()
            if not readable:
                return

    def close(self) -> None:
        self._capture.release()


def frame_count(capture: cv2.VideoCapture) -> int | None:
    """How many frames a recording holds; None for a stream, which has no end."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if count > 0 else None
