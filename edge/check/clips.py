"""Clips for calibration and for measuring accuracy, read from disk.

Three forms: a folder of videos, a folder of frame folders, or an `.npz` with
`clips` (N, T, H, W, 3) uint8 RGB and, for labels, one array of N a task.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edge import sources
from edge.bundle import GivenInput
from edge.input_spec import InputSpec, Resize, Size
from edge.sources import Source, images, video
from edge.stream import Resizer, with_given
from edge_common import ClipError, SourceError, archives

VIDEO_SUFFIXES = frozenset(sources.VIDEO_SUFFIXES)
_CLIP_FRAMES = 16  # if the network takes any number
MAX_FRAMES = 128  # taken from one long recording, in windows spread over it


@dataclass(frozen=True)
class Clips:
    """Windows of frames with what is known of them.

    windows: uint8 RGB (N, T, H, W, 3); of vectors float32 (N, T, F).
    labels: for each task an array as long as `windows`; empty if unlabelled.
    skipped: videos and folders that gave no window.
    """

    name: str
    windows: np.ndarray
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    skipped: int = 0

    @property
    def short_name(self) -> str:
        """Without the folders that it stands in."""
        return Path(self.name).name

    def __len__(self) -> int:
        return len(self.windows)

    def sample(self, count: int, seed: int = 0) -> "Clips":
        """At most `count` clips, drawn over all of them, in their order."""
        return self if count >= len(self) else self._at(self._drawn(count, seed))

    def others(self, count: int, seed: int = 0) -> "Clips":
        """Those that `sample` leaves."""
        drawn = range(len(self)) if count >= len(self) else self._drawn(count, seed)
        return self._at(np.setdiff1d(np.arange(len(self)), drawn))

    def _drawn(self, count: int, seed: int) -> np.ndarray:
        return np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False))

    def _at(self, indices: np.ndarray | slice) -> "Clips":
        labels = {task: values[indices] for task, values in self.labels.items()}
        return Clips(self.name, self.windows[indices], labels, self.skipped)

    def halves(self) -> tuple["Clips", "Clips"]:
        """Every second clip, and the others."""
        return self._at(slice(0, None, 2)), self._at(slice(1, None, 2))


def read_clips(path: str | Path, window: int, size: Size, resize: Resize = Resize()) -> Clips:
    """Read clips of `window` frames, brought to `size` (width, height) as the runner does it.

    window: 0: of any number, the same for all. Raises ClipError if there are none, or the file
    does not hold the arrays that the format asks for.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, window or _CLIP_FRAMES, Resizer(size, resize))
    if path.suffix == ".npz" and path.is_file():
        return _read_npz(path, window, Resizer(size, resize))
    raise ClipError(
        f"there are no clips at {path}: give a folder of videos, of frame folders, or an .npz"
    )


def read_clips_for(
    path: str | Path, window: int, spec: InputSpec, inputs: Sequence[GivenInput] = ()
) -> Clips:
    """Clips of what frames are to a network: images, or vectors float32 (N, T, F) in an `.npz`.

    inputs: what it takes beside frames, of which the `.npz` holds an array (N, ...) each; they come with
    the windows. Raises ClipError as `read_clips`, and if vectors or inputs hold NaN or infinity.
    """
    return with_inputs(_read_frames_for(path, window, spec), inputs)


def with_inputs(clips: Clips, inputs: Sequence[GivenInput]) -> Clips:
    """With what is given beside each window, which stands among the labels. Raises ClipError."""
    side_values, labels = dict[str, np.ndarray](), dict(clips.labels)
    for each in inputs:
        values = labels.pop(each.name, None)
        if (
            values is None
            or values.size != len(clips) * each.size
            or values.dtype.kind not in "biuf"
        ):
            form = "none" if values is None else f"{values.dtype} {values.shape}"
            raise ClipError(
                f"{clips.name} holds {form} of '{each.name}', which the network takes beside frames: give an "
                f".npz with an array '{each.name}' of {each.size} a clip, ({len(clips)}, {each.size})"
            )
        if not np.isfinite(values).all():
            raise ClipError(
                f"{clips.name}: '{each.name}' holds NaN or infinity: leave those clips out"
            )
        side_values[each.name] = values.astype(np.float32).reshape(len(clips), *each.shape)
    return replace(clips, windows=with_given(clips.windows, side_values), labels=labels)


