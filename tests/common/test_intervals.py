import pytest
from hypothesis import given, strategies as st

from edge_common.statistics import wilson_interval


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),  # Newcombe 1998, and R's prop.test(correct = FALSE)
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
        (95, 100, 0.8882, 0.9785),
        (960, 960, 0.9960, 1.0),
    ],
)
def test_wilson_intervals_from_the_literature(right, n, low, high) -> None:
    assert wilson_interval(right, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("n", range(1, 300))
def test_all_and_none_are_exact_bounds(n: int) -> None:
    assert wilson_interval(n, n)[1] == 1.0 and wilson_interval(0, n)[0] == 0.0


@given(st.integers(1, 2000), st.data())
def test_an_interval_holds_its_share_and_mirrors(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    low, high = wilson_interval(right, n)
    assert 0.0 <= low <= right / n <= high <= 1.0
    assert wilson_interval(n - right, n) == pytest.approx((1 - high, 1 - low))
