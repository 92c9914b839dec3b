"""The frames that fix the ranges of an int8 network, as the network takes them."""

import hashlib
from functools import cached_property

import cv2
import numpy as np

from edge.bundle import Calibration, InputSpec, TensorSpec
from edge.check.clips import Clips
from edge.stream.given import given_beside, with_given
from edge.stream.planes import clip_planes
from edge.stream.preprocess import quantisation_table
from edge_common import ClipError

MIN_FRAMES = 16
MAX_FRAMES = 128  # ranges settle long before; each frame costs time in the calibrator


def refuse_unusable(windows: np.ndarray, name: str) -> None:
    """Raise ClipError if the frames are too few or all the same."""
    frames = windows.reshape(-1, *windows.shape[2:])
    if len(frames) < MIN_FRAMES:
        raise ClipError(
            f"{name} holds {len(frames)} frames; at least {MIN_FRAMES} are needed to calibrate"
        )
    if (frames == frames[0]).all():
        raise ClipError(
            f"all frames of {name} are the same: calibrate with clips like those of real use"
        )


def as_network_input(frames_rgb: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Pixels uint8 RGB (..., 3) as the float32 values that the network was trained on.

    Vectors are these values.
    """
    if spec.is_features:
        return frames_rgb
    if spec.planes:
        single = frames_rgb.ndim == 4  # each a window of its own
        planes = clip_planes(frames_rgb[:, None] if single else frames_rgb, spec)
        return _scaled(planes[:, 0] if single else planes, spec)
    pixels = frames_rgb[..., ::-1] if spec.colour_order == "BGR" else frames_rgb
    if spec.channels == 1:
        flat = frames_rgb.reshape(-1, *frames_rgb.shape[-3:])
        grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in flat])
        pixels = grey.reshape(*frames_rgb.shape[:-1], 1)
    return _scaled(pixels, spec)


def _scaled(pixels: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Levels uint8 (..., H, W, C) as real values."""
    table = quantisation_table(spec, TensorSpec("", (), "float32"))
    rows = np.ascontiguousarray(pixels).reshape(-1, *pixels.shape[-2:])
    return np.asarray(cv2.LUT(rows, table)).reshape(pixels.shape)


def windows_as_network_input(windows_rgb: np.ndarray, spec: InputSpec) -> np.ndarray:
    """As `as_network_input`, with what is given beside each window."""
    values = as_network_input(np.asarray(windows_rgb), spec)
    return with_given(values, given_beside(windows_rgb))


class NetworkInput:
    """Windows (N, T, H, W, 3) uint8 RGB, turned into real input when they are asked for."""

    def __init__(self, windows: np.ndarray, spec: InputSpec) -> None:
        self._windows, self._spec = windows, spec

    def __len__(self) -> int:
        return len(self._windows)

    @cached_property
    def fingerprint(self) -> str:
        """Of the pixels, and of what becomes of them."""
        digest = hashlib.sha256(np.ascontiguousarray(self._windows).data)
        for values in given_beside(self._windows).values():
            digest.update(np.ascontiguousarray(values).data)
        return f"{digest.hexdigest()} {self._windows.shape} {self._spec}"

    def __getitem__(self, windows: slice) -> np.ndarray:
        """Real input (n, T, H, W, C) float32, with what is given beside."""
        return windows_as_network_input(self._windows[windows], self._spec)


_CROPPED = 0.9  # of height and width
_DARKEST = 0.8
_MOVED = 0.1  # of the spread of a feature


def seen_anew(windows: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Windows (N, T, ...) as if taken again, from a little nearer and in less light.

    What a network was trained on it decides by far, also if it has learnt it by heart; of copies that it
    never saw it is as sure as of anything new. Each window has a cut and a light of its own. Of vectors,
    each feature of a window is moved by a tenth of its spread.
    """
    draw, side_values = np.random.default_rng(0), given_beside(windows)
    frames = np.asarray(windows)
    if spec.is_features:
        spread = frames.std(axis=(0, 1), dtype=np.float64)
        offsets = draw.normal(0.0, _MOVED, (len(frames), 1, *frames.shape[2:])) * spread
        return with_given((frames + offsets).astype(frames.dtype), side_values)
    return with_given(np.stack([_taken_again(each, draw) for each in frames]), side_values)


def _taken_again(window: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """uint8 (T, H, W, 3)."""
    height, width = window.shape[1:3]
    rows, columns = (max(round(_CROPPED * size), 1) for size in (height, width))
    top, left = draw.integers(0, (height - rows + 1, width - columns + 1))
    light = draw.uniform(_DARKEST, 1.0)
    near = window[:, top : top + rows, left : left + columns]
    whole = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in near]
    return np.rint(np.stack(whole) * light).astype(np.uint8)


def unlike_windows(windows: np.ndarray, count: int) -> np.ndarray:
    """So many windows, the first one of unlike frames, with what is given beside each."""
    unlike = np.stack([windows[(7 * t) % len(windows), t] for t in range(windows.shape[1])])
    some = np.stack([unlike, *windows[: count - 1]])
    rows = np.arange(-1, count - 1)[: len(some)]
    return with_given(some, {name: each[rows] for name, each in given_beside(windows).items()})


def spread_indices(count: int, most: int) -> np.ndarray:
    """Indices of so many of a count, from the first to the last: ascending, each once."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def frame_examples(windows: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Single frames spread over all windows: float32 (n, H, W, C), 128 at most."""
    frames = windows.reshape(-1, *windows.shape[2:])
    indices = spread_indices(len(frames), MAX_FRAMES)
    if spec.planes:  # which are also of the frame before
        planes = clip_planes(windows, spec)
        return _scaled(planes.reshape(-1, *planes.shape[2:])[indices], spec)
    return as_network_input(frames[indices], spec)


def extremes(values: np.ndarray, spec: InputSpec) -> tuple[float, float]:
    """The lowest and the highest input: of images by what they state, of vectors by these."""
    if not spec.is_features:
        return spec.extremes
    return float(values.min()), float(values.max())


def describe(clips: Clips, windows: np.ndarray) -> Calibration:
    """What goes into the manifest, with a fingerprint of the pixels."""
    digest = hashlib.sha256(np.ascontiguousarray(windows).data).hexdigest()
    name = clips.name.rstrip("/").rsplit("/", 1)[-1]
    return Calibration(name, len(windows), windows.shape[0] * windows.shape[1], digest)
