from edge.bundle import Bundle
from edge.check.evaluate import WindowRerun
from edge.stream import Stream, StreamOptions
from edge_benchmarks.measure.subjects import RerunSubject, StreamSubject
from edge_benchmarks.measure.timing import series
from tests import tiny


def test_a_stream_encodes_each_frame_once(tiny_bundle: Bundle) -> None:
    subject = StreamSubject(Stream(tiny_bundle))
    timings = [subject.step(frame) for frame in tiny.frames(7)]
    assert timings[: tiny.WINDOW - 1] == [None] * (tiny.WINDOW - 1)
    for timing in timings[tiny.WINDOW - 1 :]:
        assert timing.invocations == {"encoder": 1, "head": 1}
        assert list(timing.stages_ms) == ["preprocess", "encoder", "head"]
        assert 0 < sum(timing.invokes_ms.values()) < timing.total_ms


def test_frames_between_decisions_are_timed_as_well(tiny_bundle: Bundle) -> None:
    subject = StreamSubject(Stream(tiny_bundle, StreamOptions(hop=3)))
    timings = [subject.step(frame) for frame in tiny.frames(9)]
    assert timings[: tiny.WINDOW - 1] == [None] * (tiny.WINDOW - 1)
    measured = timings[tiny.WINDOW - 1 :]
    assert [timing.decided for timing in measured] == [True, False, False, True, False, False]
    assert [timing.invocations["head"] for timing in measured] == [1, 0, 0, 1, 0, 0]
    assert all(timing.total_ms > timing.stages_ms["encoder"] > 0 for timing in measured)
    by_stage = series(measured, lambda timing: timing.stages_ms)
    assert {name: len(each) for name, each in by_stage.items()} == {
        "preprocess": 6, "encoder": 6, "head": 2,
    }  # fmt: skip
    assert len(series(measured, lambda timing: timing.invokes_ms)["head"]) == 2


def test_a_rerun_encodes_the_whole_window(tiny_bundle: Bundle) -> None:
    subject = RerunSubject(WindowRerun(tiny_bundle))
    timings = [subject.step(frame) for frame in tiny.frames(5)]
    assert timings[: tiny.WINDOW - 1] == [None] * (tiny.WINDOW - 1)
    assert timings[-1].invocations == {"encoder": tiny.WINDOW, "head": 1}
