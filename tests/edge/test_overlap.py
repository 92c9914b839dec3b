"""Which boxes belong together, held against lapx."""

import numpy as np
import pytest

from edge import overlap


def test_the_largest_sum_wins_over_the_largest_share() -> None:
    shares = np.array([[0.9, 0.8], [0.8, 0.1]])
    rows, columns = overlap.match(shares, 0.0)
    assert rows.tolist() == [0, 1]
    assert columns.tolist() == [1, 0]


def test_who_has_too_little_in_common_is_no_pair() -> None:
    rows, columns = overlap.match(np.array([[0.3, 0.0], [0.0, 0.7]]), 0.3)
    assert (rows.tolist(), columns.tolist()) == ([1], [1])


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_has_no_pair(shape: tuple[int, int]) -> None:
    assert [len(side) for side in overlap.match(np.zeros(shape), 0.0)] == [0, 0]


def test_sums_are_as_large_as_those_of_lapx() -> None:
    judge = pytest.importorskip("lap").lapjvr
    random = np.random.default_rng(0)
    for _ in range(500):
        shares = random.random(random.integers(1, 13, 2))
        shares *= random.random(shares.shape) < random.random()
        rows, columns = overlap.match(shares, 0.1)
        assert len(set(rows)) == len(set(columns)) == len(rows)
        gains = np.maximum(shares - 0.1, 0)
        expected = judge(-gains, extend_cost=True, return_cost=False)
        assert gains[rows, columns].sum() == pytest.approx(gains[expected[0], expected[1]].sum())
