"""Networks that carry states: a memory for each person."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from edge.bundle import Bundle
from edge.bundle.plain_tflite import wrap_tflite
from edge.stream import Stream
from tests import flat_models, streaming
from tests.edge.scene.scenes import World, box, frame

NOBODY: list[list[float]] = []


@pytest.fixture
def carrying(tmp_path: Path) -> Bundle:
    """Adds up the mean colours of all frames that it sees."""
    path = tmp_path / "sums.tflite"
    path.write_bytes(streaming.sums(["sum_in"], ["sum_out"]))
    return wrap_tflite(path)


def answers(bundle: Bundle, crops: Sequence[tuple[int, object]]) -> list[bytes]:
    """Of one stream over these regions of these frames."""
    stream = Stream(bundle)
    (task,) = bundle.manifest.tasks
    decisions = [stream.push(frame(number), region) for number, region in crops]
    return [decision.tasks[task.name].scores.tobytes() for decision in decisions if decision]


def by_track(world: World, frames: int) -> Mapping[int, list[tuple[int, object, bytes]]]:
    """(frame, region, answer) of each decision, by the tracks."""
    (task,) = world.scene.bundle.manifest.tasks
    result: dict[int, list[tuple[int, object, bytes]]] = {}
    for number in range(frames):
        for decision in world.push(frame(number)).decisions:
            left = decision.track.box[0]
            crops = [crop for n, crop in world.network.crops if n == number]
            region = min(crops, key=lambda crop: abs(crop.box[0] - left))
            scores = decision.tasks[task.name].scores.tobytes()
            result.setdefault(decision.track.number, []).append((number, region, scores))
    return result


def test_each_person_has_a_memory_of_their_own(carrying: Bundle) -> None:
    world = World(carrying, [[box(0)], [box(0), box(3)]], budget_ms=1.01)
    tracks = by_track(world, 12)
    assert tracks.keys() == {1, 2}
    for rows in tracks.values():
        assert [scores for *_, scores in rows] == answers(carrying, [row[:2] for row in rows])


@pytest.mark.parametrize(("pause", "goes_on"), [(20, True), (30, False)])
def test_a_memory_goes_on_for_a_second(carrying: Bundle, pause: int, goes_on: bool) -> None:
    world = World(carrying, [*[[box(0)]] * 5, *[NOBODY] * pause, [box(0)]])
    rows = by_track(world, pause + 10)[1]
    again = next(i for i, row in enumerate(rows) if row[0] >= 5)
    crops = [row[:2] for row in rows]
    expected = answers(carrying, crops if goes_on else crops[again:])[-1]
    assert rows[-1][2] == expected


def test_who_comes_next_remembers_nothing(carrying: Bundle) -> None:
    world = World(carrying, [*[[box(0)]] * 5, *[NOBODY] * 50, [box(5)]], max_people=1)
    tracks = by_track(world, 60)
    assert [scores for *_, scores in tracks[2]] == answers(carrying, [row[:2] for row in tracks[2]])
    assert len({scores for *_, scores in tracks[2]}) > 1


def test_each_person_has_a_whole_window_of_an_uncut_network(tmp_path: Path) -> None:
    """It answers as to the same crops of one person alone."""
    path = tmp_path / "uncut.tflite"
    path.write_bytes(flat_models.colour_model("SOFTMAX", gain=0.1, frame=(1, 3, 4, 4, 3)))
    bundle = wrap_tflite(path)
    assert (bundle.manifest.window, bundle.manifest.streaming) == (3, "whole-window")
    tracks = by_track(World(bundle, [[box(0)], [box(0), box(3)]]), 10)
    assert {number: [row[0] for row in rows] for number, rows in tracks.items()} == {
        1: [*range(2, 10)], 2: [*range(3, 10)],
    }  # fmt: skip
    for rows in tracks.values():
        regions = {region for _, region, _ in rows}
        assert len(regions) == 1
        (region,) = regions
        first = rows[0][0] - 2
        assert [row[2] for row in rows] == answers(bundle, [(n, region) for n in range(first, 10)])
