import itertools

import pytest

from edge_benchmarks.inside.cross_check import Overhead, measure_overhead


def test_what_the_readings_of_a_clock_cost() -> None:
    """A clock of which each reading takes a microsecond, and nothing else does."""
    ticks = itertools.count(step=1000)
    found = measure_overhead(10, 3, lambda: next(ticks))
    assert found.reported_us == pytest.approx(5 - 0.1)
    # 6 readings for each of 12 frames, 3 for the round; less one for ten bare frames
    assert found.elapsed_us == pytest.approx(75 / 12 - 0.1)


def test_the_limit_holds_for_both_figures() -> None:
    assert Overhead(2.0, 20.0).within_limit
    assert not Overhead(2.0, 20.1).within_limit
    assert str(Overhead(0.64, 13.8)) == (
        "measuring adds 0.6 us to a frame's reported time and 13.8 us to its real one, "
        "within the limit of 20 us"
    )


def test_this_machine() -> None:
    found = measure_overhead(frames=50, repeats=20)
    assert 0 < found.reported_us < found.elapsed_us
