"""Laws of dealing files into parts."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge_common.errors import ClipError, ConfigError
from edge_models.datasets.dataset import split_files


@given(
    st.lists(st.integers(0, 4), min_size=30, max_size=200),
    st.integers(0, 9),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
)
def test_every_item_is_in_one_part_and_every_class_is_trained_on(strata, seed, validation, test):
    parts = split_files(strata, seed, validation=validation, test=test)
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together) == list(range(len(strata)))
    assert {strata[i] for i in parts.train} == set(strata)
    # rounding is carried over, but a stratum may be too small to pay what it owes
    assert abs(len(parts.test) - test * len(strata)) <= 5


def test_shares_are_those_of_each_class():
    strata = ["a"] * 100 + ["b"] * 50
    parts = split_files(strata, 3, validation=0.1, test=0.3)
    assert [sum(strata[i] == "a" for i in p) for p in vars(parts).values()] == [60, 10, 30]
    assert [sum(strata[i] == "b" for i in p) for p in vars(parts).values()] == [30, 5, 15]


def test_the_seed_decides():
    strata = [0] * 40
    one, same, other = (split_files(strata, s, validation=0.1, test=0.3) for s in (1, 1, 2))
    assert np.array_equal(one.test, same.test)
    assert not np.array_equal(one.test, other.test)


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.3), (0.5, 0.5), (0.1, 0.0)])
def test_shares_that_leave_a_part_empty_are_refused(validation, test):
    with pytest.raises(ConfigError, match="must both be above 0 and together below 1"):
        split_files([0] * 50, 0, validation=validation, test=test)


def test_too_few_items_are_refused():
    with pytest.raises(ClipError, match="add more of each class"):
        split_files([0, 1, 2, 3], 0, validation=0.1, test=0.3)
