"""Clips for calibration and for measuring accuracy, read from disk.

Three forms: a folder of videos, a folder of frame folders, or an `.npz` with
`clips` (N, T, H, W, 3) uint8 RGB and, for labels, one array of N a task.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from edge.errors import ClipError, SourceError
from edge.sources.files import ImageFiles, VideoFile, images_in, natural_key

_VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm"})
_MAX_WINDOWS = 8  # windows taken from one long recording


@dataclass(frozen=True)
class Clips:
    """Windows of frames with what is known of them.

    windows: uint8 RGB (T, H, W, 3) each; H and W may differ from clip to clip.
    labels: for each task an array as long as `windows`; empty where unlabelled.
    """

    name: str
    windows: tuple[np.ndarray, ...] | np.ndarray
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.windows)

    def sample(self, count: int, seed: int = 0) -> "Clips":
        """At most `count` clips, drawn over all of them, in their order."""
        if count >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False))
        labels = {task: values[chosen] for task, values in self.labels.items()}
        return Clips(self.name, tuple(self.windows[i] for i in chosen), labels, self.skipped)


def read_clips(path: str | Path, window: int) -> Clips:
    """Read clips of `window` frames.

    Raises ClipError where there are none, or the file does not hold the arrays
    that the format asks for.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, window)
    if path.suffix == ".npz" and path.is_file():
        return _read_npz(path, window)
    raise ClipError(
        f"there are no clips at {path}: give a folder of videos, of frame folders, or an .npz"
    )


def _read_npz(path: Path, window: int) -> Clips:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ClipError(
            f"{path} is no readable .npz ({error}): write it with numpy.savez"
        ) from error
    clips = content.pop("clips", None)
    if clips is None or clips.ndim != 5 or clips.shape[-1] != 3 or clips.dtype != np.uint8:
        raise ClipError(f"{path} needs an array 'clips' (N, T, H, W, 3) of uint8 RGB")
    if clips.shape[1] != window:
        raise ClipError(
            f"{path} holds clips of {clips.shape[1]} frames, the network looks at {window}"
        )
    for task, values in content.items():
        if len(values) != len(clips):
            raise ClipError(f"{path}: '{task}' has {len(values)} labels for {len(clips)} clips")
    return _not_empty(Clips(str(path), clips, content))


def _read_folder(path: Path, window: int) -> Clips:
    windows: list[np.ndarray] = []
    skipped = 0
    for entry in sorted(path.iterdir(), key=natural_key):
        is_video = entry.suffix.lower() in _VIDEO_SUFFIXES
        if not is_video and not entry.is_dir():
            continue
        found = list(islice(_windows(entry, window), _MAX_WINDOWS))
        windows.extend(found)
        skipped += not found
    return _not_empty(Clips(str(path), tuple(windows), {}, skipped))


def _windows(entry: Path, window: int) -> Iterator[np.ndarray]:
    """Windows of consecutive frames that do not overlap; none from what cannot be read."""
    frames: list[np.ndarray] = []
    try:
        source = ImageFiles(str(entry), images_in(entry)) if entry.is_dir() else VideoFile(entry)
        with source:
            for frame in source:
                frames.append(frame.pixels[..., ::-1])
                if len(frames) == window:
                    yield np.stack(frames)
                    frames.clear()
    except SourceError:
        return


def _not_empty(clips: Clips) -> Clips:
    if not len(clips):
        raise ClipError(
            f"{clips.name} holds no clip that is long enough: add videos or frame folders"
        )
    return clips
