"""Milliseconds a frame: evenly shared, never spent twice, and what they were measured as."""

import math
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

pytest.importorskip("lap", reason="needs lapx: pip install 'edge-run[people]'")

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


@LAW
@given(st.floats(2.0, 40.0), st.integers(0, 11), st.floats(0.5, 8.0), st.floats(0.0, 60.0))
def test_frames_are_never_slowed(
    tiny_bundle: Bundle, budget_ms: float, people: int, encoder_ms: float, detector_ms: float
) -> None:
    """On average a frame takes its budget at most; the dearest single pass is all that it may
    take longer."""
    world = World(
        tiny_bundle, [[box(i) for i in range(people)]],
        budget_ms=budget_ms, encoder_ms=encoder_ms, detector_ms=detector_ms, max_people=20,
    )  # fmt: skip
    world.run(40)
    known = world.busy_ms[2:]
    assert max(known) <= max(budget_ms, encoder_ms) + detector_ms + 1e-6
    slack_ms = detector_ms + encoder_ms + budget_ms
    assert sum(world.busy_ms) <= len(world.busy_ms) * budget_ms + 2 * slack_ms + detector_ms


def test_detections_follow_the_budget() -> None:
    clock = FakeClock()
    budget = Budget(20.0, clock=clock)
    assert budget.frames_per_detection(10) == 1
    for what, cost_s in ((DETECTOR, 0.018), (ENCODER, 0.003)):
        with budget.spend(what):
            clock.now_s += cost_s
    # of 20 ms: all, what one and three calls leave, and half of it
    assert [budget.frames_per_detection(n) for n in (0, 1, 3, 10, 99)] == [1, 2, 2, 2, 2]
    for _ in range(31):
        with budget.spend(DETECTOR):
            clock.now_s += 0.095
    assert [budget.frames_per_detection(n) for n in (0, 1, 10)] == [5, 6, 10]
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
    assert "2.5 ms a frame" in errors[0] and "what they do looks" in errors[0]
    lines = "\n".join(world.scene.summary.lines())
    assert "calls that were due (20%)" in lines
    assert "looked at 5.1 times a second, the network was trained at 25" in lines
    assert "looks 4.9 times as fast" in lines


def test_nothing_is_said_of_a_budget_that_is_enough(
    tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    World(tiny_bundle, [[box(0), box(3)]], budget_ms=2.5, rate_hz=25.0).run(100)
    assert not capsys.readouterr().err
