"""A world of boxes that a scene looks at, and a clock that only its networks move."""

from collections.abc import Mapping, Sequence

import numpy as np

from edge.bundle import Bundle, DetectionSpec
from edge.detector import Detections
from edge.scene import Scene, SceneOptions, SceneView
from edge.stream import Frame, Network, Region, StreamOptions, Window
from edge.tracks import TrackOptions
from tests import tiny

WIDTH, HEIGHT, RATE_HZ = 320, 240, 25.0
AT_ONCE = TrackOptions(confirm_boxes=1)
Boxes = Sequence[Sequence[float]]


def box(number: int, x: float = 0.0) -> list[float]:
    """Of one of up to eleven people who stand side by side, none near another."""
    return [28 * number + 4 + x, 100, 28 * number + 24 + x, 160]


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class ScriptedDetector:
    """Finds the boxes of the next list each time; the last list again and again."""

    def __init__(self, boxes: Sequence[Boxes], clock: FakeClock, cost_ms: float = 0.0) -> None:
        self._boxes, self._clock, self._cost_ms = list(boxes), clock, cost_ms
        self.passes, self.spec = 0, DetectionSpec()

    def find(self, pixels: np.ndarray) -> Detections:
        self._clock.now_s += self._cost_ms / 1e3
        rows = self._boxes[min(self.passes, len(self._boxes) - 1)]
        self.passes += 1
        return Detections(
            np.array(rows, np.float32).reshape(-1, 4), np.full(len(rows), 0.9, np.float32)
        )


class CostlyNetwork(Network):
    """Each encoder call takes so long on the fake clock. windows: who got one, in order."""

    def __init__(self, bundle: Bundle, clock: FakeClock, cost_ms: float) -> None:
        super().__init__(bundle, StreamOptions())
        self._clock, self._cost_ms = clock, cost_ms
        self.crops: list[tuple[int | None, Region]] = []

    def encode(
        self, pixels: np.ndarray, region: Region, window: Window, number: int | None = None
    ) -> tuple[int, int]:
        self._clock.now_s += self._cost_ms / 1e3
        self.crops.append((number, region))
        return super().encode(pixels, region, window, number)


def frame(number: int, restart: bool = False, seed: int = 0) -> Frame:
    """Smooth pixels that differ from frame to frame."""
    pixels = tiny.frames(1, HEIGHT, WIDTH, seed=1000 * seed + number)[0]
    return Frame(pixels, number, 100 + number / RATE_HZ, restart, number / RATE_HZ)


class World:
    """A scene of the tiny network on scripted boxes. busy_ms: fake milliseconds of each frame."""

    def __init__(
        self,
        bundle: Bundle,
        boxes: Sequence[Boxes],
        *,
        encoder_ms: float = 1.0,
        detector_ms: float = 0.0,
        **options: object,
    ) -> None:
        self.clock = FakeClock()
        self.detector = ScriptedDetector(boxes, self.clock, detector_ms)
        self.network = CostlyNetwork(bundle, self.clock, encoder_ms)
        settings = SceneOptions(**{"tracks": AT_ONCE, "rate_hz": 0.0, **options})
        self.scene = Scene(bundle, self.detector, settings, network=self.network, clock=self.clock)
        self.busy_ms: list[float] = []

    def push(self, shown: Frame) -> SceneView:
        before_s = self.clock.now_s
        view = self.scene.push(shown)
        self.busy_ms.append((self.clock.now_s - before_s) * 1e3)
        return view

    def run(self, frames: int, first: int = 0) -> list[SceneView]:
        return [self.push(frame(number)) for number in range(first, first + frames)]


def decided(views: Sequence[SceneView]) -> Mapping[int, list[int]]:
    """The numbers of the frames that each track was decided on."""
    result: dict[int, list[int]] = {}
    for view in views:
        for decision in view.decisions:
            result.setdefault(decision.track.number, []).append(decision.frame)
    return result
