import numpy as np
import pytest

from edge_benchmarks.statistics import Summary, spread, summarise, tukey_outliers


def test_a_summary_of_literal_values() -> None:
    assert summarise([4.0, 1.0, 3.0, 2.0, 5.0]) == Summary(
        n=5, p50=3.0, p90=4.6, p99=4.96, mean=3.0, min=1.0, max=5.0
    )


def test_a_summary_of_one_value() -> None:
    assert summarise([2.5]) == Summary(1, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5)


def test_two_rounds_have_a_spread_and_one_has_none() -> None:
    assert spread([1.0, 3.0]) == pytest.approx(0.8)
    assert spread([1.0]) == spread([]) == 0.0


def test_what_lies_on_a_fence_is_no_outlier() -> None:
    """Quartiles 1 and 2: the fences stand at -0.5 and 3.5."""
    on_both = tukey_outliers([-0.5, 1.0, 1.0, 1.5, 2.0, 2.0, 3.5])
    assert (on_both.low_fence, on_both.high_fence) == (-0.5, 3.5)
    assert (on_both.below, on_both.above) == (0, 0)


def test_spread_of_rounds() -> None:
    assert spread([10.0]) == 0.0
    assert spread([10.0, 10.0, 10.0]) == 0.0
    assert spread([9.0, 10.0, 11.0]) == pytest.approx(0.16)


def test_samples_of_narrow_numbers_are_summed_in_wide_ones() -> None:
    narrow = np.array([16_777_216, 1, 1], np.float32)  # 2**24, from which on float32 has no 1
    assert summarise(narrow).mean == 5_592_406.0
    tenths = np.array([0.1, 0.2, 0.4, 0.7], np.float32)
    assert summarise(tenths) == summarise(tenths.tolist())
    assert tukey_outliers(tenths) == tukey_outliers(tenths.tolist())
