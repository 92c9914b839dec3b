"""A part is held to its target; one that is slower by itself keeps its own time."""

import pytest
from hypothesis import given, strategies as st

from edge.emulated import LatencyThrottle


class Hands:
    """A clock whose sleeps come back late, as real ones do, and whose looks take a microsecond."""

    def __init__(self, oversleep_s: float = 0.0) -> None:
        self.now, self.slept, self._oversleep_s = 100.0, 0.0, oversleep_s

    def clock(self) -> float:
        self.now += 1e-6
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += seconds + self._oversleep_s


def _paced(target_ms: float, work_ms: float, hands: Hands) -> tuple[LatencyThrottle, float]:
    throttle = LatencyThrottle(target_ms, clock=hands.clock, sleep=hands.sleep)
    started = throttle.start()
    hands.now += work_ms / 1e3
    throttle.finish(started)
    return throttle, (hands.now - started) * 1e3


@given(target_ms=st.floats(0.05, 500), share=st.floats(0, 0.99), oversleep_us=st.floats(0, 250))
def test_the_target_is_met_within_a_few_looks_at_the_clock(
    target_ms: float, share: float, oversleep_us: float
) -> None:
    throttle, took_ms = _paced(target_ms, share * target_ms, Hands(oversleep_us * 1e-6))
    assert took_ms == pytest.approx(target_ms, abs=0.006)
    assert (throttle.invocations, throttle.late) == (1, 0)


def test_what_takes_longer_by_itself_is_late_and_not_held() -> None:
    hands = Hands()
    throttle, took_ms = _paced(3.0, 4.5, hands)
    assert took_ms == pytest.approx(4.5, abs=0.01)
    assert (throttle.invocations, throttle.late, hands.slept) == (1, 1, 0.0)


def test_most_of_the_time_is_slept() -> None:
    hands = Hands()
    _paced(40.0, 2.0, hands)
    assert hands.slept == pytest.approx(0.0377, abs=0.0001)
