"""An output behind a queue: what it gets, what is dropped, and what its failures do."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from edge.sinks import Gap, queued
from edge.sinks.queued import Queued, QueueLimits, QueuePolicy
from edge.stream import Decision, Frame
from edge_common import SinkError

DECISION = Decision(0, 0.0, 1.0, {}, {})
LIVE, RECORDING = QueuePolicy(), QueuePolicy(waits=True, is_fatal=True)


@dataclass
class Output:
    """Remembers what it took; waits for `gate`, and fails as long as `problems` has any."""

    items: list[object] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    problems: list[Exception] = field(default_factory=list)
    closed: int = 0

    def take(self, frame: Frame, decisions: object) -> None:
        self._add(frame.number)

    def show_gap(self, gap: Gap) -> None:
        self._add(f"gap {gap.seconds:g}")

    def _add(self, item: object) -> None:
        self.entered.set()
        assert self.gate.wait(30)
        if self.problems:
            raise self.problems.pop(0)
        self.items.append(item)

    def close(self) -> None:
        self.closed += 1


def _frame(number: int) -> Frame:
    return Frame(np.full((2, 2, 3), number % 256, np.uint8), number)


def _opened() -> Output:
    output = Output()
    output.gate.set()
    return output


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "_FIRST_PAUSE_S", 0.001)


def test_all_is_handed_on_in_its_order_and_the_sink_is_closed() -> None:
    output = _opened()
    with Queued(output, "out", RECORDING) as sink:
        for number in range(300):
            sink.take(_frame(number), [])
            if number == 150:
                sink.show_gap(Gap(2.0, has_ended=True))
    assert output.items == [*range(151), "gap 2", *range(151, 300)]
    assert output.closed == 1 and sink.counts.delivered == 301
    assert str(sink.counts) == ""


def test_a_slow_output_of_a_live_source_loses_the_oldest_frames_and_no_event() -> None:
    output = Output()
    with Queued(output, "out", LIVE, QueueLimits(frames=3, events=3)) as sink:
        sink.take(_frame(0), [])
        assert output.entered.wait(30)
        sink.show_gap(Gap(1.0, has_ended=True))
        for number in range(1, 8):
            sink.take(_frame(number), [])
        output.gate.set()
    assert output.items == [0, "gap 1", 5, 6, 7]
    assert (sink.counts.dropped, sink.counts.dropped_events) == (4, 0)
    assert str(sink.counts) == "out: 4 dropped"


def test_events_have_a_bound_too() -> None:
    output = Output()
    with Queued(output, "out", LIVE, QueueLimits(frames=3, events=2)) as sink:
        sink.take(_frame(0), [])
        assert output.entered.wait(30)
        for seconds in (1.0, 2.0, 3.0):
            sink.show_gap(Gap(seconds, has_ended=True))
        output.gate.set()
    assert output.items == [0, "gap 2", "gap 3"]
    assert sink.counts.dropped_events == 1


def test_frames_are_bounded_by_their_bytes() -> None:
    output = Output()
    with Queued(output, "out", LIVE, QueueLimits(frame_bytes=24)) as sink:  # 12 each
        sink.take(_frame(0), [])
        assert output.entered.wait(30)
        for number in range(1, 5):
            sink.take(_frame(number), [])
        output.gate.set()
    assert output.items == [0, 3, 4]


def test_memory_that_a_source_uses_again_changes_nothing() -> None:
    pixels: list[np.ndarray] = []

    class Keeper:
        def take(self, frame: Frame, decisions: object) -> None:
            assert reused.wait(30)
            pixels.append(frame.pixels)

        def close(self) -> None:
            """Nothing is open."""

    reused, frame = threading.Event(), _frame(7)
    with Queued(Keeper(), "out", RECORDING) as sink:
        sink.take(frame, [])
        frame.pixels[:] = 0
        reused.set()
    assert (pixels[0] == 7).all()


def test_a_sink_of_decisions_gets_no_pixels_and_no_frame_without_one() -> None:
    sizes: list[int] = []

    class Sizes(Output):
        def take(self, frame: Frame, decisions: object) -> None:
            sizes.append(frame.pixels.size)

    with Queued(Sizes(), "out", QueuePolicy(waits=True, sees_frames=False)) as sink:
        sink.take(_frame(0), [])
        sink.take(_frame(1), [DECISION])
    assert sizes == [0]


def test_a_failure_is_reported_and_what_failed_is_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = _opened()
    output.problems += [SinkError("the disk is full"), OSError("again")]
    with Queued(output, "out", LIVE) as sink:
        sink.take(_frame(0), [])
        assert _until(lambda: sink.counts.delivered == 1)
        output.problems.append(SinkError("full once more"))
        sink.take(_frame(1), [])
        assert _until(lambda: sink.counts.delivered == 2)
    assert output.items == [0, 1]
    assert (sink.counts.failures, sink.counts.problem) == (2, "")
    report, end = capsys.readouterr().err.splitlines()  # the second time within a minute is silent
    assert report == "out: the disk is full; the run goes on, and tries again"
    assert end.startswith("out works again after")


def test_an_output_that_gave_something_up_works_again_once_it_has_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As clips: after a lost one frames are taken as ever, which proves nothing."""
    output = _opened()
    output.problems, output.is_failing = [SinkError("disk full")], True  # type: ignore[attr-defined]
    sink = Queued(output, "out", LIVE)
    sink.take(_frame(0), [])
    assert _until(lambda: output.items == [0])
    sink.take(_frame(1), [])
    assert _until(lambda: sink.counts.delivered == 2)
    assert sink.counts.problem == "disk full"
    assert "works again" not in capsys.readouterr().err
    output.is_failing = False  # type: ignore[attr-defined]
    sink.take(_frame(2), [])
    assert _until(lambda: not sink.counts.problem)
    sink.close()
    assert "out works again after" in capsys.readouterr().err


