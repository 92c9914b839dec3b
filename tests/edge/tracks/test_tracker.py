"""Who is who from frame to frame."""

import numpy as np
import pytest

pytest.importorskip("lap", reason="needs lapx: pip install 'edge-run[people]'")

from edge.tracks import Track, Tracker, TrackOptions

FRAME = (640, 480)
RATE_HZ = 25.0


def walker(time_s: float, left: float = 100.0) -> list[float]:
    """A person of 40 x 100 who walks 60 pixels a second to the right."""
    return [left + 60 * time_s, 200, left + 40 + 60 * time_s, 300]


def walk(tracker: Tracker, seconds: float, hidden: tuple[float, float] = (0, 0)) -> list[list[int]]:
    """The numbers that a walker has in each frame, who is hidden from some second to some second."""
    numbers = []
    for frame in range(round(seconds * RATE_HZ)):
        time_s = frame / RATE_HZ
        is_hidden = hidden[0] < time_s <= hidden[1]
        boxes = [] if is_hidden else [walker(time_s)]
        numbers.append([t.number for t in tracker.update(boxes, [0.9] * len(boxes), time_s)])
    return numbers


def test_two_boxes_in_succession_make_a_person() -> None:
    tracker = Tracker(FRAME)
    assert tracker.update([walker(0)], [0.9], 0.0) == ()
    (track,) = tracker.update([walker(0.04)], [0.8], 0.04)
    assert isinstance(track, Track)
    assert (track.number, track.first_s, track.seen_s, track.is_hidden) == (1, 0.0, 0.04, False)
    assert track.score == 0.8
    np.testing.assert_allclose(track.box, walker(0.04), atol=2)


def test_who_is_hidden_for_a_second_keeps_the_number() -> None:
    assert walk(Tracker(FRAME), 4, hidden=(1.5, 2.5)) == [[], *[[1]] * 99]


def test_who_is_hidden_for_longer_is_gone() -> None:
    numbers = walk(Tracker(FRAME), 4, hidden=(1.0, 3.0))
    assert numbers[round(2.4 * RATE_HZ)] == [1]
    assert numbers[round(2.6 * RATE_HZ)] == []
    assert numbers[-1] == [2]


def test_numbers_count_people_and_not_boxes() -> None:
    tracker = Tracker(FRAME, TrackOptions(confirm_boxes=3))
    for frame in range(10):  # a false box in every other frame
        boxes = [walker(frame / RATE_HZ)] + [[500, 50, 540, 150]] * (frame % 2)
        tracks = tracker.update(boxes, [0.9] * len(boxes), frame / RATE_HZ)
    assert [track.number for track in tracks] == [1]
