import pytest

from edge.stream import Stream
from edge_benchmarks.measure.timing import Plan
from edge_benchmarks.scenarios.capacity import largest, search_capacity
from edge_benchmarks.scenarios.multi_stream import MultiStreamResult, measure_multi_stream
from edge_benchmarks.scenarios.timed_stream import BareStream
from edge_common.data import decode, encode
from tests import tiny
from tests.benchmarks.fakes import FakeClock, FakeSubject, numbered

PLAN = Plan(frames=3, seconds=0.001, warmup=0)


def test_served_in_turn_the_slowest_waits_for_all() -> None:
    clock = FakeClock()
    subjects = [FakeSubject(clock, [2.0]), FakeSubject(clock, [3.0])]
    found = measure_multi_stream(subjects, numbered(5), PLAN, clock=clock)
    assert found == MultiStreamResult(2, 1, (5.0, 5.0, 5.0), 0.015)
    assert (found.frames_per_second, found.p99_ms) == (400.0, 5.0)
    assert found.keeps(200.0) and not found.keeps(201.0)


def test_rounds_until_it_took_long_enough() -> None:
    clock = FakeClock()
    plan = Plan(frames=3, seconds=0.05, warmup=0)
    found = measure_multi_stream([FakeSubject(clock, [5.0])], numbered(5), plan, clock=clock)
    assert len(found.slowest_ms) == 10


def test_every_stream_gets_frames_of_its_own() -> None:
    clock = FakeClock()
    subjects = [FakeSubject(clock, [1.0]) for _ in range(2)]
    measure_multi_stream(subjects, numbered(3), PLAN, clock=clock)
    assert [subject.frames[1:] for subject in subjects] == [[0, 1, 2], [1, 2, 0]]


def test_one_thread_a_stream() -> None:
    subjects = [FakeSubject(FakeClock(), [1.0]) for _ in range(3)]
    plan = Plan(frames=4, seconds=0.0, warmup=0)
    found = measure_multi_stream(subjects, numbered(5), plan, threaded=True)
    assert (found.threads, len(found.slowest_ms), found.complete) == (3, 4, True)
    assert [len(subject.frames) for subject in subjects] == [1 + 4] * 3


def test_ctrl_c_keeps_the_rounds_so_far() -> None:
    clock, done = FakeClock(), []

    def interrupt() -> None:
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt

    subjects = [FakeSubject(clock, [5.0])]
    found = measure_multi_stream(subjects, numbered(5), PLAN, clock=clock, on_round=interrupt)
    assert found == MultiStreamResult(1, 1, (5.0, 5.0), 0.010, complete=False)


def test_nothing_measured_keeps_no_rate() -> None:
    empty = MultiStreamResult(2, 1, complete=False)
    assert (empty.p99_ms, empty.frames_per_second, empty.keeps(0.1)) == (None, None, False)


@pytest.mark.parametrize("limit", [1, 5, 8, 11])
@pytest.mark.parametrize("true", range(12))
def test_the_largest_number_is_found(true: int, limit: int) -> None:
    tried = []

    def holds(number: int) -> bool:
        tried.append(number)
        return number <= true

    assert largest(holds, limit) == min(true, limit)
    assert max(tried) <= limit and len(tried) == len(set(tried)) <= 8


def measured(subjects) -> MultiStreamResult:
    """Each stream takes 7 ms."""
    return MultiStreamResult(len(subjects), 1, (7.0 * len(subjects),) * 3, 1.0)


def test_capacity_opens_only_the_streams_that_it_needs() -> None:
    opened, told = [], []
    found = search_capacity(
        lambda: opened.append(1), [], PLAN, 25.0, measure=measured, on_attempt=told.append
    )
    assert [attempt.streams for attempt in found.tried] == [1, 2, 4, 8, 6, 5]
    assert (found.streams, found.complete, len(opened)) == (5, True, 8)  # 35 of 40 ms
    assert tuple(told) == found.tried


def test_not_even_one_stream_may_keep_a_rate() -> None:
    assert search_capacity(lambda: None, [], PLAN, 200.0, measure=measured).streams == 0


def test_an_interrupted_search_tells_what_it_proved() -> None:
    def interrupted(subjects) -> MultiStreamResult:
        return measured(subjects) if len(subjects) < 4 else MultiStreamResult(4, 1, complete=False)

    found = search_capacity(lambda: None, [], PLAN, 25.0, measure=interrupted)
    assert (found.streams, len(found.tried), found.complete) == (2, 2, False)


def test_a_real_bundle(tiny_bundle) -> None:
    pictures, plan = list(tiny.frames(5)), Plan(frames=3, seconds=0.001, warmup=0)
    found = search_capacity(
        lambda: BareStream(Stream(tiny_bundle)), pictures, plan, 0.5, limit=3, threaded=True
    )
    assert [(a.streams, a.threads) for a in found.tried] == [(1, 1), (2, 2), (3, 3)]
    assert found.streams == 3 and found.complete
    assert decode(type(found), encode(found)) == found
