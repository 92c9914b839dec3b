"""Swimmer clips, `ACTION_PERSON (k).avi`: who swims, and what does he do?

Of each clip two samplings are used together, as the thesis does: the first T frames
at stride 2, and T frames spread over the whole clip.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from edge.sources.images import natural_key
from edge.sources.video import VideoFile
from edge_common import ClipError, ConfigError
from edge_models.datasets import dataset, decoding, from_files, windows

ACTIONS = ("breaststroke", "drowning", "freestyle", "safe")
PEOPLE = ("person0", "person1", "person2", "person3")
STRIDE = 2
_NAME = re.compile(r"(\d+)_(\d+) ?\((\d+)\)\.avi", re.IGNORECASE)


@dataclass(frozen=True)
class SwimmersSection(from_files.FolderSection):
    """Swimmer clips; `people` is how many are told apart."""

    frame_rate_hz: float = 15.0  # 30 Hz at stride 2
    people: int = len(PEOPLE)

    def __post_init__(self) -> None:
        if self.people < 2:
            raise ConfigError(f"people is {self.people}: there must be 2 or more to tell apart")


def load(section: SwimmersSection, request: from_files.ClipRequest) -> dataset.DataSet:
    """Read a folder of swimmer clips.

    Raises:
        ClipError: the folder is missing, or holds too few clips that can be used.
        ConfigError: no folder is given, or the shares leave nothing to train on.
    """
    paths = sorted((p for p in section.folder().rglob("[!.]*") if p.is_file()), key=natural_key)
    items, skipped = from_files.parse_names(paths, lambda path: labels_in(path, section.people))
    people = tuple(f"person{number}" for number in range(section.people))
    tasks = (dataset.classification("reid", people), dataset.classification("action", ACTIONS))
    content = from_files.FolderContent(items, tasks, skipped)

    def read(path: Path) -> Iterator["decoding.ClipWindow | dataset.Skipped"]:
        return samplings(path, request.window, request.size)

    return from_files.data_set(
        "swimmers", content, read, request, section, "swimmer clips", "swimmers"
    )


def labels_in(path: Path, people: int = len(PEOPLE)) -> tuple[float, float]:
    """Person and action. Raises ValueError if the name tells no such thing."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError("the name is not ACTION_PERSON (k).avi")
    action, person = int(match[1]), int(match[2])
    if action >= len(ACTIONS):
        raise ValueError(f"action {action} is not 0 to {len(ACTIONS) - 1}")
    if person >= people:
        raise ValueError(f"person {person} is not 0 to {people - 1}")
    return float(person), float(action)


def samplings(
    path: Path, window: int, size: int
) -> Iterator["decoding.ClipWindow | dataset.Skipped"]:
    """Both samplings of a clip: uint8 RGB (window, size, size, 3).

    Raises:
        SourceError: it is no video.
        ClipError: it is shorter than a window.
    """
    with VideoFile(str(path)) as video:
        frames = windows.frames_of(
            video, lambda pixels: cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
        )
    if len(frames) < window:
        raise ClipError(f"{len(frames)} frames, a window has {window}")
    sampling = windows.Sampling(stride=STRIDE)
    if strided := windows.positions("strided", len(frames), window, sampling):
        yield decoding.ClipWindow(frames[strided[0]])
    else:
        reason = f"{len(frames)} frames are too few for {window} at stride {STRIDE}"
        yield dataset.Skipped(f"{path.name}, first frames", reason)
    (spread,) = windows.positions("spread", len(frames), window, sampling)
    yield decoding.ClipWindow(frames[spread])
