"""Who is there, and a window for each of them."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from edge import EdgeError
from edge.bundle import Bundle
from edge.scene import SceneOptions
from edge.scene.person import region_around
from edge.stream import Frame, Region, Stream, StreamOptions
from edge.tracks.zones import Polygon, parse_zones
from tests import tiny
from tests.edge.scene.scenes import HEIGHT, WIDTH, World, box, decided, frame

NOBODY: list[list[float]] = []


def test_nobody_there_is_an_answer(tiny_bundle: Bundle) -> None:
    views = World(tiny_bundle, [NOBODY]).run(10)
    assert all(view.presence.count == 0 and not view.tracks for view in views)
    assert not any(view.decisions for view in views)
    assert len({view.presence.since for view in views}) == 1


def test_a_decision_is_of_a_full_window_of_one_person(tiny_bundle: Bundle) -> None:
    world = World(tiny_bundle, [NOBODY, NOBODY, [box(0)], [box(0), box(3)]])
    views = world.run(10)
    assert [view.presence.count for view in views] == [0, 0, 1, *[2] * 7]
    assert decided(views) == {1: [5, 6, 7, 8, 9], 2: [6, 7, 8, 9]}
    first = next(view for view in views if view.decisions).decisions[0]
    assert (first.first_frame, first.frame) == (2, 5)
    assert first.track.to_json() == {
        "number": 1, "box": [4, 100, 20, 60], "age_s": 0.12, "zones": {},
    }  # fmt: skip


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 100), st.integers(1, 4), st.floats(0.5, 6.0), st.integers(1, 3))
def test_a_track_decides_as_a_stream_of_its_crops(
    tiny_bundle: Bundle, seed: int, people: int, calls: float, hop: int
) -> None:
    """Bit for bit, whatever it shares the network and the budget with."""
    path = [[box(2 * i, x) for i in range(people)] for x in range(20)]
    world = World(tiny_bundle, path, budget_ms=calls, stream=StreamOptions(hop=hop))
    alone: dict[int, Stream] = {}
    for number in range(20):
        shown, before = frame(number, seed=seed), len(world.network.crops)
        view = world.push(shown)
        crops = {region: None for _, region in world.network.crops[before:]}
        expected = {}
        for track in view.tracks:
            region = region_around(
                np.array(box(2 * (track.number - 1))), 0.1, (tiny.SIZE, tiny.SIZE), WIDTH, HEIGHT
            )
            mine = [c for c in crops if abs(c.box[0] - region.box[0]) < 28]
            for crop in mine:
                stream = alone.setdefault(track.number, Stream(tiny_bundle, StreamOptions(hop=hop)))
                if decision := stream.push(shown, crop):
                    expected[track.number] = decision
        assert expected.keys() == {decision.track.number for decision in view.decisions}
        for decision in view.decisions:
            other = expected[decision.track.number]
            assert decision.first_frame == other.first_frame
            for task, answer in decision.tasks.items():
                assert answer.scores.tobytes() == other.tasks[task].scores.tobytes()


def test_a_window_goes_on_behind_a_short_pause(tiny_bundle: Bundle) -> None:
    """Two frames are missing, of the four that it holds."""
    world = World(tiny_bundle, [*[[box(0)]] * 6, NOBODY, NOBODY, [box(0)]])
    views = world.run(11)
    assert decided(views) == {1: [3, 4, 5, 8, 9, 10]}
    assert views[6].tracks[0].is_hidden
    assert [view.presence.count for view in views] == [1] * 11
    assert [d.first_frame for view in views for d in view.decisions] == [0, 1, 2, 3, 4, 5]


def test_a_window_begins_again_behind_a_longer_pause(tiny_bundle: Bundle) -> None:
    world = World(tiny_bundle, [*[[box(0)]] * 6, *[NOBODY] * 3, [box(0)]])
    views = world.run(15)
    assert decided(views) == {1: [3, 4, 5, 12, 13, 14]}
    assert {track.number for view in views for track in view.tracks} == {1}


def test_a_person_who_left_frees_the_window(tiny_bundle: Bundle) -> None:
    world = World(tiny_bundle, [*[[box(0)]] * 6, *[NOBODY] * 60, [box(5)]], max_people=1)
    views = world.run(75)
    assert decided(views) == {1: [3, 4, 5], 2: list(range(69, 75))}
    assert world.scene.summary.most_without_window == 0


def test_those_who_came_first_have_the_windows(tiny_bundle: Bundle) -> None:
    world = World(tiny_bundle, [[box(i) for i in range(5)]], max_people=2)
    views = world.run(8)
    assert decided(views).keys() == {1, 2}
    assert views[-1].presence.count == 5
    assert "at most 5 at once, 3 of them without a window (--max-people)" in "\n".join(
        world.scene.summary.lines()
    )


def test_behind_a_gap_all_tracks_are_new(tiny_bundle: Bundle) -> None:
    world = World(tiny_bundle, [[box(0)]], detect_every=4)
    views = [world.push(frame(number, restart=number == 7)) for number in range(12)]
    assert decided(views) == {1: [3, 4, 5, 6], 2: [10, 11]}
    assert all(d.first_frame >= 7 for view in views[7:] for d in view.decisions)


def test_the_hop_is_of_each_track(tiny_bundle: Bundle) -> None:
    boxes = [[box(0)], [box(0), box(3)]]
    views = World(tiny_bundle, boxes, stream=StreamOptions(hop=3)).run(12)
    assert decided(views) == {1: [3, 6, 9], 2: [4, 7, 10]}


def test_each_window_gets_frames_at_the_trained_rate(tiny_bundle: Bundle) -> None:
    """A fifth of 25 frames a second: each person's own fifth."""
    boxes = [[box(0)], [box(0)], [box(0), box(3)]]
    world = World(tiny_bundle, boxes, rate_hz=5.0)
    world.run(103)
    assert world.scene.summary.calls == pytest.approx(2 * 103 / 5, abs=5)
    assert world.scene.summary.calls == world.scene.summary.calls_due
    assert "encoder" in "\n".join(world.scene.summary.lines())
    assert "times as fast" not in "\n".join(world.scene.summary.lines())


