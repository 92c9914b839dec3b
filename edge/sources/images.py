"""The source `images:PATH`: one image, or those of a folder or a glob, in order."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge import sources, stream
from edge_common import SourceError

_LOWEST_HZ, _HIGHEST_HZ = 1e-6, 1e6


def open_source(
    target: str, needs: sources.FrameNeeds = sources.WHOLE, *, rate: float = 0.0
) -> sources.Source:
    """rate: frames a second that the images were taken at, if it is known.

    Videos take the place of images if there are none. Raises SourceError if there are neither.
    """
    if rate and not _LOWEST_HZ <= rate <= _HIGHEST_HZ:
        raise ValueError(f"the option rate is {_LOWEST_HZ:g} to {_HIGHEST_HZ:g} frames a second")
    paths = _paths(target)
    if paths and all(map(_is_video, paths)):
        from edge.sources.recordings import VideoFiles

        return VideoFiles(target, paths)
    source = ImageFiles(target, paths)
    source.rate_hz = rate
    return source


def _paths(target: str) -> list[Path]:
    path = Path(target)
    if path.is_dir():
        return images_in(path) or sorted(filter(_is_video, path.iterdir()), key=natural_key)
    if path.is_file():
        return [path]
    matches = sorted(map(Path, glob.glob(target)), key=natural_key)
    if not matches:
        raise SourceError(f"no file matches {target}: quote the pattern and check its folder")
    return matches


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in sources.VIDEO_SUFFIXES


class ImageFiles(sources.Source):
    """Images in the given order; one that cannot be read is counted, and the window begins again.

    Raises SourceError if there is none, or none of them can be read.
    """

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        super().__init__(name)
        self._paths = list(paths)
        self.total = len(self._paths)
        if not self._paths:
            raise SourceError(
                f"{name} holds no images ({', '.join(sorted(sources.IMAGE_SUFFIXES))})"
            )

    def __iter__(self) -> Iterator[stream.Frame]:
        lost = False
        for number, path in enumerate(self._paths):
            pixels = read_image(path)
            if pixels is None:
                self.skipped += 1
            else:
                time_s = number / self.rate_hz if self.rate_hz else None
                yield stream.Frame(pixels, number, restart=lost, time_s=time_s)
            lost = pixels is None
        if self.skipped == len(self._paths):
            raise SourceError(
                f"none of the {self.skipped} images of {self.name} can be read: "
                "they are damaged, of another kind, or larger than 134 megapixels"
            )


def images_in(folder: Path) -> list[Path]:
    """The images of a folder in the order of their names, numbers counted as numbers."""
    images = (path for path in folder.iterdir() if path.suffix.lower() in sources.IMAGE_SUFFIXES)
    return sorted(images, key=natural_key)


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
    """An image as uint8 BGR (H, W, 3), or None if it is not one."""
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError:
        return None
    try:
        return cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error:  # empty, or larger than OpenCV takes
        return None
