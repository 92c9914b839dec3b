"""Who is who from frame to frame."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge.tracks import Track, Tracker, TrackOptions, motion
from edge_common import EdgeError

FRAME = (640, 480)
RATE_HZ = 25.0
Boxes = list[list[float]]


def walker(time_s: float, left: float = 100.0) -> list[float]:
    """A person of 40 x 100 who walks 60 pixels a second to the right."""
    return [left + 60 * time_s, 200, left + 40 + 60 * time_s, 300]


def update(tracker: Tracker, time_s: float, *boxes: list[float]) -> tuple[Track, ...]:
    return tracker.update(np.reshape(boxes, (-1, 4)), [0.9] * len(boxes), time_s)


def walk(tracker: Tracker, seconds: float, hidden: tuple[float, float] = (0, 0)) -> list[list[int]]:
    """The numbers in each frame of a walker who is hidden from some second to some second."""
    numbers = []
    for frame in range(round(seconds * RATE_HZ)):
        time_s = frame / RATE_HZ
        boxes = [] if hidden[0] < time_s <= hidden[1] else [walker(time_s)]
        numbers.append([track.number for track in update(tracker, time_s, *boxes)])
    return numbers


def test_two_boxes_in_succession_make_a_person() -> None:
    tracker = Tracker(FRAME)
    assert tracker.update([walker(0)], [0.9], 0.0) == ()
    (track,) = tracker.update([walker(0.04)], [0.8], 0.04)
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


def test_who_is_hidden_is_expected_farther_on() -> None:
    tracker = Tracker(FRAME)
    walk(tracker, 1)
    (track,) = update(tracker, 1.5)
    assert track.is_hidden and track.seen_s == 0.96
    np.testing.assert_allclose(track.box, walker(1.5), atol=4)


def test_numbers_count_people_and_not_boxes() -> None:
    tracker = Tracker(FRAME, TrackOptions(confirm_boxes=3))
    for frame in range(10):  # a false box in every other frame
        false = [[500.0, 50, 540, 150]] * (frame % 2)
        tracks = update(tracker, frame / RATE_HZ, walker(frame / RATE_HZ), *false)
    assert [track.number for track in tracks] == [1]


def test_poor_boxes_go_on_with_a_track_and_begin_none() -> None:
    tracker = Tracker(FRAME)
    walk(tracker, 1)
    for frame in range(25, 75):
        time_s = frame / RATE_HZ
        tracks = tracker.update([walker(time_s), walker(time_s, 400)], [0.3, 0.3], time_s)
        assert [(track.number, track.is_hidden) for track in tracks] == [(1, False)]


@pytest.mark.parametrize(("score", "is_hidden"), [(0.4, True), (0.6, False)])
def test_a_poor_box_has_to_be_near(score: float, is_hidden: bool) -> None:
    tracker = Tracker(FRAME)
    walk(tracker, 1)
    left, top, right, bottom = walker(1.0)
    (track,) = tracker.update([[left + 16, top, right + 16, bottom]], [score], 1.0)  # 0.43 of both
    assert track.is_hidden == is_hidden


def test_between_two_searches_tracks_move_on() -> None:
    tracker = Tracker(FRAME)
    for search in range(8):  # every fifth frame
        update(tracker, search / 5, walker(search / 5))
    (track,) = tracker.predict(1.5)
    assert not track.is_hidden
    np.testing.assert_allclose(track.box, walker(1.5), atol=2)
    assert tracker.predict(1.45)[0].number == 1  # it changes nothing


def test_a_walker_is_followed_at_two_searches_a_second() -> None:
    """Half a second later nothing overlaps any more: who was seen once may be anywhere near."""
    tracker = Tracker(FRAME)
    tracks = [update(tracker, step / 2, [45 * step, 200, 40 + 45 * step, 300]) for step in range(6)]
    assert [[track.number for track in each] for each in tracks] == [[], *[[1]] * 5]


def test_two_who_cross_keep_their_numbers() -> None:
    tracker = Tracker(FRAME)
    for frame in range(100):
        time_s = frame / RATE_HZ
        back = [400 - 60 * time_s, 190, 440 - 60 * time_s, 290]
        tracks = update(tracker, time_s, walker(time_s), back)
    assert {track.number: round(float(track.box[0])) for track in tracks} == {1: 162, 2: 338}


def test_who_leaves_the_picture_is_gone_at_once() -> None:
    tracker = Tracker(FRAME)
    for frame in range(25):
        box = walker(frame / RATE_HZ, 550)
        update(tracker, frame / RATE_HZ, box)
    assert len(update(tracker, 1.2)) == 1
    assert update(tracker, 1.4) == ()  # three quarters of the box would stand outside


@pytest.mark.parametrize(
    "box",
    [
        [math.nan, 200, 140, 300],
        [100, 200, math.inf, 300],
        [-1e308, 200, 1e308, 300],
        [100, 200, 100, 300],
        [100, 200, 100 + 1e-200, 300],
        [140, 300, 100, 200],
        [-200, 200, -100, 300],
        [700, 200, 800, 300],
    ],
)
def test_what_is_no_box_in_the_picture_is_ignored(box: list[float]) -> None:
    tracker = Tracker(FRAME)
    assert [update(tracker, frame / RATE_HZ, box) for frame in range(5)] == [()] * 5


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"high_score": 0.05}, "scores of boxes go from 0 to 1, low_score up to high_score"),
        ({"low_score": math.nan}, "scores of boxes go from 0 to 1, low_score up to high_score"),
        ({"min_overlap": 1.0}, "tracks need min_overlap from 0 to below 1, a box, and hidden_s"),
        ({"confirm_boxes": 0}, "tracks need min_overlap from 0 to below 1, a box, and hidden_s"),
        ({"hidden_s": math.nan}, "tracks need min_overlap from 0 to below 1, a box, and hidden_s"),
    ],
)
def test_options_out_of_range_are_refused(option: dict[str, float], message: str) -> None:
    with pytest.raises(EdgeError, match=message):
        TrackOptions(**option)


@pytest.mark.parametrize("score", [math.nan, -1.0, 0.05])
def test_a_score_that_is_none_is_ignored(score: float) -> None:
    tracker = Tracker(FRAME)
    assert [tracker.update([walker(0)], [score], n / RATE_HZ) for n in range(5)] == [()] * 5


def test_a_track_that_shrinks_to_nothing_goes_quietly() -> None:
    tracker = Tracker(FRAME)
    for frame in range(60):
        half = 50 * 0.8**frame
        box = [300 - half, 200 - half, 300 + half, 200 + half]
        update(tracker, frame / RATE_HZ, box)
    tracks = tracker.predict(61 / RATE_HZ)
    assert all(np.isfinite(each.box).all() for each in tracks)
    assert tracker.predict(10.0) == ()


def test_a_thousand_boxes_are_a_thousand_people() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 440, (1000, 2))
    boxes, tracker = np.concatenate((corner, corner + 40), axis=1), Tracker(FRAME)
    for frame in range(3):
        tracks = tracker.update(boxes, rng.uniform(0.5, 1, 1000), frame / RATE_HZ)
    assert [track.number for track in tracks] == list(range(1, 1001))


def test_a_clock_that_stands_still_or_has_no_time_is_no_harm() -> None:
    tracker = Tracker(FRAME)
    for time_s in (1.0, 1.0, 1.0, math.nan, math.inf, 1.04):
        tracks = update(tracker, time_s, walker(0))
    assert [(track.number, track.first_s, track.seen_s) for track in tracks] == [(1, 1.0, 1.04)]


def test_a_clock_that_steps_back_takes_the_tracks_along() -> None:
    tracker = Tracker(FRAME)
    walk(tracker, 1)
    (track,) = update(tracker, -3600.0, walker(0.96))
    assert track.number == 1
    assert track.seen_s - track.first_s == pytest.approx(0.96)


@pytest.mark.parametrize("step_s", [0.0, -0.5, -1e-9, 1e-7, math.nan])
def test_who_left_is_gone_also_if_the_clock_does_not_go_on(step_s: float) -> None:
    """After 1.5 seconds of 40 ms a search, or what the clock says if that is more."""
    tracker = Tracker(FRAME)
    walk(tracker, 1)
    times_s = 0.96 + step_s * np.arange(1, 60)
    there = [len(update(tracker, time_s)) for time_s in times_s]
    assert there == [1] * 38 + [0] * 21
    assert len(update(tracker, 2.0, walker(0))) == 0  # somebody new, not seen twice yet


def test_a_burst_of_searches_ends_nobody_whom_they_find() -> None:
    tracker = Tracker(FRAME)
    for _ in range(200):
        tracks = update(tracker, 1.0, walker(0))
    assert [(track.number, track.is_hidden) for track in tracks] == [(1, False)]


def test_a_clock_that_jumps_ahead_ends_all_tracks() -> None:
    tracker = Tracker(FRAME)
    walk(tracker, 1)
    assert update(tracker, 1e300, walker(0)) == ()
    assert [track.number for track in update(tracker, 1e300, walker(0))] == [2]


def test_frames_of_another_size_are_told() -> None:
    tracker = Tracker(FRAME)
    walk(tracker, 1)
    tracker.frame_size = (170, 125)
    for time_s in (1.0, 1.04, 1.08):
        track = update(tracker, time_s, [140, 60, 180, 160])[-1]
    assert track.box.tolist()[2:] == [170, 125]


@pytest.mark.parametrize("width, height", [(320, 240), (1280, 960), (240, 640)])
def test_frames_of_another_size_show_the_same_people(width: int, height: int) -> None:
    ratio = np.tile([width / FRAME[0], height / FRAME[1]], 2)
    tracker = Tracker(FRAME)
    walk(tracker, 1)
    before = [update(tracker, 1.0, walker(1.0), walker(1.0, 200)) for _ in range(2)][-1]
    tracker.frame_size = (width, height)
    scaled = tracker.predict(1.0)
    for was, track in zip(before, scaled, strict=True):
        assert track.number == was.number
        np.testing.assert_allclose(track.box, was.box * ratio, rtol=1e-5)
    boxes = [list(ratio * walker(1.2, left)) for left in (100, 200)]
    after = update(tracker, 1.2, *boxes)
    assert [(track.number, track.is_hidden) for track in after] == [(1, False), (2, False)]


def test_a_score_goes_with_each_box() -> None:
    with pytest.raises(EdgeError, match="1 boxes and 2 scores"):
        Tracker(FRAME).update([walker(0)], [0.9, 0.9], 0.0)


crowds = st.lists(
    st.lists(
        st.tuples(
            st.floats(-50, 700), st.floats(-50, 500), st.floats(1, 300), st.floats(1, 300),
            st.floats(0, 1),
        ),
        max_size=6,
    ),
    max_size=12,
)  # fmt: skip
Crowds = list[list[tuple[float, ...]]]


def follow(crowds: Crowds, order: int = 1) -> list[tuple[Track, ...]]:
    """Five searches a second; order: -1 gives the boxes of each the other way round."""
    tracker = Tracker(FRAME)
    tracks = []
    for number, crowd in enumerate(crowds):
        rows = np.reshape(crowd, (-1, 5))[::order]
        boxes = np.concatenate((rows[:, :2], rows[:, :2] + rows[:, 2:4]), axis=1)
        tracks.append(tracker.update(boxes, rows[:, 4], number / 5))
    return tracks


@settings(deadline=None, max_examples=30)
@given(crowds)
def test_numbers_are_of_one_and_count_up(crowds: Crowds) -> None:
    newest = 0
    gone: set[int] = set()
    before: set[int] = set()
    for tracks in follow(crowds):
        numbers = [track.number for track in tracks]
        assert len(set(numbers)) == len(numbers) and not gone & set(numbers)
        new = sorted(number for number in numbers if number > newest)
        assert new == list(range(newest + 1, newest + 1 + len(new)))
        newest += len(new)
        gone |= before - set(numbers)
        before = set(numbers)


@settings(deadline=None, max_examples=30)
@given(crowds)
def test_boxes_lie_in_the_picture(crowds: Crowds) -> None:
    for track in (track for tracks in follow(crowds) for track in tracks):
        left, top, right, bottom = track.box.tolist()
        assert track.box.dtype == np.float32
        assert 0 <= left <= right <= 640 and 0 <= top <= bottom <= 480
        assert track.first_s <= track.seen_s


@settings(deadline=None, max_examples=30)
@given(crowds)
def test_the_order_of_the_boxes_changes_nothing(crowds: Crowds) -> None:
    for one, other in zip(follow(crowds), follow(crowds, order=-1)):
        assert [t.number for t in one] == [t.number for t in other]
        assert [t.box.tolist() for t in one] == [t.box.tolist() for t in other]


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 3), st.floats(0, 1), st.integers(3, 30))
def test_a_walker_keeps_the_number_over_gaps_of_a_second(
    start_s: float, gap_s: float, rate_hz: int
) -> None:
    tracker, numbers = Tracker(FRAME), set()
    for frame in range(5 * rate_hz):
        time_s = frame / rate_hz
        is_hidden = 1 + start_s < time_s < 1 + start_s + gap_s
        numbers |= {
            t.number for t in update(tracker, time_s, *([] if is_hidden else [walker(time_s)]))
        }
    assert numbers == {1}


@given(st.floats(0, 2), st.floats(0, 2))
def test_two_steps_in_time_equal_one_of_both(first_s: float, second_s: float) -> None:
    steps = np.zeros(2, np.dtype(motion.STATE))
    motion.start(steps, np.array([[0.0, 0, 40, 100], [10, 20, 90, 240]]))
    steps["speed"][:, :2] = [[60, 0], [-20, 5]]
    once = steps.copy()
    motion.predict(steps, first_s)
    motion.predict(steps, second_s)
    motion.predict(once, first_s + second_s)
    for field in steps.dtype.names:
        np.testing.assert_allclose(steps[field], once[field], rtol=1e-9, atol=1e-9)
