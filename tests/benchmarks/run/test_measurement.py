import pytest

from edge_benchmarks.measure.timing import FrameTiming, Plan, SubjectTimings, TimerCheck
from edge_benchmarks.record import Measurement, Streaming
from edge_benchmarks.run.measurement import ratio, streaming, streaming_ceiling, to_measurement
from edge_benchmarks.run.targets import Target
from tests.benchmarks.fakes import FakeClock, FakeSubject, numbered
from tests.benchmarks.samples import RERUN, STREAMED, UNMEASURED

TIMER = TimerCheck(resolution_ns=10.0, cost_ns=20.0)


def trial_of(*rounds: list[FrameTiming]) -> SubjectTimings:
    trial = SubjectTimings(FakeSubject(FakeClock(), [1.0]), numbered(1), Plan())
    trial.rounds.extend(rounds)
    return trial


def frame(total_ms: float, encodings: int = 1) -> FrameTiming:
    return FrameTiming(total_ms, {"head": 1.0}, {"encoder": 2.0}, {"encoder": encodings})


def test_figures_of_a_trial() -> None:
    found = to_measurement(
        Target("streamed", size_bytes=7),
        trial_of([frame(3.0), frame(4.0)], [frame(5.0)]),
        TIMER,
    )
    assert (found.total_ms.n, found.total_ms.p50) == (3, 4.0)
    assert found.overhead_ms.p50 == 2.0
    assert found.round_p50_ms == (3.5, 5.0)
    assert found.stages_ms["head"].p50 == 1.0 and found.invokes_ms["encoder"].max == 2.0
    assert found.size_bytes == 7 and found.not_measured == ""


def test_a_second_encoder_pass_would_show() -> None:
    rounds = [frame(3.0), frame(3.0), frame(3.0), frame(3.0, encodings=2)]
    assert to_measurement(Target("streamed"), trial_of(rounds), TIMER).invocations == {
        "encoder": 1.25
    }


def test_without_an_engine_there_is_no_overhead_to_know() -> None:
    found = to_measurement(Target("Keras predict"), trial_of([FrameTiming(9.0)]), TIMER)
    assert found.overhead_ms is None and found.invokes_ms == {}


def test_the_ceiling_of_streaming() -> None:
    assert streaming_ceiling(15, 3.0, 1.0) == 11.5  # (15 * 3 + 1) / (3 + 1)
    assert streaming_ceiling(15, 3.0, 0.0) == 15.0
    assert streaming_ceiling(1, 3.0, 1.0) == 1.0


def test_what_streaming_wins() -> None:
    assert streaming(15, STREAMED, RERUN) == Streaming(11.5, 11.0)
    assert streaming(15, STREAMED, None) == Streaming(11.5, None)


def test_an_uncut_network_has_nothing_to_win() -> None:
    whole = Measurement(
        "streamed", total_ms=STREAMED.total_ms, invokes_ms={"model": RERUN.total_ms}
    )
    assert streaming(15, whole, None) is None


def test_no_ratio_to_what_was_not_measured() -> None:
    assert ratio(UNMEASURED, STREAMED) is None
    assert ratio(RERUN, STREAMED) == pytest.approx(11.0)
