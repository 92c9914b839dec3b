import json

from edge.stream import Stream
from edge_benchmarks.measure.subjects import StreamSubject
from edge_benchmarks.measure.timing import FrameTiming, Plan, SubjectTimings
from edge_benchmarks.scenarios.base import FrameSamples
from edge_benchmarks.scenarios.timed_stream import (
    BareStream,
    SingleStreamResult,
    measure_single_stream,
)
from edge_common.data import decode, encode
from tests import tiny
from tests.benchmarks.fakes import FakeClock, FakeSubject, numbered

PLAN = Plan(frames=4, seconds=0.001, rounds=2, warmup=0)
WARMUP, SETTLE = 1, 2


class Interrupted(FakeSubject):
    """A subject at whose last frame the user presses Ctrl-C."""

    def __init__(self, clock: FakeClock, frames: int) -> None:
        super().__init__(clock, [1.0])
        self._left = frames

    def step(self, pixels) -> FrameTiming | None:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        return super().step(pixels)


def test_samples_are_those_of_the_rounds_in_their_order() -> None:
    clock = FakeClock()
    one_round = [9.0] * SETTLE + [1.0, 2.0]
    trial = SubjectTimings(
        FakeSubject(clock, [9.0] + 2 * one_round), numbered(3), PLAN, clock, clock
    )
    found = measure_single_stream({"A": trial}, 2)
    assert found == SingleStreamResult(
        {"A": FrameSamples((1.0, 2.0, 1.0, 2.0), (1.0, 2.0, 1.0, 2.0), rounds=(2, 2))}
    )


def test_stages_and_parts_are_series_of_their_own() -> None:
    class Staged(FakeSubject):
        def step(self, pixels) -> FrameTiming:
            super().step(pixels)
            return FrameTiming(3.0, {"encoder": 2.0, "head": 1.0}, {"encoder": 1.5})

    clock = FakeClock()
    plan = Plan(2, 0.001, rounds=1, warmup=0)
    trial = SubjectTimings(Staged(clock, [3.0]), numbered(1), plan, clock)
    samples = measure_single_stream({"A": trial}, 1).samples["A"]
    assert samples.stages_ms == {"encoder": (2.0, 2.0), "head": (1.0, 1.0)}
    assert samples.invokes_ms == {"encoder": (1.5, 1.5)}


def test_ctrl_c_keeps_whole_rounds() -> None:
    clock = FakeClock()
    frames = WARMUP + (SETTLE + 2) + SETTLE + 1  # one round and a half
    trial = SubjectTimings(Interrupted(clock, frames), numbered(1), PLAN, clock)
    found = measure_single_stream({"A": trial}, 2)
    assert not found.complete
    assert found.samples["A"].rounds == (2,)


def test_ctrl_c_while_warming_up_leaves_nothing() -> None:
    clock = FakeClock()
    trial = SubjectTimings(Interrupted(clock, 0), numbered(1), PLAN, clock)
    assert measure_single_stream({"A": trial}, 2) == SingleStreamResult({}, complete=False)


def test_probed_and_bare_streams_of_a_real_bundle(tiny_bundle) -> None:
    pictures, plan = list(tiny.frames(6)), Plan(6, 0.001, rounds=2, warmup=2)
    subjects = {
        "probed": StreamSubject(Stream(tiny_bundle)),
        "bare": BareStream(Stream(tiny_bundle)),
    }
    trials = {name: SubjectTimings(subject, pictures, plan) for name, subject in subjects.items()}
    found = measure_single_stream(trials, plan.rounds)
    assert found.complete
    assert list(found.samples["probed"].invokes_ms) == ["encoder", "head"]
    assert list(found.samples["bare"].stages_ms) == ["preprocess", "encoder", "head"]
    assert len(found.samples["bare"].total_ms) == sum(found.samples["bare"].rounds) >= 6
    assert decode(SingleStreamResult, json.loads(json.dumps(encode(found)))) == found
