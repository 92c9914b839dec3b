"""Windows of frames out of a clip: consecutive, with a stride, or spread over all of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.check.clips import MAX_FRAMES, windows_of
from edge.sources import Source, images, video
from edge.stream import Frame, Resizer
from edge_common import ClipError, ConfigError, nearest_or_all
from edge_models.datasets import decoding

SAMPLINGS = ("consecutive", "strided", "spread")
PADS = {"last": "their last frame", "spread": "repeating frames"}
MOST_FRAMES = 9000  # five minutes at 30 Hz: a clip is shorter, a video would fill the memory


@dataclass(frozen=True)
class Sampling:
    """Which windows a clip gives.

    Attributes:
        kinds: of `SAMPLINGS`.
        stride: frames from one of a strided window to the next.
        windows_a_clip: at most so many of a kind, from the clip's first frame to its last, or
            one in its middle; 0: one behind the other, of 128 frames at most. Of those spread
            over the clip there is one.
        pad: of a clip that is shorter than a window, "last" repeats the last frame, "spread"
            all of them evenly; "": it gives none.
    """

    kinds: tuple[str, ...] = ("consecutive",)
    stride: int = 2
    windows_a_clip: int = 0
    pad: str = ""

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in SAMPLINGS:
                raise ConfigError(f"data.sampling names {kind!r}{nearest_or_all(kind, SAMPLINGS)}")
        if self.stride < 1:
            raise ConfigError(f"data.stride is {self.stride}: it must be 1 or more")
        if self.pad not in ("", *PADS):
            raise ConfigError(f"data.pad is {self.pad!r}{nearest_or_all(self.pad, PADS)}")

    def __str__(self) -> str:
        kinds = [f"strided by {self.stride}" if kind == "strided" else kind for kind in self.kinds]
        padded = f", short clips padded by {PADS[self.pad]}" if self.pad else ""
        return f"{' and '.join(kinds)} windows{padded}"


def windows_in(
    path: Path, window: int, size: int, sampling: Sampling = Sampling()
) -> Iterator[decoding.ClipWindow]:
    """Windows of a video or of a folder of frames, uint8 RGB (window, size, size, 3).

    Raises:
        SourceError: it is neither.
        ClipError: it is shorter than a window, or frames are missing in it.
    """
    source = (
        images.ImageFiles(path.name, images.images_in(path))
        if path.is_dir()
        else video.VideoFile(str(path))
    )
    is_empty = True
    for result in _windows(source, window, size, sampling):
        is_empty = False
        yield result
    if is_empty:
        raise ClipError(f"shorter than a window of {window} frames")


def _windows(
    source: Source, window: int, size: int, sampling: Sampling
) -> Iterator[decoding.ClipWindow]:
    resizer, rate_hz = Resizer((size, size)), source.rate_hz
    if sampling == Sampling():  # of a recording of any length
        for pixels in windows_of(source, window, resizer):
            yield decoding.ClipWindow(pixels, rate_hz)
        return
    with source:
        frames = frames_of(_without_gaps(source), resizer)
    for kind in sampling.kinds:
        for index in positions(kind, len(frames), window, sampling):
            yield decoding.ClipWindow(frames[index], rate_hz * _rate_factor(index))


def frames_of(frames: Iterable[Frame], resize: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """All of a clip, uint8 RGB (N, H, W, 3). Raises ClipError if there are too many."""
    resized: list[np.ndarray] = []
    for frame in frames:
        if len(resized) == MOST_FRAMES:
            raise ClipError(f"longer than {MOST_FRAMES} frames: cut it into clips")
        resized.append(resize(frame.pixels)[..., ::-1].copy())
    return np.stack(resized)


def _without_gaps(source: Source) -> Iterator[Frame]:
    for number, frame in enumerate(source):
        if frame.restart and number:
            raise ClipError(f"frames are missing before frame {frame.number}")
        yield frame


def positions(kind: str, frames: int, window: int, sampling: Sampling) -> list[np.ndarray]:
    """The frames of each window of a clip of so many: int64 (window,), ascending."""
    step = sampling.stride if kind == "strided" else 1
    steps = step * np.arange(window)
    span = int(steps[-1]) + 1
    if frames < span and not sampling.pad:
        return []
    if frames < span and sampling.pad == "last":
        return [np.minimum(steps, frames - 1)]
    if frames < span or kind == "spread":
        return [np.linspace(0, frames - 1, window).round().astype(np.int64)]
    return [start + steps for start in _starts(frames, span, sampling.windows_a_clip)]


def _starts(frames: int, span: int, count: int) -> np.ndarray:
    if count == 1:
        return np.array([(frames - span) // 2])
    if count:
        return np.unique(np.linspace(0, frames - span, count).round().astype(np.int64))
    most = max(1, MAX_FRAMES // span)
    return np.arange(0, frames - span + 1, max(span, frames // most))


def _rate_factor(index: np.ndarray) -> float:
    """A window's frames a second by the clip's; frames that only pad it do not count."""
    frames = np.unique(index)
    return float((len(frames) - 1) / (frames[-1] - frames[0])) if len(frames) > 1 else 1.0
