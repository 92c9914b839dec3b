"""Zones and masks: read, refused, and who stands in which one."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge.tracks.tracker import Track
from edge.tracks.zones import Polygon, Zone, ZoneTimes, foot, parse_zones, unmasked
from edge_common import EdgeError

FRAME = (640, 480)
DOOR = Zone.parse("door=0,0,100,0,100,480,0,480")


def track(number: int, x: float, y: float = 400) -> Track:
    box = np.array([x - 20, y - 100, x + 20, y], np.float32)
    return Track(number, box, 0.9, 0.0, 0.0, False)


def test_corners_are_pixels_or_shares() -> None:
    halves = Zone.parse(" left half =0,0,0.5,0,0.5,1,0,1")
    assert halves.name == "left half"
    assert halves.polygon.pixels(FRAME).tolist() == [[0, 0], [320, 0], [320, 480], [0, 480]]
    assert DOOR.polygon.pixels(FRAME).tolist() == [[0, 0], [100, 0], [100, 480], [0, 480]]


def test_a_polygon_that_is_closed_is_the_same() -> None:
    assert Polygon.parse("0,0,9,0,9,9,0,0") == Polygon.parse("0,0,9,0,9,9")


@pytest.mark.parametrize("text", ["door=0,0,100,0,100,480,0,480", "a=0.25,0,1,0.5,0,1"])
def test_a_zone_is_written_as_it_is_read(text: str) -> None:
    assert str(Zone.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,0,9,0,9,9", "zone '0,0,9,0,9,9' is not understood: use NAME=x,y,x,y"),
        ("=0,0,9,0,9,9", "is not understood: use NAME=x,y,x,y"),
        ("a\n=0,0,9,0,9,9", "is not understood: use NAME=x,y,x,y"),
        ("a=0,0,9,zero,9,9", "zone 'a' '0,0,9,zero,9,9' is not understood: use x,y,x,y"),
        ("a=0,0,9,0,9", "zone 'a' '0,0,9,0,9' has an x without a y"),
        ("a=1,1", "zone 'a' '1,1' has 1 point: use x,y,x,y,... of at least three"),
        ("a=0,0,9,0", "zone 'a' '0,0,9,0' has 2 points: use x,y,x,y,... of at least three"),
        ("a=0,0,9,0,0,0,9,0,0,0", "crosses itself"),
        ("a=0,0,9,0,-1,9", "has a corner outside of the frame"),
        ("a=0,0,9,0,nan,9", "has a corner outside of the frame"),
        ("a=0,0,9,0,inf,9", "has a corner outside of the frame"),
        ("a=0,0,9,9,9,0,0,9", "crosses itself from 0,0 to 9,9 and from 9,0 to 0,9: give its"),
        ("a=0,0,9,0,4,0,4,9", "crosses itself from 0,0 to 9,0 and from 4,0 to 4,9"),
        ("a=0,0,5,5,9,9", "has no area: its corners stand on one line"),
    ],
)
def test_what_is_no_zone_is_refused_by_one_line(text: str, message: str) -> None:
    with pytest.raises(EdgeError) as error:
        Zone.parse(text)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_two_zones_of_one_name_are_refused() -> None:
    with pytest.raises(EdgeError, match="two zones have the name 'a': give each one of its own"):
        parse_zones(["a=0,0,9,0,9,9", "b=0,0,9,0,9,9", "a=1,1,9,0,9,9"])


def test_a_corner_outside_of_the_frame_is_told_once_its_size_is_known() -> None:
    zone = Zone.parse("a=0,0,700,0,9,480")
    assert zone.polygon.pixels((1280, 720)).shape == (3, 2)
    with pytest.raises(EdgeError, match="the corner 700,0 of a zone .* 640 x 480 pixels: give"):
        zone.polygon.pixels(FRAME)


def test_people_stand_where_their_feet_are() -> None:
    assert foot([10, 20, 50, 120]) == (30, 120)
    upper = Polygon.parse("0,0,640,0,640,300,0,300")
    assert not upper.holds(foot(track(1, 320, 301).box), FRAME)
    assert upper.holds(foot(track(1, 320, 300).box), FRAME)


@given(st.floats(0, 640, width=32), st.floats(0, 480, width=32))
def test_everybody_is_in_the_whole_picture(x: float, y: float) -> None:
    assert Polygon.parse("0,0,1,0,1,1,0,1").holds((x, y), FRAME)


def test_who_stands_in_a_mask_is_not_looked_for() -> None:
    masks = [Polygon.parse("0,0,100,0,100,480,0,480"), Polygon.parse("0.9,0,1,0,1,1,0.9,1")]
    boxes = [track(1, x).box for x in (50, 200, 620)]
    assert unmasked(boxes, masks, FRAME).tolist() == [False, True, False]
    assert unmasked(boxes, [], FRAME).tolist() == [True, True, True]
    assert unmasked(np.zeros((0, 4)), masks, FRAME).shape == (0,)


def test_seconds_in_a_zone_count_from_the_step_into_it() -> None:
    times = ZoneTimes([DOOR])
    assert times.update([track(1, 200), track(2, 50)], 10.0, FRAME) == [{}, {"door": 0.0}]
    assert times.update([track(1, 90), track(2, 50)], 11.5, FRAME) == [
        {"door": 0.0},
        {"door": 1.5},
    ]
    assert times.update([track(2, 50), track(1, 90)], 12.0, FRAME) == [
        {"door": 2.0},
        {"door": 0.5},
    ]


def test_zones_may_overlap() -> None:
    times = ZoneTimes([DOOR, Zone.parse("all=0,0,1,0,1,1,0,1")])
    assert times.update([track(1, 50)], 0.0, FRAME) == [{"door": 0.0, "all": 0.0}]


def test_a_step_over_the_edge_for_a_second_is_no_leaving() -> None:
    times = ZoneTimes([DOOR])
    walk = [(0.0, 50), (1.5, 50), (2.0, 105), (2.5, 50), (3.0, 105), (3.6, 50)]
    assert [times.update([track(1, x)], second, FRAME) for second, x in walk] == [
        [{"door": 0.0}], [{"door": 1.5}], [{}], [{"door": 2.5}], [{}], [{"door": 0.0}],
    ]  # fmt: skip


def test_who_is_gone_is_forgotten() -> None:
    times = ZoneTimes([DOOR])
    times.update([track(1, 50)], 0.0, FRAME)
    times.update([], 0.1, FRAME)
    assert times.update([track(1, 50)], 0.2, FRAME) == [{"door": 0.0}]


def test_a_clock_that_steps_back_takes_no_seconds_away() -> None:
    times = ZoneTimes([DOOR])
    seconds = [
        times.update([track(1, 50)], s, FRAME)[0]["door"] for s in (5, 7, 1, 2, float("nan"))
    ]
    assert seconds == [0, 2, 2, 3, 3]
