"""Times, ids and JSON fields of events, and how they come into a run's outputs."""

import json
from pathlib import Path

import numpy as np
from hypothesis import given, strategies as st

from edge import loop
from edge.events import Event, EventIds, Moment, WallClock
from edge.sinks import RunInfo, TakesEvents
from edge.sinks.jsonl import JsonLines
from edge.stream import Frame
from edge.summary import SourceSummary


def moment(second: float, frame: int = 0) -> Moment:
    return Moment(f"2026-11-27T00:00:{second:06.3f}+00:00", second, frame)


EVENT = Event("1", "start", "fall", "alarm", "door", moment(1), moment(2, 9), moment(2, 9))


class Clocks:
    """A monotonic clock and one on the wall, which somebody sets."""

    def __init__(self) -> None:
        self.monotonic_s, self.offset_s = 100.0, 1_700_000_000.0

    def clock(self) -> WallClock:
        return WallClock(lambda: self.monotonic_s + self.offset_s, lambda: self.monotonic_s)


def test_times_do_not_tremble_and_follow_a_step() -> None:
    clocks = Clocks()
    clock = clocks.clock()
    assert clock.text(100.0) == "2023-11-14T22:15:00.000+00:00"
    clocks.offset_s += 0.01  # the clocks drift
    assert clock.epoch_s(100.0) == 1_700_000_100.0
    clocks.offset_s += 3600  # somebody sets one
    assert clock.text(100.0) == "2023-11-14T23:15:00.010+00:00"


@given(st.lists(st.floats(1e9, 2e9), min_size=1, max_size=50))
def test_ids_sort_and_differ_whatever_the_clock_does(times_s: list[float]) -> None:
    ids = EventIds("00000000")
    made = [ids.next(time_s) for time_s in times_s]
    assert made == sorted(set(made))
    assert EventIds().next(max(times_s) + 1) > made[-1]  # after a restart


def test_json_leaves_out_what_says_nothing() -> None:
    fields = EVENT.to_json()
    assert fields["event"] == "start"
    assert fields["started_at"] == 1.0
    assert fields["captured_at"] == 2.0
    assert fields["frames"] == {"first": 0, "best": 9, "newest": 9}
    assert not fields.keys() & {"ended", "reason", "track", "zone", "peak", "box"}


def test_lines_hold_events(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with JsonLines(str(path), RunInfo(())) as sink:
        assert isinstance(sink, TakesEvents)
        sink.take_event(EVENT, Frame(np.zeros((2, 2, 3), np.uint8), 9))
    assert json.loads(path.read_text()) == EVENT.to_json()


class Recorder:
    """A sink and judges in one: what came, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def take(self, frame: Frame, decisions: object) -> list[Event]:
        self.calls.append("take")
        return [EVENT]

    def end(self, reason: str) -> list[Event]:
        self.calls.append(reason)
        return [EVENT]

    def take_event(self, event: Event, frame: Frame) -> None:
        self.calls.append(f"event of frame {frame.number}")

    def close(self) -> None: ...


def test_sinks_get_events_before_their_frame_and_when_frames_stop() -> None:
    sink, judges = Recorder(), Recorder()
    feed = loop.Feed(SourceSummary.__new__(SourceSummary), None, [sink], judges=judges)
    feed.end_events("source lost")
    assert judges.calls == []  # nothing was seen yet
    feed.take(Frame(np.zeros((2, 2, 3), np.uint8), 7), ())
    feed.show_gap(1.5, has_ended=False)
    assert judges.calls == ["take", "source lost"]
    assert sink.calls == ["event of frame 7", "take", "event of frame 7"]