@pytest.mark.parametrize(
    ("person", "aspect", "expected"),
    [
        ([100, 100, 120, 160], (32, 32), (74, 94, 72, 72)),
        ([100, 100, 120, 160], (1, 2), (92, 94, 36, 72)),
        ([0, 0, 20, 60], (32, 32), (0, 0, 72, 72)),
        ([300, 200, 320, 240], (32, 32), (272, 192, 48, 48)),
        ([0, 0, 320, 240], (32, 32), (0, 0, 320, 240)),
        ([5, 5, 6.5, 60], (32, 32), None),
        ([math.nan, 0, 20, 60], (32, 32), None),
    ],
)
def test_a_crop_has_a_margin_and_the_aspect_and_is_inside(person, aspect, expected) -> None:
    region = region_around(np.array(person, np.float32), 0.1, aspect, WIDTH, HEIGHT)
    assert region == (Region("box", expected) if expected else None)


@pytest.mark.parametrize("box_", [[0, 0, 1e9, 1e9], [-50, -50, -10, -10], [10, 10, 10, 10]])
def test_boxes_of_any_kind_are_survived(tiny_bundle: Bundle, box_: list[float]) -> None:
    world = World(tiny_bundle, [[box_, [math.nan] * 4, box(2)]])
    assert all(view.presence.count >= 1 for view in world.run(6))


@pytest.mark.parametrize("milliseconds", [0.0, -3.0, math.nan])
def test_a_budget_is_more_than_nothing(milliseconds: float) -> None:
    with pytest.raises(EdgeError, match="a budget is more than 0 ms a frame"):
        SceneOptions(budget_ms=milliseconds)


@pytest.mark.parametrize("name", ["max_people", "detect_every", "rate_hz"])
@pytest.mark.parametrize("number", [-1, math.nan])
def test_what_is_no_number_of_people_or_frames_is_said(name: str, number: float) -> None:
    with pytest.raises(EdgeError, match="frames"):
        SceneOptions(**{name: number})


