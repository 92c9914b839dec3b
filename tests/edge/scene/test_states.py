"""Networks that carry states: a memory for each person."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

pytest.importorskip("lap", reason="needs lapx: pip install 'edge-run[people]'")

from edge.bundle import Bundle
from edge.bundle.plain_tflite import wrap_tflite
from edge.stream import Stream
from tests import streaming
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
    return [decision.tasks[task.name].scores.tobytes() for decision in decisions]


def by_track(world: World, frames: int) -> Mapping[int, list[tuple[int, object, bytes]]]:
    """(frame, region, answer) of each decision, by the tracks."""
    (task,) = world.scene.bundle.manifest.tasks
    result: dict[int, list[tuple[int, object, bytes]]] = {}
    for number in range(frames):
        before = len(world.network.crops)
        decisions = world.push(frame(number)).decisions
        for decision, (_, region) in zip(decisions, world.network.crops[before:], strict=True):
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
