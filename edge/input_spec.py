"""How frames become a network's input: what a bundle states of it, and what its user says of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_common import ConfigError

STRETCH, LETTERBOX, CROP = "stretch", "letterbox", "crop"
RESIZE_KINDS = (STRETCH, LETTERBOX, CROP)
Size = tuple[int, int]  # width, height
Box = tuple[int, int, int, int]  # left, top, width, height
PIXELS = (0.0, 255.0)
NO_COLOURS = "none"
IMAGES, FEATURES = "images", "features"  # kinds of frames
FLOW_PLANES = ("flow_x", "flow_y")
PLANES = ("red", "green", "blue", "grey", "alpha", "difference", *FLOW_PLANES)
FLOW_PIXELS = 20.0  # of motion, at the ends of a flow plane's levels
SMALLEST_FLOW = 12  # pixels a side that OpenCV finds optical flow in
_USUAL_PLANES = {
    ("grey",): "GRAY",
    ("red", "green", "blue"): "RGB",
    ("blue", "green", "red"): "BGR",
}


WIDEST = 3.0  # times as wide as high, or as high as wide, that a network's frames are


def is_usual_form(height: int, width: int) -> bool:
    """Whether images of that size are no stripes."""
    return max(height, width) <= WIDEST * min(height, width)


def centred(box: Box, aspect: Size) -> Box:
    """The largest box of that aspect in the middle of another; what is odd is left at the end."""
    left, top, width, height = box
    across, down = aspect
    inner_width = min(width, max(1, round(height * across / down)))
    inner_height = min(height, max(1, round(width * down / across)))
    return (
        left + (width - inner_width) // 2,
        top + (height - inner_height) // 2,
        inner_width,
        inner_height,
    )


@dataclass(frozen=True)
class Resize:
    """How a frame of another aspect comes to the input's size.

    kind: `stretch` changes its aspect; `letterbox` keeps it, and adds borders of `padding`;
    `crop` keeps it, and cuts off what protrudes, the same on both sides.
    padding: level of a letterbox's borders, 0 (black) to 255, in all channels.
    """

    kind: str = STRETCH
    padding: int = 0

    @classmethod
    def parse(cls, text: str) -> "Resize":
        """Read `stretch`, `letterbox`, `letterbox:LEVEL` or `crop`. Raises ConfigError."""
        kind, colon, level = text.partition(":")
        resize = cls(kind, int(level) if level.isascii() and level.isdigit() else -bool(colon))
        if resize.problem or (colon and kind != LETTERBOX):
            raise ConfigError(
                f"'{text}' is no way to resize: use stretch, letterbox, letterbox:LEVEL "
                "with a level from 0 to 255, or crop"
            )
        return resize

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.kind}:{self.padding}" if self.padding else self.kind

    @property
    def problem(self) -> str:
        """What is wrong with it; empty: nothing."""
        if self.kind not in RESIZE_KINDS:
            return f"resize kind '{self.kind}'"
        return "" if 0 <= self.padding <= 255 else f"a padding of {self.padding}"

    def place(self, aspect: Size, size: Size) -> Box:
        """Where in an input of that size a frame of that aspect stands."""
        whole = (0, 0, *size)
        return centred(whole, aspect) if self.kind == LETTERBOX else whole


@dataclass(frozen=True)
class InputSpec:
    """The picture that the network was trained on, or the vector.

    kind: `features` if frames are vectors of `width` numbers, which are taken as they are; then
    height and channels are 1, and there are no colours.
    value_range: the real values that pixel 0 and pixel 255 stand for.
    mean, std: what is then taken off, and what that is divided by: a number a channel, in
    `colour_order`; empty: nothing.
    planes: what each channel is, some of PLANES, if they are not colours in an order; else empty.
    """

    height: int
    width: int
    channels: int = 3
    colour_order: str = "RGB"
    value_range: tuple[float, float] = PIXELS
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: Resize = Resize()
    kind: str = IMAGES
    planes: tuple[str, ...] = ()

    @classmethod
    def of_features(cls, width: int) -> "InputSpec":
        """Of frames that are vectors of so many numbers."""
        return cls(1, width, 1, NO_COLOURS, kind=FEATURES)

    @property
    def is_features(self) -> bool:
        """Whether frames are vectors, and no images."""
        return self.kind == FEATURES

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Of a frame as the network takes it: (H, W, C), or (F,)."""
        return (self.width,) if self.is_features else (self.height, self.width, self.channels)

    @property
    def size(self) -> Size:
        return self.width, self.height

    @property
    def normalised(self) -> bool:
        """Whether each channel has a mean and a standard deviation of its own."""
        return bool(self.mean)

    @property
    def is_prepared(self) -> bool:
        """Whether it states more than a size, colours and a range."""
        return self.normalised or self.resize != Resize()

    @property
    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest real value that any channel can have."""
        low, high = self.value_range
        if not self.normalised:
            return low, high
        ends = [(x - mean) / std for x in (low, high) for mean, std in zip(self.mean, self.std)]
        return min(ends), max(ends)

    @property
    def values(self) -> str:
        """What the pixels' levels become, in words."""
        low, high = self.value_range
        if not self.normalised:
            return f"{low:g}..{high:g}"
        return f"({low:g}..{high:g} - {_listed(self.mean)}) / {_listed(self.std)}"

    @property
    def preparation(self) -> str:
        """How pixels become the input, in words."""
        if self.is_features:
            return "features, taken as they are"
        resize = f", {self.resize}" if self.resize != Resize() else ""
        if not self.planes:
            return f"{self.colour_order}, {self.values}{resize}"
        flow = f", flow of {FLOW_PIXELS:g} pixels at most, by OpenCV's DIS ultrafast"
        return (
            f"planes {' '.join(self.planes)}, {self.values}{resize}{flow if self.has_flow else ''}"
        )

    @property
    def has_flow(self) -> bool:
        """Whether a plane is optical flow."""
        return not {*FLOW_PLANES}.isdisjoint(self.planes)