def test_people_stay_where_they_are_in_frames_of_another_size(tiny_bundle: Bundle) -> None:
    world = World(tiny_bundle, [[box(2)]], detect_every=100)
    world.push(frame(0))
    pixels = tiny.frames(1, HEIGHT // 2, WIDTH // 2)[0]
    view = world.push(Frame(pixels, 1, 100.04, time_s=0.04))
    assert [(track.number, track.box) for track in view.tracks] == [(1, (30, 50, 10, 30))]


def test_what_is_no_frame_is_said(tiny_bundle: Bundle) -> None:
    with pytest.raises(EdgeError, match="a frame is uint8"):
        World(tiny_bundle, [NOBODY]).scene.push(None)


def test_a_decision_names_the_zones_that_its_person_stands_in(tiny_bundle: Bundle) -> None:
    zones = parse_zones(["door=0,150,100,150,100,200,0,200", "all=0,0,1,0,1,1,0,1"])
    world = World(tiny_bundle, [[box(0)], [box(0), box(6)]], zones=zones)
    views = world.run(8)
    (first, second) = views[-1].decisions
    assert first.track.to_json()["zones"] == {"door": 0.28, "all": 0.28}
    assert second.track.to_json()["zones"] == {"all": 0.24}
    assert list(views[-1].zones) == ["door", "all"]
    assert views[-1].zones["all"].tolist() == [[0, 0], [320, 0], [320, 240], [0, 240]]


def test_nobody_is_looked_for_in_a_mask(tiny_bundle: Bundle) -> None:
    masks = (Polygon.parse("0,0,0.3,0,0.3,1,0,1"),)
    views = World(tiny_bundle, [[box(0), box(6)]], masks=masks).run(3)
    assert [[track.box[0] for track in view.tracks] for view in views] == [[172]] * 3


def test_a_zone_outside_of_the_frames_is_said_at_the_first(tiny_bundle: Bundle) -> None:
    zones = parse_zones(["door=0,0,400,0,400,200"])
    with pytest.raises(EdgeError, match="400,0 of a zone or mask is outside of the frames"):
        World(tiny_bundle, [NOBODY], zones=zones).run(1)


@pytest.mark.parametrize("door", ["10,150,100,150,100,200,10,200", "0.03,0.6,0.3,0.6,0.3,1,0,1"])
def test_a_zone_stays_where_it_is_in_frames_of_another_size(tiny_bundle: Bundle, door: str) -> None:
    world = World(tiny_bundle, [[box(0)]], zones=parse_zones([f"door={door}"]), detect_every=9)
    before = world.push(frame(0)).zones["door"]
    for number, ratio in enumerate((0.5, 1.0, 2.0, 1.0), 1):
        pixels = tiny.frames(1, int(HEIGHT * ratio), int(WIDTH * ratio))[0]
        view = world.push(Frame(pixels, number, 100.0, time_s=number / 25))
        np.testing.assert_allclose(view.zones["door"], before * ratio, rtol=1e-5)
        (track,) = view.tracks
        assert track.zones == {"door": pytest.approx(number / 25)}


def test_a_track_that_shrinks_to_nothing_waits(tiny_bundle: Bundle) -> None:
    sides = [20, 18, 16, 14, 12, 10, 8, 6, 4, 3, 2.5, 2, 1.6, 1.3, 1, 1, 1, 1]
    world = World(tiny_bundle, [[[100 - s, 100 - s, 100, 100]] for s in sides])
    views = world.run(len(sides))
    assert views[-1].presence.count == 1 and not views[-1].decisions
    assert all(min(track.box[2:]) >= 1 for view in views for track in view.tracks)


def test_a_thousand_boxes_in_a_frame_are_people(tiny_bundle: Bundle) -> None:
    grid = [[8.0 * x, 9.0 * y, 8.0 * x + 7, 9.0 * y + 8] for x in range(40) for y in range(25)]
    world = World(tiny_bundle, [grid], budget_ms=3.01)
    views = world.run(6)
    assert [view.presence.count for view in views] == [1000] * 6
    assert world.scene.summary.calls == pytest.approx(18, abs=3)
    assert world.scene.summary.most_without_window == 990
