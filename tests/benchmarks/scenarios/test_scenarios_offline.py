from edge.stream import Stream
from edge_benchmarks.measure.timing import Plan
from edge_benchmarks.scenarios.offline import Batch, OfflineResult, measure_offline
from edge_benchmarks.scenarios.timed_stream import BareStream
from edge_common.data import decode, encode
from tests import tiny
from tests.benchmarks.fakes import FakeClock, FakeSubject, numbered


def test_batches_until_there_are_enough_frames() -> None:
    clock, cpu = FakeClock(), FakeClock()

    class Busy(FakeSubject):
        def step(self, pixels):
            cpu.pass_ms(3.0)
            return super().step(pixels)

    plan = Plan(frames=9, seconds=0.001, rounds=2, warmup=1)
    found = measure_offline(Busy(clock, [2.0]), numbered(4), plan, clock=clock, cpu_clock=cpu)
    assert found == OfflineResult((Batch(5, 0.01, 0.015), Batch(5, 0.01, 0.015)))
    assert found.frames_per_second == found.batches[0].frames_per_second == 500.0
    assert found.busy_cores == 1.5


def test_batches_until_it_took_long_enough() -> None:
    clock, done = FakeClock(), []
    plan = Plan(frames=4, seconds=0.1, rounds=2, warmup=0)
    subject = FakeSubject(clock, [10.0])
    found = measure_offline(
        subject, numbered(4), plan, clock=clock, on_batch=lambda: done.append(1)
    )
    assert len(found.batches) == len(done) == 5


def test_ctrl_c_keeps_whole_batches() -> None:
    clock = FakeClock()

    def interrupt() -> None:
        raise KeyboardInterrupt

    plan = Plan(frames=4, seconds=0.1, rounds=2, warmup=0)
    subject = FakeSubject(clock, [10.0])
    found = measure_offline(subject, numbered(4), plan, clock=clock, on_batch=interrupt)
    assert (len(found.batches), found.complete) == (1, False)


def test_nothing_measured_has_no_throughput() -> None:
    assert (OfflineResult().frames_per_second, OfflineResult().busy_cores) == (None, None)


def test_a_real_bundle(tiny_bundle) -> None:
    plan = Plan(frames=12, seconds=0.001, rounds=3, warmup=1)
    found = measure_offline(BareStream(Stream(tiny_bundle)), list(tiny.frames(5)), plan)
    assert found.complete and found.frames_per_second > 0
    assert [batch.frames for batch in found.batches[:3]] == [4, 4, 4]
    assert decode(OfflineResult, encode(found)) == found