@dataclass(frozen=True)
class InputOptions:
    """What a user says of how frames become the input of a network.

    value_range: the real values of pixel 0 and 255.  mean, std: of these values, one or one a
    channel, in the network's order of channels.  colour_order: of three channels, RGB or BGR.
    planes: what each channel is, some of PLANES; (): grey or colours.
    """

    value_range: tuple[float, float] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    colour_order: str | None = None
    resize: Resize = Resize()
    planes: tuple[str, ...] = ()

    @property
    def states_values(self) -> bool:
        return bool(self.value_range or self.mean or self.std)

    def spec(self, height: int, width: int, channels: int) -> InputSpec:
        """For frames of that form; pixels are 0 to 255 if nothing is said of them.

        Raises ConfigError if what is said does not fit them.
        """
        if self.planes and self.colour_order:
            raise ConfigError("--planes says the order of the colours: leave out --colour-order")
        if channels == 1 and self.colour_order:
            raise ConfigError("the network takes grey frames: leave out --colour-order")
        colours = "GRAY" if channels == 1 else self.colour_order or "RGB"
        planes = self.planes
        if planes in _USUAL_PLANES:
            colours, planes = _USUAL_PLANES[planes], ()
        elif planes:
            colours = NO_COLOURS
        if len(planes) not in (0, channels):
            raise ConfigError(f"{len(planes)} planes are named, and the network takes {channels}")
        if problem := flow_problem(planes, height, width):
            raise ConfigError(problem)
        mean, std = self._normalisation(channels)
        value_range = self.value_range or PIXELS
        if value_range[0] == value_range[1]:
            raise ConfigError(
                f"black and white are both {value_range[0]:g} by that input range: give two values "
                "that differ"
            )
        return InputSpec(
            height, width, channels, colours, value_range, mean, std, self.resize, planes=planes
        )

    def _normalisation(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """A mean and a std for each channel, or none."""
        if not (self.mean or self.std):
            return (), ()
        mean, std = self.mean or (0.0,), self.std or (1.0,)
        for name, values in (("mean", mean), ("std", std)):
            if len(values) not in (1, channels) or not all(map(math.isfinite, values)):
                raise ConfigError(f"a {name} of {_listed(values)} does not fit {channels} channels")
        if not all(std):
            raise ConfigError("a std of 0 divides by nothing: give another one")
        if self.value_range is None and all(0 < each < 1 for each in (*mean, *std)):
            raise ConfigError(
                "--mean and --std are of pixels from 0 to 255; "
                "if yours are of values from 0 to 1, say --input-range 0 1 as well"
            )
        return mean * (channels // len(mean)), std * (channels // len(std))


def flow_problem(planes: Sequence[str], height: int, width: int) -> str:
    """Why these planes cannot be made of frames; empty: they can."""
    if any(planes.count(name) > 1 for name in FLOW_PLANES):
        return (
            "flow of several pairs of frames stacked in the channels is not made: flow_x and flow_y can "
            "be taken once for each frame of a window"
        )
    if not {*FLOW_PLANES}.isdisjoint(planes) and min(height, width) < SMALLEST_FLOW:
        return f"frames of {height}x{width} are too small for optical flow: {SMALLEST_FLOW} pixels a side"
    return ""


def _listed(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values) if len({*values}) > 1 else f"{values[0]:g}"
