"""From a camera's frame to the encoder's input tensor, without a detour through float."""

import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from edge.bundle import InputSpec, TensorSpec
from edge.stream.quantise import quantise
from edge_common import EdgeError


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture with the number and the time it was captured under.

    pixels: uint8, shape (height, width, 3), BGR as OpenCV delivers it.
    number: position in its source, counted from 0 over read *and* dropped frames.
    captured_at: `time.monotonic()` seconds when the picture arrived.
    restart: the first after a gap; no window reaches back over it.
    """

    pixels: np.ndarray
    number: int
    captured_at: float = field(default_factory=time.monotonic)
    restart: bool = False


_COLOUR_CODES = {"RGB": cv2.COLOR_BGR2RGB, "BGR": None, "GRAY": cv2.COLOR_BGR2GRAY}


@dataclass(frozen=True)
class Region:
    """Which part of a frame the network looks at: `full`, `square` or a box in pixels."""

    kind: str = "full"
    box: tuple[int, int, int, int] | None = None  # left, top, width, height

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

    def locate(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The box (left, top, width, height) in a frame of this size."""
        if self.kind == "square":
            side = min(height, width)
            return (width - side) // 2, (height - side) // 2, side, side
        if self.box is None:
            return 0, 0, width, height
        left, top, box_width, box_height = self.box
        if left + box_width > width or top + box_height > height:
            raise EdgeError(f"region {self.box} does not fit into frames of {width} x {height}")
        return self.box


FULL = Region()


def quantisation_table(spec: InputSpec, tensor: TensorSpec) -> np.ndarray:
    """What each of the 256 pixel values becomes in `tensor`, of its dtype.

    Shape (256,); (1, 256, C) if each channel has a mean and a standard deviation of its own.
    """
    low, high = spec.value_range
    values = low + np.arange(256) * ((high - low) / 255.0)
    if spec.normalised:
        values = ((values[:, None] - np.array(spec.mean)) / np.array(spec.std))[None]
    return quantise(values, tensor)


class Preprocessor:
    """Crop, resize (bilinear), order the colours and quantise one frame into a tensor.

    All buffers are made once. The quantisation is a table of 256 entries (or one a channel),
    so any scale, zero point, value range, mean and standard deviation costs the same.
    """

    def __init__(self, spec: InputSpec, tensor: TensorSpec) -> None:
        self._size = (spec.width, spec.height)
        self._code = _COLOUR_CODES[spec.colour_order]
        self._table = quantisation_table(spec, tensor)
        self._resized = np.empty((spec.height, spec.width, 3), np.uint8)
        shape = (spec.height, spec.width, spec.channels)
        self._ordered = np.empty(shape[:2] if spec.channels == 1 else shape, np.uint8)

    def __call__(self, pixels: np.ndarray, out: np.ndarray, region: Region = FULL) -> None:
        """Write that region of `pixels` (uint8 BGR, any size) into `out` (H, W, C), in place.

        Raises EdgeError if `pixels` are of another form, or the region lies outside.
        """
        if not _is_frame(pixels):
            form = f"{getattr(pixels, 'dtype', type(pixels))} {getattr(pixels, 'shape', '')}"
            raise EdgeError(f"a frame is uint8 (H, W, 3) BGR, not {form}: convert it first")
        left, top, width, height = region.locate(*pixels.shape[:2])
        crop = pixels[top : top + height, left : left + width]
        cv2.resize(crop, self._size, dst=self._resized, interpolation=cv2.INTER_LINEAR)
        ordered: np.ndarray = self._resized
        if self._code is not None:
            ordered = cv2.cvtColor(self._resized, self._code, dst=self._ordered)
        cv2.LUT(ordered, self._table, dst=out.reshape(ordered.shape))


def _is_frame(pixels: object) -> bool:
    return (
        isinstance(pixels, np.ndarray)
        and pixels.dtype == np.uint8
        and pixels.ndim == 3
        and pixels.shape[2] == 3
        and pixels.size > 0
    )
