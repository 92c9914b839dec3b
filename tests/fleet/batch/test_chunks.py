"""Chunks get what one run gets: by law, for every window, hop, rate and length."""

from bisect import bisect_left

import numpy as np
from hypothesis import given, strategies as st

from edge.stream import Frame
from edge.stream.sampling import FrameSampler
from edge_fleet.batch import chunks
from edge_fleet.batch.parts import first_unequal

NOTHING = np.zeros((1, 1, 3), np.uint8)
intervals = st.lists(
    st.sampled_from([10.0, 20.0, 33.0, 40.0, 41.0, 200.0]), min_size=1, max_size=300
)


def _decisions(pushed: list[int], window: int, hop: int) -> list[tuple[int, int, bool]]:
    """Frame, first frame and `restart` of each decision of a run."""
    due = [n for n in range(len(pushed)) if n + 1 >= window and (n + 1 - window) % hop == 0]
    return [(pushed[n], pushed[n + 1 - window], i == 0) for i, n in enumerate(due)]


@given(
    steps=intervals,
    window=st.integers(1, 20),
    hop=st.integers(1, 7),
    rate_hz=st.sampled_from([0.0, 12.5, 25.0]),
    length=st.integers(5, 90),
    every=st.integers(1, 60),
)
def test_chunks_decide_what_one_run_decides(
    steps: list[float], window: int, hop: int, rate_hz: float, length: int, every: int
) -> None:
    positions = np.cumsum([0.0, *steps]).tolist()
    lookback = chunks.Lookback(window, hop, rate_hz)
    sampler = FrameSampler(rate_hz)
    expected = [
        n for n, ms in enumerate(positions) if sampler.takes(Frame(NOTHING, n, time_s=ms / 1e3))
    ]
    pushed = lookback.pushed(positions)
    assert pushed == expected
    keys = list(range(0, len(positions), every))
    bounds = [0, *chunks._bounds(len(positions), length, keys, lookback), len(positions)]
    assert bounds == sorted(set(bounds))
    decisions = []
    for start, end in zip(bounds, bounds[1:]):
        chunk = chunks._chunk(start, end, positions, pushed, lookback)
        assert chunk.first <= max(start - chunks.COMPARED, 0)
        assert chunk.positions_ms.tolist() == positions[chunk.first : end]
        own = [chunk.first + n for n in np.flatnonzero(chunk.pushed)]
        assert own == pushed[bisect_left(pushed, own[0]) :][: len(own)] if own else True
        decisions += [each for each in _decisions(own, window, hop) if each[0] >= start]
    assert decisions == _decisions(pushed, window, hop)


def test_neighbours_that_saw_other_frames_are_noticed() -> None:
    metas = [{"head": "", "tail": "a"}, {"head": "a", "tail": "b"}, {"head": "c", "tail": ""}]
    assert first_unequal(metas) == 2
    assert first_unequal(metas[:2]) is None
