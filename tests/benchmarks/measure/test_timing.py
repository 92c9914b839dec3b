import pytest

from edge_benchmarks.measure.timing import (
    SETTLE_FRAMES,
    EngineProbe,
    FrameTiming,
    Plan,
    SubjectTimings,
    alternate,
)
from tests.benchmarks.fakes import FakeClock, FakeEngine, FakeSubject, numbered


def test_a_probe_times_and_counts_from_outside() -> None:
    clock = FakeClock()
    engine = FakeEngine(clock, 2.5)
    probe = EngineProbe(engine, clock)
    for _ in range(3):
        engine.invoke()
    assert (probe.spent_ms, probe.invocations) == (7.5, 3)


def test_a_probe_starts_anew_for_each_frame() -> None:
    clock = FakeClock()
    engine = FakeEngine(clock, 2.5)
    engine.invoke()
    probe = EngineProbe(engine, clock)
    engine.invoke()
    probe.reset()
    engine.invoke()
    assert (probe.spent_ms, probe.invocations, engine.invocations) == (2.5, 1, 3)


def test_overhead_is_the_total_less_the_runtime() -> None:
    timing = FrameTiming(4.0, invokes_ms={"encoder": 3.0, "head": 0.75})
    assert timing.overhead_ms == 0.25


def test_a_plan_shares_its_minima_among_the_rounds() -> None:
    plan = Plan(frames=301, seconds=3.0, rounds=10)
    assert plan.block_frames == 31
    assert plan.block_ns == 300_000_000


def test_warming_up_fills_the_window_and_keeps_nothing() -> None:
    clock = FakeClock()
    subject = FakeSubject(clock, [1.0], window=4)
    trial = SubjectTimings(subject, numbered(100), Plan(warmup=5), clock)
    trial.warm_up()
    assert subject.frames == list(range(4 + 5))
    assert trial.timings == []


def test_a_round_lasts_until_it_has_enough_frames() -> None:
    clock = FakeClock()
    trial = SubjectTimings(FakeSubject(clock, [100.0]), numbered(1), Plan(20, 1.0, rounds=2), clock)
    trial.measure_round()
    assert len(trial.timings) == 10  # though 5 took half of the minimum time


def test_a_round_lasts_until_it_took_long_enough() -> None:
    clock = FakeClock()
    trial = SubjectTimings(FakeSubject(clock, [1.0]), numbered(1), Plan(20, 1.0, rounds=2), clock)
    trial.measure_round()
    assert len(trial.timings) == 500


def test_the_first_frames_of_a_round_are_not_kept() -> None:
    clock = FakeClock()
    subject = FakeSubject(clock, [50.0] * SETTLE_FRAMES + [1.0])
    trial = SubjectTimings(subject, numbered(1), Plan(4, 0.001, rounds=1), clock)
    trial.measure_round()
    assert [timing.total_ms for timing in trial.timings] == [1.0, 1.0, 1.0, 1.0]


def test_frames_come_around_again() -> None:
    clock = FakeClock()
    subject = FakeSubject(clock, [1.0])
    SubjectTimings(subject, numbered(3), Plan(5, 0.001, rounds=1), clock).measure_round()
    assert subject.frames == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("rounds", [1, 3])
def test_subjects_take_turns_in_each_round(rounds: int) -> None:
    clock, log, done = FakeClock(), [], []
    plan = Plan(frames=rounds, seconds=0.001, rounds=rounds, warmup=0)
    trials = [
        SubjectTimings(FakeSubject(clock, [1.0], log=log, name=name), numbered(2), plan, clock)
        for name in "AB"
    ]
    alternate(trials, rounds, lambda: done.append("x"))
    block = SETTLE_FRAMES + 1
    assert "".join(log) == "AB" + ("A" * block + "B" * block) * rounds
    assert [len(trial.rounds) for trial in trials] == [rounds, rounds]
    assert len(done) == rounds


def test_processor_time_is_taken_beside_the_clock() -> None:
    clock, cpu = FakeClock(), FakeClock()

    class Waits(FakeSubject):
        def step(self, pixels):
            cpu.pass_ms(0.25)
            return super().step(pixels)

    trial = SubjectTimings(Waits(clock, [1.0]), numbered(1), Plan(2, 0.001, rounds=1), clock, cpu)
    trial.measure_round()
    assert [(t.total_ms, t.cpu_ms) for t in trial.timings] == [(1.0, 0.25), (1.0, 0.25)]
