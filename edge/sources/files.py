"""Recorded pictures: a video file, a folder or a list of images. No frame is dropped."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.sources.base import CountingSource
from edge.stream.preprocess import Frame
from edge_common.errors import SourceError

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)


class VideoFile(CountingSource):
    """All frames of a recorded video (a path or a URL), as fast as they are asked for.

    capture: what was opened there already, if anything was. Raises SourceError where
    it is no video, or holds no readable frame.
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

    def __iter__(self) -> Iterator[Frame]:
        pixels, number = self._first, 0
        while pixels is not None:
            yield Frame(pixels, number)
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


class ImageFiles(CountingSource):
    """Pictures in the given order; one that cannot be read is skipped and counted.

    Raises SourceError where there is none, or none of them can be read.
    """

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        super().__init__(name)
        self._paths = list(paths)
        self.total = len(self._paths)
        if not self._paths:
            raise SourceError(f"{name} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")

    def __iter__(self) -> Iterator[Frame]:
        for number, path in enumerate(self._paths):
            pixels = read_image(path)
            if pixels is None:
                self.skipped += 1
            else:
                yield Frame(pixels, number)
        if self.skipped == len(self._paths):
            raise SourceError(f"none of the {self.skipped} images of {self.name} can be read")


def images_in(folder: Path) -> list[Path]:
    """The images of a folder in the order of their names, numbers counted as numbers."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(found, key=natural_key)


def natural_key(path: Path) -> list[tuple[int, str]]:
    """A sort key under which `frame_9` comes before `frame_10`."""
    groups: list[str] = []
    for character in path.name:
        if groups and groups[-1][-1].isdigit() == character.isdigit():
            groups[-1] += character
        else:
            groups.append(character)
    return [(int(g), "") if g.isdecimal() else (-1, g) for g in groups]


def read_image(path: Path) -> np.ndarray | None:
    """A picture as uint8 BGR (H, W, 3), or None where it is not one."""
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError:
        return None
    try:
        return cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error:  # empty, or larger than OpenCV takes
        return None
