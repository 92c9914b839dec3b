from edge.bundle.archive import Bundle
from edge.check.rerun import WindowRerun
from edge.stream.stream import Stream
from edge_benchmarks.measure.subjects import RerunSubject, StreamSubject
from tests import tiny


def test_a_stream_encodes_each_frame_once(tiny_bundle: Bundle) -> None:
    subject = StreamSubject(Stream(tiny_bundle))
    timings = [subject.step(frame) for frame in tiny.frames(7)]
    assert timings[: tiny.WINDOW - 1] == [None] * (tiny.WINDOW - 1)
    for timing in timings[tiny.WINDOW - 1 :]:
        assert timing.invocations == {"encoder": 1, "head": 1}
        assert list(timing.stages_ms) == ["preprocess", "encoder", "head"]
        assert 0 < sum(timing.invokes_ms.values()) < timing.total_ms


def test_a_rerun_encodes_the_whole_window(tiny_bundle: Bundle) -> None:
    subject = RerunSubject(WindowRerun(tiny_bundle))
    timings = [subject.step(frame) for frame in tiny.frames(5)]
    assert timings[: tiny.WINDOW - 1] == [None] * (tiny.WINDOW - 1)
    assert timings[-1].invocations == {"encoder": tiny.WINDOW, "head": 1}
