from collections.abc import Iterator

import pytest

from edge.sources import Source
from edge.stream import Decision, Frame, Stream
from edge_benchmarks.measure.timing import Plan
from edge_benchmarks.scenarios.base import Interruptible
from edge_benchmarks.scenarios.camera import CameraResult
from edge_benchmarks.scenarios.timed_stream import (
    LiveLog,
    PacedCamera,
    Schedule,
    measure_camera,
)
from edge_common.data import decode, encode
from tests import tiny
from tests.benchmarks.fakes import FakeClock, numbered


def paced(clock: FakeClock, count: int) -> PacedCamera:
    """50 frames a second of a time in which only sleeping passes."""
    return PacedCamera(numbered(3), 50.0, count, clock, lambda s: clock.pass_ms(s * 1e3))


class TakesTime:
    """A stream that takes 5 ms a frame."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def decisions(self, frame: Frame) -> list[Decision]:
        self._clock.pass_ms(5.0)
        return [Decision(frame.number, 0.0, 0.0, {"encoder": 3.5, "head": 1.0}, {})]


class Script(Source):
    """Delivers the given frames of a camera when they are due; the others were dropped."""

    def __init__(self, camera: PacedCamera, numbers: list[int], interrupted: bool = False) -> None:
        super().__init__("script")
        self._camera, self._numbers, self._interrupted = camera, numbers, interrupted

    def __iter__(self) -> Iterator[Frame]:
        taken = -1
        for number in self._numbers:
            self._camera.schedule.wait(number)
            self.dropped += number - taken - 1
            taken = number
            yield Frame(numbered(1)[0], number)
        if self._interrupted:
            raise KeyboardInterrupt


def watched(numbers: list[int], interrupted: bool = False) -> CameraResult:
    clock = FakeClock()
    camera = paced(clock, 5)
    log = LiveLog(camera, clock)
    with Interruptible() as run:
        log.watch(TakesTime(clock), Script(camera, numbers, interrupted))
    return log.figures(20.0, run.complete)


def test_points_in_time_do_not_drift() -> None:
    clock = FakeClock()
    clock.pass_ms(1000.0)
    schedule = Schedule(30.0, clock, lambda s: clock.pass_ms(s * 1e3 + 2.0))  # sleeps too long
    late = [schedule.wait(number) for number in (1, 2, 3)]
    assert late == pytest.approx([2.0, 2.0, 2.0], abs=1e-5)
    assert clock.now_ns == pytest.approx(1_102_000_000, abs=2)
    assert schedule.newest() == 3


def test_a_paced_camera_is_on_time_and_catches_up() -> None:
    clock = FakeClock()
    camera = paced(clock, 5)
    camera.read(1.0)
    camera.read(1.0)
    clock.pass_ms(50.0)  # 70 ms: the pictures of 40 and of 60 ms are late
    pictures = [camera.read(1.0) for _ in range(3)]
    assert [int(pixels) for pixels in pictures if pixels is not None] == [2, 0, 1]
    assert camera.lateness_ms == [0.0, 0.0, 30.0, 10.0, 0.0]
    assert clock.now_ns == 80_000_000
    assert camera.read(1.0) is None


def test_figures_of_a_run() -> None:
    found = watched([0, 1, 3, 4])
    assert found.age_ms == (5.0, 5.0, 5.0)  # of the frames 1, 3 and 4
    assert found.latency_ms == (4.5, 4.5, 4.5)
    assert found.stages_ms == {"encoder": (3.5, 3.5, 3.5), "head": (1.0, 1.0, 1.0)}
    assert found.decided_ms == (25.0, 65.0, 85.0)
    assert (found.taken, found.dropped, found.complete) == (4, 1, True)
    assert list(found.intervals_ms) == [40.0, 20.0]
    assert found.jitter_ms == 10.0
    assert found.missed_share == 0.25  # the dropped one of the frames 1 to 4


def test_age_counts_from_when_a_frame_was_due() -> None:
    clock = FakeClock()
    camera = paced(clock, 2)
    camera.read(1.0)
    clock.pass_ms(50.0)
    log = LiveLog(camera, clock)
    log.watch(TakesTime(clock), Script(camera, [1]))
    found = log.figures(34.9, True)
    assert found.age_ms == (35.0,)  # due at 20 ms, decided on at 55 ms
    assert found.missed_share == 1.0


def test_ctrl_c_keeps_the_decisions_so_far() -> None:
    found = watched([0, 1, 2], interrupted=True)
    assert (found.age_ms, found.taken, found.complete) == ((5.0, 5.0), 3, False)


def test_a_late_generator_makes_a_run_invalid() -> None:
    on_time, late = (0.0,) * 98, (2.1, 7.0)  # 2 ms are a tenth of the period
    found = CameraResult(50.0, 20.0, lateness_ms=on_time + late)
    assert found.late_share == 0.02
    assert found.invalid_because.startswith("the generator was late with 2.0% of its frames")
    assert CameraResult(50.0, 20.0, lateness_ms=on_time + late[:1] + (2.0,)).invalid_because == ""


def test_nothing_measured_has_no_figures() -> None:
    empty = CameraResult(50.0, 20.0, complete=False)
    assert (empty.jitter_ms, empty.missed_share, empty.invalid_because) == (None, None, "")


def test_the_live_path_of_a_real_bundle(tiny_bundle) -> None:
    plan = Plan(frames=20, seconds=0.001, warmup=1)
    found = measure_camera(Stream(tiny_bundle), list(tiny.frames(5)), plan, 400.0)
    assert found.complete and found.deadline_ms == 2.5
    assert len(found.lateness_ms) == found.taken + found.dropped == 21
    assert found.taken - 1 <= len(found.age_ms) == len(found.decided_ms) <= found.taken
    assert list(found.stages_ms) == ["preprocess", "encoder", "head"]
    assert min(found.age_ms) > 0
    assert decode(CameraResult, encode(found)) == found


def test_ctrl_c_stops_the_live_path(tiny_bundle) -> None:
    seen = []

    def interrupt() -> None:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt

    plan = Plan(frames=1000, seconds=0.001, warmup=0)
    found = measure_camera(
        Stream(tiny_bundle), list(tiny.frames(5)), plan, 1000.0, on_frame=interrupt
    )
    assert not found.complete
    assert found.taken == 3
