"""Frames of which a network takes more than colours: alpha, differences and optical flow.

All planes are levels 0 to 255, as colours are, so that one table quantises them. Differences and flow
are of the frame and the one before it, at the size of the network's input; the first frame after
a restart has none. Flow is found by dense inverse search (T. Kroeger et al., 2016), OpenCV's DIS with its
preset ultrafast, and clipped at 20 pixels, the bound of dense_flow and of temporal segment networks.
"""

import cv2
import numpy as np

from edge.bundle import TensorSpec
from edge.input_spec import FLOW_PIXELS, FLOW_PLANES, InputSpec
from edge.stream.preprocess import FULL, Preprocessor, Region

_COLOURS = {"blue": 0, "green": 1, "red": 2}
_OPAQUE = 255  # cameras and videos have no alpha


class PlaneMaker:
    """Planes of one frame after the other.

    before: the grey frame before the next one, uint8 (H, W); None: there is none.
    """

    def __init__(self, spec: InputSpec) -> None:
        self.names = spec.planes
        self.before: np.ndarray | None = None
        self._flow = (
            cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
            if spec.has_flow
            else None
        )

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Of uint8 BGR (H, W, 3): uint8 (H, W, C)."""
        grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        before = grey if self.before is None else self.before
        planes = {name: pixels[..., index] for name, index in _COLOURS.items()}
        planes |= {"grey": grey, "alpha": np.full_like(grey, _OPAQUE)}
        if "difference" in self.names:
            planes["difference"] = cv2.absdiff(grey, before)
        if self._flow:
            flow = np.zeros((*grey.shape, 2), np.float32)
            if self.before is not None:
                flow = np.asarray(self._flow.calc(before, grey, flow))
            planes |= dict(zip(FLOW_PLANES, np.moveaxis(levels_of(flow), -1, 0)))
        self.before = grey
        return np.stack([planes[name] for name in self.names], axis=-1)


def levels_of(flow: np.ndarray) -> np.ndarray:
    """Motion in pixels as uint8, 0 of it as 128."""
    steps = np.rint((flow + FLOW_PIXELS) * (255 / (2 * FLOW_PIXELS)))
    return np.clip(steps, 0, 255).astype(np.uint8)


def clip_planes(windows_rgb: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Of recorded windows (N, T, H, W, 3) uint8 RGB, each of which begins anew: uint8 (N, T, H, W, C)."""
    planes = np.empty((*windows_rgb.shape[:-1], len(spec.planes)), np.uint8)
    for index, window in enumerate(windows_rgb):
        maker = PlaneMaker(spec)
        for t, frame in enumerate(window):
            planes[index, t] = maker(np.ascontiguousarray(frame[..., ::-1]))
    return planes


class PlaneInput(Preprocessor):
    """A `Preprocessor` for frames of several planes; `before` is the caller's to keep for each window."""

    def __init__(self, spec: InputSpec, tensor: TensorSpec) -> None:
        super().__init__(spec, tensor)
        self._planes = PlaneMaker(spec)

    def prepare(self, pixels: np.ndarray, region: Region = FULL) -> np.ndarray:
        """That region and what changed in it since the frame before: uint8 (H, W, C)."""
        self._planes.before = self.before
        planes = self._planes(self._resize(pixels, region))
        self.before = self._planes.before
        return planes
