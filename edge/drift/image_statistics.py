"""A few numbers that say how an image was taken: how bright, how sharp, how colourful."""

import math
from dataclasses import astuple, dataclass

import cv2
import numpy as np

_LARGEST_SIDE = 128  # pixels; larger images are halved until they are smaller
_COLOUR_SIDE = 32


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """Of one image.

    luminance: mean of its grey levels, 0 to 255 (BT.601).  contrast: their standard deviation.
    sharpness: log2 of 1 + the variance of the Laplacian (J. L. Pech-Pacheco et al., Diatom
    autofocusing in brightfield microscopy, 2000), so that a step is a factor.
    saturation: mean difference between the highest and the lowest of a pixel's colours, 0 to 255.
    """

    luminance: float
    contrast: float
    sharpness: float
    saturation: float

    @property
    def values(self) -> np.ndarray:
        """float64 (4,), in the order of the fields."""
        return np.array(astuple(self))


class ImageSampler:
    """Takes statistics of a frame now and then, as frames change no faster than that tells.

    every_s: seconds of the frames' clock from one to the next.
    """

    def __init__(self, every_s: float = 0.5) -> None:
        self._every_s, self._taken_s = every_s, math.nan
        self._newest: ImageStatistics | None = None

    def look(self, pixels: np.ndarray, moment_s: float) -> None:
        """At uint8 BGR (H, W, 3)."""
        if not 0 <= moment_s - self._taken_s < self._every_s:
            self._taken_s, self._newest = moment_s, image_statistics(pixels)

    def take(self) -> ImageStatistics | None:
        """What came since this was last asked."""
        newest, self._newest = self._newest, None
        return newest


def image_statistics(pixels: np.ndarray) -> ImageStatistics:
    """Of uint8 BGR (H, W, 3); the same image in another size has others."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    while max(grey.shape) > _LARGEST_SIDE and min(grey.shape) > 1:
        half = (grey.shape[1] // 2, grey.shape[0] // 2)
        grey = cv2.resize(grey, half, interpolation=cv2.INTER_AREA)
    mean, deviation = cv2.meanStdDev(grey)
    _, edges = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    step = max(1, max(pixels.shape[:2]) // _COLOUR_SIDE)
    blue, green, red = cv2.split(np.ascontiguousarray(pixels[::step, ::step]))
    highest = cv2.max(cv2.max(blue, green), red)
    lowest = cv2.min(cv2.min(blue, green), red)
    return ImageStatistics(
        float(mean[0, 0]),
        float(deviation[0, 0]),
        float(np.log2(1.0 + edges[0, 0] ** 2)),
        float(cv2.mean(cv2.subtract(highest, lowest))[0]),
    )