def _read_frames_for(path: str | Path, window: int, spec: InputSpec) -> Clips:
    if not spec.is_features:
        return read_clips(path, window, spec.size, spec.resize)
    path = Path(path)
    form = f"an .npz with an array 'clips' (N, {window}, {spec.width}) float32"
    if path.suffix != ".npz" or not path.is_file():
        raise ClipError(f"{path} holds no vectors, which the network looks at: give {form}")
    content = _arrays(path)
    clips = content.pop("clips", np.empty(0))
    if clips.ndim != 3 or clips.dtype.kind not in "fiu" or clips.shape[2] != spec.width:
        raise ClipError(
            f"{path} holds clips {clips.dtype} {clips.shape}, the network looks at {window} vectors of "
            f"{spec.width} numbers: give {form}"
        )
    _check_arrays(path, clips, content, window)
    bad = int((~np.isfinite(clips).all((1, 2))).sum())
    if bad:
        raise ClipError(
            f"{path}: {bad} of {len(clips)} clips hold NaN or infinity: leave them out, or put in what "
            "the network was trained with for missing values"
        )
    return _not_empty(Clips(str(path), clips.astype(np.float32), content))


def _read_npz(path: Path, window: int, resizer: Resizer) -> Clips:
    content = _arrays(path)
    clips = content.pop("clips", None)
    if clips is None or clips.ndim != 5 or clips.shape[-1] != 3 or clips.dtype != np.uint8:
        form = "none" if clips is None else f"{clips.dtype} {clips.shape}"
        raise ClipError(
            f"{path} needs an array 'clips', uint8 RGB of shape (N, T, H, W, 3), and holds {form}"
        )
    _check_arrays(path, clips, content, window)
    if clips.shape[3:1:-1] != resizer.size:
        clips = np.array([[resizer(frame).copy() for frame in clip] for clip in clips])
    return _not_empty(Clips(str(path), clips, content))


def _check_arrays(
    path: Path, clips: np.ndarray, labels: Mapping[str, np.ndarray], window: int
) -> None:
    """Raise ClipError if clips are of another length, or labels not as many or no numbers."""
    if clips.shape[1] != (window or clips.shape[1]):
        raise ClipError(
            f"{path} holds clips of {clips.shape[1]} frames, the network looks at {window}"
        )
    for task, values in labels.items():
        if values.ndim == 0 or len(values) != len(clips):
            count = values.size if values.ndim == 0 else len(values)
            raise ClipError(f"{path}: '{task}' has {count} labels for {len(clips)} clips")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ClipError(
                f"{path}: '{task}' holds NaN or infinity as a label: leave those clips out"
            )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return archives.read_arrays(path)
    except (ValueError, OSError) as error:
        raise ClipError(
            f"{path} is no readable .npz ({error}): write it with numpy.savez"
        ) from error


def _read_folder(path: Path, window: int, resizer: Resizer) -> Clips:
    windows: list[np.ndarray] = []
    skipped = 0
    if files := images.images_in(path):  # the folder is itself a folder of frames
        windows.extend(windows_of(images.ImageFiles(str(path), files), window, resizer))
    for entry in sorted(path.glob("[!.]*"), key=images.natural_key):
        if entry.suffix.lower() in VIDEO_SUFFIXES or entry.is_dir():
            entry_windows = _windows(entry, window, resizer)
            windows.extend(entry_windows)
            skipped += not entry_windows
    clips = Clips(str(path), np.asarray(windows), {}, skipped)
    return _not_empty(clips)


def _windows(entry: Path, window: int, resizer: Resizer) -> list[np.ndarray]:
    """The windows of a video or of a folder of frames; none of a broken one."""
    try:
        source: Source = (
            images.ImageFiles(str(entry), images.images_in(entry))
            if entry.is_dir()
            else video.VideoFile(str(entry))
        )
        return list(windows_of(source, window, resizer))
    except SourceError:
        return []


def windows_of(source: Source, window: int, resizer: Resizer) -> Iterator[np.ndarray]:
    """Windows of consecutive frames, spread over the recording."""
    most = max(1, MAX_FRAMES // window)
    with source:
        step = max(window, (source.total or 0) // most)
        frames: list[np.ndarray] = []
        for position, frame in enumerate(source):
            if frame.restart:  # a clip spans no gap either
                frames.clear()
            if position % step < window:
                frames.append(resizer(frame.pixels)[..., ::-1].copy())
            if len(frames) == window:
                yield np.stack(frames)
                frames.clear()


def _not_empty(clips: Clips) -> Clips:
    if not len(clips):
        raise ClipError(
            f"{clips.name} holds no clip that is long enough: add videos or frame folders"
        )
    return clips
