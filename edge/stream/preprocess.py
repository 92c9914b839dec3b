"""From a camera's frame to the encoder's input tensor, without a detour through float."""

import time
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from edge.bundle import TensorSpec
from edge.input_spec import CROP, Box, InputSpec, Resize, Size, centred
from edge.stream.quantise import quantise
from edge_common import EdgeError


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture with the number and the time it was captured under.

    pixels: uint8, shape (height, width, 3), BGR as OpenCV delivers it; or, of features, a vector
    float32 (F,).
    number: position in its source, counted from 0 over read *and* dropped frames.
    captured_at: `time.monotonic()` seconds when the picture arrived.
    restart: the first after a gap; no window reaches back over it.
    time_s: seconds on the source's own clock at which it was captured; None: unknown.
    gap_s: seconds that a live source gave no frame before it, if that was a gap; else 0.
    """

    pixels: np.ndarray
    number: int
    captured_at: float = field(default_factory=time.monotonic)
    restart: bool = False
    time_s: float | None = None
    gap_s: float = 0.0

    @property
    def moment_s(self) -> float:
        """When it was captured, in seconds: on its source's own clock, or as it arrived."""
        return self.captured_at if self.time_s is None else self.time_s


_COLOUR_CODES = {"RGB": cv2.COLOR_BGR2RGB, "GRAY": cv2.COLOR_BGR2GRAY}


@dataclass(frozen=True)
class Region:
    """Which part of a frame the network looks at: `full`, `square` or a box in pixels.

    aspect: of the centre of it that alone is looked at; None: all of it.
    """

    kind: str = "full"
    box: Box | None = None
    aspect: Size | None = None

    @classmethod
    def parse(cls, text: str) -> "Region":
        """Read `full`, `square` (the largest centred one) or `X,Y,WIDTH,HEIGHT`.

        Raises EdgeError if it is none of them.
        """
        if text in ("full", "square"):
            return cls(text)
        try:
            left, top, width, height = (int(number) for number in text.split(","))
        except ValueError:
            raise EdgeError(
                f"region '{text}' is not understood: use full, square or X,Y,WIDTH,HEIGHT in pixels"
            ) from None
        if min(left, top) < 0 or min(width, height) < 1:
            raise EdgeError(f"region '{text}' is empty or starts outside of the frame")
        return cls("box", (left, top, width, height))

    def __str__(self) -> str:
        """As `parse` reads it."""
        return self.kind if self.box is None else ",".join(map(str, self.box))

    def seen_by(self, size: Size, resize: Resize) -> "Region":
        """What of it comes to the input of a network with inputs of that size."""
        return replace(self, aspect=size) if resize.kind == CROP else self

    def locate(self, height: int, width: int) -> Box:
        """The box in a frame of this size. Raises EdgeError if it does not fit."""
        box = self.box or (0, 0, width, height)
        if box[0] + box[2] > width or box[1] + box[3] > height:
            raise EdgeError(f"region {box} does not fit into frames of {width} x {height}")
        if self.kind == "square":
            box = centred(box, (1, 1))
        return centred(box, self.aspect) if self.aspect else box


FULL = Region()


def input_box(
    spec: InputSpec, region: Region, height: int, width: int
) -> tuple[float, float, float, float]:
    """Where the whole input stands in a frame of that size: left, top, width and height, its pixels.

    With the borders of a letterbox, which may reach beyond the region.
    """
    left, top, wide, high = region.seen_by(spec.size, spec.resize).locate(height, width)
    inner = spec.resize.place((wide, high), spec.size)
    across, down = wide / inner[2], high / inner[3]
    return left - inner[0] * across, top - inner[1] * down, spec.width * across, spec.height * down


def quantisation_table(spec: InputSpec, tensor: TensorSpec) -> np.ndarray:
    """What each of the 256 pixel values becomes in `tensor`, of its dtype.

    Shape (256,); (1, 256, C) if each channel has a mean and a standard deviation of its own.
    """
    low, high = spec.value_range
    values = low + np.arange(256) * ((high - low) / 255.0)
    if spec.normalised:
        values = ((values[:, None] - np.array(spec.mean)) / np.array(spec.std))[None]
    return quantise(values, tensor)


