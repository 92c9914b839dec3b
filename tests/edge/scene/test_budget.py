"""Milliseconds a frame: evenly shared, never spent twice, and what they were measured as."""

import math
from collections import Counter
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from edge.bundle import Bundle
from edge.scene.budget import DETECTOR, ENCODER, Budget
from tests.edge.scene.scenes import FakeClock, World, box

LAW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@LAW
@given(st.integers(1, 4), st.integers(1, 11))
def test_calls_are_shared_evenly(tiny_bundle: Bundle, calls: int, people: int) -> None:
    """Of c calls a frame each of n people gets c / n of the frames, within one."""
    frames = 30
    world = World(
        tiny_bundle, [[box(i) for i in range(people)]], budget_ms=calls + 0.01, max_people=20
    )
    world.run(1)
    world.network.crops.clear()
    world.run(frames, first=1)
    counts = Counter(region.box[0] for _, region in world.network.crops)
    assert len(counts) == people
    share = min(calls / people, 1)
    assert all(abs(count - share * frames) <= 1 for count in counts.values())


def test_passes_that_were_saved_say_nothing_of_the_next_one() -> None:
    clock = FakeClock()
    budget = Budget(10.0, clock=clock)
    budget.begin_frame()
    for cost_ms, is_saved in ((4.0, False), (0.25, True), (0.25, True)):
        with budget.spend(ENCODER, partial(bool, is_saved)):
            clock.now_s += cost_ms / 1e3
    assert budget.costs_ms[ENCODER] == pytest.approx(4.0)
    assert budget.allows_call
    with budget.spend(ENCODER):
        clock.now_s += 4e-3
    assert not budget.allows_call


@LAW
@given(st.floats(2.0, 40.0), st.integers(0, 11), st.floats(0.5, 8.0), st.floats(0.0, 60.0))
def test_frames_are_never_slowed(
    tiny_bundle: Bundle, budget_ms: float, people: int, encoder_ms: float, detector_ms: float
) -> None:
    """On average a frame takes its budget at most, and a single one no more than a pass of each
    longer."""
    world = World(
        tiny_bundle, [[box(i) for i in range(people)]],
        budget_ms=budget_ms, encoder_ms=encoder_ms, detector_ms=detector_ms, max_people=20,
    )  # fmt: skip
    world.run(40)
    known = world.busy_ms[2:]
    assert max(known) <= budget_ms + encoder_ms + detector_ms + 1e-6
    slack_ms = detector_ms + encoder_ms + budget_ms
    assert sum(world.busy_ms) <= len(world.busy_ms) * budget_ms + 2 * slack_ms + detector_ms


def test_detections_follow_the_budget() -> None:
    clock = FakeClock()
    budget = Budget(20.0, clock=clock)
    assert budget.frames_per_detection(10) == 1
    for what, cost_s in ((DETECTOR, 0.018), (ENCODER, 0.003)):
        with budget.spend(what):
            clock.now_s += cost_s
    # a pass and a call for each person, 20 ms a frame
    assert [budget.frames_per_detection(n) for n in (0, 1, 3, 10, 100)] == [1, 2, 2, 3, 16]
    assert [budget.frames_per_detection(n, most=5) for n in (3, 10, 100)] == [2, 3, 5]
    for _ in range(31):
        with budget.spend(DETECTOR):
            clock.now_s += 0.095
    # no more than half of the budget, if there are too many people for it
    assert [budget.frames_per_detection(n, most=5) for n in (0, 1, 10, 100)] == [5, 5, 7, 10]
    assert Budget(20.0, detect_every=3).frames_per_detection(5) == 3
    assert Budget(math.inf).frames_per_detection(99) == 1


def test_a_budget_below_one_call_is_saved_up(tiny_bundle: Bundle) -> None:
    world = World(tiny_bundle, [[box(0), box(3)]], budget_ms=1.0, encoder_ms=4.0)
    world.run(80)
    assert world.scene.summary.calls == pytest.approx(80 / 4, abs=2)


def test_windows_that_are_stretched_in_time_are_said_once(
    tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(
        tiny_bundle, [[box(i) for i in range(10)]], budget_ms=2.5, rate_hz=25.0, max_people=20
    )
    world.run(100)
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert "less often than the 25 times a second that the network was trained at" in errors[0]
    assert "raise --budget-ms (2.5 ms a frame now)" in errors[0]
    lines = "\n".join(world.scene.summary.lines())
    assert "calls that were due (25 %)" in lines
    assert "looked at 6.3 times a second instead of 25.0" in lines
    assert "looks 4.0 times as fast" in lines


def test_windows_are_stretched_too_if_nobody_knows_the_trained_rate(
    tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which the summary says; whether it matters is not known, so nothing is told meanwhile."""
    world = World(tiny_bundle, [[box(i) for i in range(10)]], budget_ms=5, max_people=20)
    world.run(100)
    assert not capsys.readouterr().err
    lines = "\n".join(world.scene.summary.lines())
    assert "instead of 25.3: what they do looks 2.0 times as fast" in lines


def test_nothing_is_said_of_a_budget_that_is_enough(
    tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    World(tiny_bundle, [[box(0), box(3)]], budget_ms=2.5, rate_hz=25.0).run(100)
    assert not capsys.readouterr().err


def test_the_whole_budget_is_used(tiny_bundle: Bundle) -> None:
    """Of 2.5 calls a frame half of the frames get two, half three; the detector costs 3 calls."""
    people = [[box(i) for i in range(10)]]
    world = World(tiny_bundle, people, budget_ms=10.0, encoder_ms=4.0, detector_ms=12.0)
    world.run(200)
    assert sum(world.busy_ms) == pytest.approx(200 * 10, rel=0.02)
    # a round of a pass and ten calls is 5.2 frames long
    assert world.scene.summary.detections == pytest.approx(200 / 6, abs=2)


def test_a_detector_that_is_too_slow_to_follow_anybody_is_said_once(
    tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """900 ms in 20 ms a frame, of which it has half: a pass every 90 frames of 40 ms."""
    World(tiny_bundle, [[box(0)]], budget_ms=20.0, detector_ms=900.0).run(60)
    errors = capsys.readouterr().err
    assert errors.count("20.0 ms a frame are too few for a detector that takes 900") == 1


def test_a_detector_that_its_user_runs_too_rarely_is_said(
    tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    World(tiny_bundle, [[box(0)]], detect_every=60).run(60)
    errors = capsys.readouterr().err
    assert errors.count("--detect-every 60 is too rare") == 1 and "--budget-ms" not in errors


@pytest.mark.parametrize("budget_ms", [5e-324, 1e-300])
def test_a_budget_of_nearly_nothing_is_one(tiny_bundle: Bundle, budget_ms: float) -> None:
    world = World(tiny_bundle, [[box(0)]], budget_ms=budget_ms, detector_ms=5.0)
    assert world.run(5)[-1].presence.count == 1
