import numpy as np
import pytest

from edge.stream import Stream
from edge_benchmarks.measure.subjects import StreamSubject
from edge_benchmarks.measure.timing import FrameTiming
from edge_benchmarks.scenarios.soak_loop import (
    ERRORS_ON_END,
    LEAK,
    NO_LEAK,
    UNCLEAR,
    Growth,
    SoakPlan,
    SoakResult,
    growth,
    measure_soak,
    sen_slope,
)
from edge_common.data import decode, encode
from edge_common.errors import EngineError
from edge_devices.telemetry import Sample
from tests import tiny
from tests.benchmarks.fakes import FakeClock, FakeSubject, numbered

WARMUP = 1  # the frame that fills the window


def run(clock: FakeClock, subject: FakeSubject, plan: SoakPlan, **options: object) -> SoakResult:
    def sleep(seconds: float) -> None:
        clock.pass_ms(seconds * 1e3)

    options = {"rss_bytes": lambda: 1000, "clock": clock, "sleep": sleep} | options
    return measure_soak(subject, numbered(3), plan, **options)


class Fails(FakeSubject):
    """An engine that fails at the given frames, in no time."""

    def __init__(self, clock: FakeClock, at: range | set[int]) -> None:
        super().__init__(clock, [10.0])
        self._at = at

    def step(self, pixels) -> FrameTiming | None:
        if len(self.frames) in self._at:
            self.frames.append(-1)
            raise EngineError(f"failed at frame {len(self.frames) - 1}")
        return super().step(pixels)


def test_flat_out_an_interval_at_a_time() -> None:
    clock, told = FakeClock(), []
    found = run(
        clock, FakeSubject(clock, [10.0]), SoakPlan(1.0, 0.4, warmup=0), on_interval=told.append
    )
    assert [(i.until_s, i.frames) for i in found.intervals] == [(0.4, 40), (0.8, 40), (1.0, 20)]
    assert {(i.errors, i.missed, i.rss_bytes) for i in told} == {(0, 0, 1000)}
    assert found.intervals[0].latency_ms.p99 == 10.0
    assert tuple(told) == found.intervals
    assert found.complete


def test_at_a_rate_the_loop_waits_for_each_frame() -> None:
    clock = FakeClock()
    found = run(clock, FakeSubject(clock, [10.0]), SoakPlan(1.0, 0.5, 20.0, warmup=0))
    assert [(i.frames, i.missed) for i in found.intervals] == [
        (11, 0),
        (10, 0),
    ]  # at 0, 50 ... 1000 ms


def test_a_slow_frame_is_overtaken_by_newer_ones() -> None:
    clock = FakeClock()
    subject = FakeSubject(clock, [1.0] * WARMUP + [120.0, 10.0])  # frames of 0, 100, 150 ... ms
    found = run(clock, subject, SoakPlan(0.29, 1.0, 20.0, warmup=0))
    assert [(i.until_s, i.frames, i.missed) for i in found.intervals] == [(0.31, 6, 1)]
    assert found.intervals[0].latency_ms.max == 120.0


def test_errors_are_counted_and_survived() -> None:
    clock = FakeClock()
    found = run(clock, Fails(clock, {3, 4, 7}), SoakPlan(0.1, 1.0, warmup=0))
    assert (found.errors, found.last_error, found.complete) == (3, "failed at frame 7", True)
    assert [(i.frames, i.latency_ms.n) for i in found.intervals] == [(13, 10)]


def test_an_engine_that_only_fails_ends_the_soak() -> None:
    clock = FakeClock()
    found = run(clock, Fails(clock, range(3, 10**6)), SoakPlan(3600.0, warmup=0))
    assert (found.errors, found.complete) == (ERRORS_ON_END, False)


def test_ctrl_c_keeps_what_the_last_interval_had() -> None:
    clock = FakeClock()

    class Interrupted(FakeSubject):
        def step(self, pixels) -> FrameTiming | None:
            if len(self.frames) == WARMUP + 55:
                raise KeyboardInterrupt
            return super().step(pixels)

    found = run(clock, Interrupted(clock, [10.0]), SoakPlan(3600.0, 0.4, warmup=0))
    assert [i.frames for i in found.intervals] == [40, 15]
    assert not found.complete


def test_telemetry_is_read_once_an_interval() -> None:
    clock = FakeClock()
    degrees = iter([50.0, 60.0])

    def telemetry() -> Sample:
        return Sample(clock.now_ns / 1e9, next(degrees), None, None, None)

    subject = FakeSubject(clock, [10.0])
    found = run(clock, subject, SoakPlan(0.8, 0.4, warmup=0), telemetry=telemetry)
    assert [i.telemetry.temperature_c for i in found.intervals] == [50.0, 60.0]
    assert decode(SoakResult, encode(found)) == found


def test_memory_that_grows_with_the_frames_is_a_leak() -> None:
    clock = FakeClock()
    subject = FakeSubject(clock, [10_000.0])
    plan = SoakPlan(3600.0, 60.0, warmup=0)
    found = run(clock, subject, plan, rss_bytes=lambda: 10**8 + 6000 * len(subject.frames))
    assert found.memory.verdict == LEAK
    assert found.memory.kb_per_h == pytest.approx(2160.0)  # 6 kB each 10 s


def test_a_real_bundle(tiny_bundle) -> None:
    subject = StreamSubject(Stream(tiny_bundle))
    found = measure_soak(subject, list(tiny.frames(5)), SoakPlan(0.05, 0.02, 500.0, warmup=1))
    assert found.complete and not found.errors
    assert sum(i.frames for i in found.intervals) > 0
    assert found.intervals[-1].rss_bytes > 10e6
    assert found.memory == Growth()


HOUR_S = np.arange(0.0, 3600.0, 60.0)


@pytest.mark.parametrize(
    ("rss_kb", "verdict"),
    [
        (100_000 + HOUR_S, LEAK),  # 3600 kB an hour
        (100_000 + HOUR_S / 10, NO_LEAK),  # 360
        (100_000 + 0 * HOUR_S, NO_LEAK),
        (100_000 + 5000 * (HOUR_S > 600), NO_LEAK),  # a pool, filled once
        (100_000 + 5000 * (HOUR_S > 1900), UNCLEAR),  # a late step may be the first of many
        (100_000 - HOUR_S, NO_LEAK),
    ],
)
def test_a_leak_is_growth_that_goes_on(rss_kb: np.ndarray, verdict: str) -> None:
    assert growth(HOUR_S, rss_kb * 1e3).verdict == verdict


def test_no_verdict_before_a_leak_could_have_shown() -> None:
    assert growth(HOUR_S / 20, np.full(60, 10**8)).verdict == UNCLEAR  # in 3 minutes
    assert growth(HOUR_S[:9], np.full(9, 10**8)) == Growth()


def test_the_start_is_left_out() -> None:
    rss = np.full(60, 1e8)
    rss[:6] = np.linspace(1e7, 1e8, 6)
    assert growth(HOUR_S, rss) == Growth(0.0, (0.0, 0.0), NO_LEAK)


def test_sen_slope_is_that_of_a_library() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(5)
    x = np.arange(40.0)
    y = 0.3 * x + rng.standard_t(2, 40)
    expected = stats.theilslopes(y, x, 0.95)
    slope, interval = sen_slope(x, y)
    assert slope == pytest.approx(expected[0])
    assert interval == pytest.approx((expected[2], expected[3]))