class Resizer:
    """Bring regions of frames to the size of a network's input (bilinear), in one buffer: `pixels`."""

    def __init__(self, size: Size, resize: Resize = Resize()) -> None:
        self.size, self._resize = size, resize
        self.pixels = np.empty((size[1], size[0], 3), np.uint8)
        self._planned: tuple[tuple[int, ...], Region] | None = None

    def __call__(self, pixels: np.ndarray, region: Region = FULL) -> np.ndarray:
        """The region of `pixels` (uint8 (any H, any W, 3)) as uint8 (H, W, 3), until the next call.

        Raises EdgeError if `pixels` are of another form, or the region lies outside.
        """
        require_frame(pixels)
        if self._planned != (pixels.shape, region):
            self._plan(pixels.shape, region)
        part, inner = pixels[self._source], self._inner
        cv2.resize(part, self._inner_size, dst=inner, interpolation=cv2.INTER_LINEAR)
        return self.pixels

    def _plan(self, shape: tuple[int, ...], region: Region) -> None:
        """Where the pixels of such frames come from and go to, as long as none has another form."""
        source = region.seen_by(self.size, self._resize).locate(*shape[:2])
        target = self._resize.place(source[2:], self.size)
        self._source, self._inner_size = _slices(source), target[2:]
        self.pixels.fill(self._resize.padding)  # also where the last frames' pixels were
        self._inner = self.pixels[_slices(target)]
        self._planned = shape, region


class Preprocessor:
    """Crop, resize, order the colours and quantise one frame into a tensor.

    All buffers are made once. The quantisation is a table of 256 entries (or one a channel),
    so any scale, zero point, value range, mean and standard deviation costs the same.

    before: what is remembered of the frame before, if anything is: `Network` keeps it for each window.
    """

    before: np.ndarray | None = None

    def __init__(self, spec: InputSpec, tensor: TensorSpec) -> None:
        self._resize = Resizer(spec.size, spec.resize)
        self._code = _COLOUR_CODES.get(spec.colour_order)
        self._table = quantisation_table(spec, tensor)
        shape = (spec.height, spec.width, spec.channels)
        self._ordered = np.empty(shape[:2] if spec.channels == 1 else shape, np.uint8)

    def __call__(self, pixels: np.ndarray, out: np.ndarray, region: Region = FULL) -> None:
        """Write that region of `pixels` (uint8 BGR, any size) into `out` (H, W, C), in place.

        Raises EdgeError if `pixels` are of another form, or the region lies outside.
        """
        self.quantise(self.prepare(pixels, region), out)

    def prepare(self, pixels: np.ndarray, region: Region = FULL) -> np.ndarray:
        """That region as the network sees it, but uint8 (H, W) or (H, W, 3), until the next call.

        Raises EdgeError as the whole does.
        """
        resized = self._resize(pixels, region)
        if self._code is None:
            return resized
        return cv2.cvtColor(resized, self._code, dst=self._ordered)

    @property
    def resized(self) -> np.ndarray:
        """The newest region before its colours are ordered, uint8 BGR (H, W, 3), until the next call."""
        return self._resize.pixels

    def quantise(self, prepared: np.ndarray, out: np.ndarray) -> None:
        """Write what `prepare` gave into `out` (H, W, C), in place."""
        cv2.LUT(prepared, self._table, dst=out.reshape(prepared.shape))


def _slices(box: Box) -> tuple[slice, slice]:
    """Of an image's rows and columns."""
    left, top, width, height = box
    return slice(top, top + height), slice(left, left + width)


def require_frame(pixels: object) -> None:
    """Raise EdgeError if these are no pixels of a frame."""
    is_frame = (
        isinstance(pixels, np.ndarray)
        and pixels.dtype == np.uint8
        and pixels.ndim == 3
        and pixels.shape[2] == 3
        and pixels.size > 0
    )
    if not is_frame:
        form = f"{getattr(pixels, 'dtype', type(pixels))} {getattr(pixels, 'shape', '')}"
        raise EdgeError(f"a frame is uint8 (H, W, 3) BGR, not {form}: convert it first")