def test_what_a_failing_output_never_took_is_counted_at_the_end() -> None:
    output = _opened()
    output.problems += [SinkError("dead")] * 1000
    with Queued(output, "out", LIVE) as sink:
        sink.take(_frame(0), [])
        sink.take(_frame(1), [])
        sink.show_gap(Gap(1.0, has_ended=True))
        assert _until(lambda: bool(sink.counts.problem))
        assert str(sink.counts) == "out: failing"
    assert (sink.counts.dropped, sink.counts.dropped_events) == (2, 1)
    assert sink.counts.to_json()["problem"] == "dead"


def test_a_fatal_failure_is_raised_in_the_next_call_or_at_the_end() -> None:
    output = _opened()
    output.problems += [SinkError("dead"), SinkError("dead")]
    sink = Queued(output, "out", RECORDING)
    sink.take(_frame(0), [])
    with pytest.raises(SinkError, match="dead"):
        for number in range(1, 1000):
            sink.take(_frame(number), [])
    with pytest.raises(SinkError, match="dead"):
        sink.close()
    sink.close()
    assert output.closed == 2


def test_a_reader_that_left_ends_the_run() -> None:
    output = _opened()
    output.problems.append(BrokenPipeError())
    sink = Queued(output, "out", LIVE)
    sink.take(_frame(0), [])
    with pytest.raises(BrokenPipeError):
        sink.close()


def test_the_end_waits_no_longer_than_its_bound(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    sink = Queued(output, "out", LIVE, QueueLimits(drain_s=0.01))
    for number in range(3):
        sink.take(_frame(number), [])
    assert output.entered.wait(30)
    sink.close()
    assert sink.counts.dropped == 2 and output.closed == 0
    assert "out did not finish in 0.01 s" in capsys.readouterr().err
    output.gate.set()


def _until(condition: Callable[[], bool]) -> bool:
    ticks = threading.Event()
    return any(condition() or ticks.wait(0.005) for _ in range(6000))
