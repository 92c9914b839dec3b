"""Two networks on the same frames: who is heard when, and what is counted of the other one."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge.bundle import open_bundle
from edge.stream import Decision, Frame, Network, Stream, StreamOptions
from edge.throttling import ThinnedStream
from edge.updates import bounds
from edge.updates.bounds import Before, latency_problem, probation_problem, shadow_problem
from edge.updates.rules import UpdateRules
from edge.updates.trial import FAILED, KEPT, PROBATION, SHADOW, StreamPair, Trial
from edge_common import ConfigError, EngineError

BUNDLE = open_bundle("faces-in-motion")
WINDOW = BUNDLE.manifest.window
TASKS = BUNDLE.manifest.tasks
QUIET = Before(10.0, 20.0, 0, 3600.0)  # an hour without an event
RULES = UpdateRules(shadow_s=10, probation_s=20, decisions=5, wait_s=100)
NETWORKS = [Network(BUNDLE, StreamOptions()) for _ in range(2)]


def frames(count: int, seed: int) -> list[Frame]:
    images = np.random.default_rng(seed).integers(0, 256, (count, 48, 64, 3), dtype=np.uint8)
    return [Frame(image, number, 0.0) for number, image in enumerate(images)]


def streams(hop: int = 1) -> tuple[Stream, Stream]:
    old = Stream(BUNDLE, StreamOptions(hop=hop), network=NETWORKS[0])
    return old, old.beside(NETWORKS[1])


def scores(decision: Decision | None) -> list[list[float]]:
    return [each.scores.tolist() for each in decision.tasks.values()] if decision else []


class Failing(Stream):
    """What a new network's stream is, until a frame at which something happens."""

    def __init__(self, at: int, act: Callable[[Decision | None], Decision | None]) -> None:
        super().__init__(BUNDLE, network=NETWORKS[1])
        self._at, self._act = at, act

    def push(self, frame: Frame, *rest: object) -> Decision | None:  # type: ignore[override]
        decision = super().push(frame)
        return self._act(decision) if frame.number >= self._at else decision


def crash(decision: Decision | None) -> Decision | None:
    raise EngineError("the delegate is gone")


def not_a_number(decision: Decision | None) -> Decision | None:
    if decision is None:
        return None
    spoilt = {name: replace(p, scores=p.scores * np.nan) for name, p in decision.tasks.items()}
    return replace(decision, tasks=spoilt)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 20), st.integers(0, 20), st.sampled_from([1, 3]), st.integers(0, 99))
def test_a_shadow_changes_nothing_and_a_swap_loses_nothing(
    begins: int, lasts: int, hop: int, seed: int
) -> None:
    """Heard are the old one's own answers, then the new one's, one at each frame that is due."""
    alone = Stream(BUNDLE, StreamOptions(hop=hop), network=NETWORKS[0])
    old, new = streams(hop)
    trial = Trial(TASKS)
    swaps_at = begins + lasts + WINDOW + hop  # by then its window is full
    heard: Stream | StreamPair = old
    for frame in frames(swaps_at + 12, seed):
        if frame.number == begins:
            heard = StreamPair(old, new, trial)
        if frame.number == swaps_at:
            trial.begin_probation()
        # the same network twice: whoever answers, the answer is that of one which was never shadowed
        assert scores(heard.push(frame)) == scores(alone.push(frame)), frame.number
    assert trial.phase == PROBATION and trial.problem == ""
    assert trial.decisions > 0 and not any(each.share for each in trial.agreements.values())


@pytest.mark.parametrize("act", [crash, not_a_number])
@pytest.mark.parametrize("phase", [SHADOW, PROBATION])
def test_what_fails_costs_no_frame_of_the_old_one(
    phase: str, act: Callable[[Decision | None], Decision | None]
) -> None:
    """As a shadow nothing; on probation its window begins again, once."""
    at = 2 * WINDOW
    alone, old = streams()[0], streams()[0]
    trial = Trial(TASKS)
    pair = StreamPair(old, Failing(at, act), trial)
    answers = []
    for frame in frames(at + WINDOW + 4, 1):
        if frame.number == at - 3 and phase == PROBATION:
            trial.begin_probation()
        if frame.number == at and phase == PROBATION:
            alone.reset()
        answers.append((scores(pair.push(frame)), scores(alone.push(frame))))
    assert all(mine == expected for mine, expected in answers)
    assert [
        number for number, (mine, _) in enumerate(answers) if not mine and number >= WINDOW
    ] == (list(range(at, at + WINDOW - 1)) if phase == PROBATION else [])
    assert trial.phase == FAILED and pair.heard is old and pair.old_again() is old
    words = "it failed at" if act is crash else "answered NaN or infinity at"
    assert f"{words} frame {at}" in trial.problem


def test_a_hot_board_thins_both_out_alike() -> None:
    """Windows of consecutive frames, as before, and the same of both."""
    old, new = streams()
    thinned = ThinnedStream(old, WINDOW, 1, lambda: 2)
    trial = Trial(TASKS)
    thinned.exchange(lambda inner: StreamPair(inner, new, trial))
    due = [frame.number for frame in frames(6 * WINDOW, 6) if thinned.decisions(frame)]
    assert due == [2 * WINDOW - 1, 4 * WINDOW - 1, 6 * WINDOW - 1]
    assert trial.decisions == len(due) and not trial.problem
    thinned.exchange(lambda pair: pair.new)
    assert thinned.decisions(frames(1, 7)[0]) == ()


def test_what_is_given_reaches_both(speed_bundle_path: Path) -> None:
    """Also through a hot board, and whoever is heard then."""
    bundle = open_bundle(speed_bundle_path)
    networks = [Network(bundle, StreamOptions()) for _ in range(3)]
    alone, old = (Stream(bundle, network=n, inputs={"speed": [0, 0]}) for n in networks[:2])
    trial = Trial(bundle.manifest.tasks)
    thinned = ThinnedStream(old, bundle.manifest.window, 1, lambda: 1)
    thinned.exchange(lambda inner: StreamPair(inner, inner.beside(networks[2]), trial))
    for frame in frames(12, 8):
        if frame.number == 8:
            trial.begin_probation()
        if frame.number in (5, 10):
            thinned.give({"speed": [frame.number, -1]})
            alone.give({"speed": [frame.number, -1]})
        answer = next(iter(thinned.decisions(frame)), None)
        assert scores(answer) == scores(alone.push(frame)), frame.number
    assert trial.phase == PROBATION and trial.compared == 5
    assert not any(each.share for each in trial.agreements.values())
    with pytest.raises(ConfigError, match="no input 'sped' beside frames"):
        thinned.give({"sped": [1, 2]})


def test_an_error_of_the_frame_is_not_the_new_one_s() -> None:
    old, new = streams()
    trial = Trial(TASKS)
    pair = StreamPair(old, new, trial)
    trial.begin_probation()
    with pytest.raises(Exception, match="uint8"):
        pair.push(Frame(np.zeros((4, 4), np.float32), 0, 0.0))
    assert trial.phase == PROBATION and not trial.problem


def test_a_restart_empties_both_windows() -> None:
    old, new = streams()
    pair = StreamPair(old, new, Trial(TASKS))
    for frame in frames(WINDOW, 2):
        pair.push(frame)
    pair.push(replace(frames(1, 3)[0], number=WINDOW, restart=True))
    assert not (old.full or new.full)
    pair.reset()
    assert old.pushed == new.pushed == 0


def test_what_was_kept_is_asked_alone() -> None:
    old, new = streams()
    trial = Trial(TASKS, phase=KEPT)
    pair = StreamPair(old, new, trial)
    pair.push(frames(1, 4)[0])
    assert pair.heard is new and (old.pushed, new.pushed) == (0, 1)
    assert pair.bundle is new.bundle and pair.hop == 1


def test_disagreement_is_counted_task_by_task() -> None:
    task = next(each for each in TASKS if each.name == "action")
    trial, old = Trial([task]), streams()[0]
    decisions = [each for frame in frames(WINDOW + 3, 5) if (each := old.push(frame))]
    for n, decision in enumerate(decisions):
        other = replace(decision.tasks[task.name], label="other") if n == 0 else None
        tasks = {**decision.tasks, task.name: other} if other else decision.tasks
        trial.compare(decision, replace(decision, tasks=tasks))
    trial.compare(None, decisions[0])
    assert trial.decisions == 4 and trial.agreements[task.name].share == 0.25
    before = decisions[0].tasks[task.name].label
    trial.begin_probation()
    assert trial.decisions == 0
    assert str(trial) == (
        f"4 decisions compared; {task.name} differs in 25.0 % ({before} → other 1)"
    )


def trial_of(**fields: object) -> Trial:
    trial = Trial(TASKS)
    trial.costs_ms.extend([3.0, 5.0, 4.0])
    for name, value in fields.items():
        setattr(trial, name, value)
    return trial


@pytest.mark.parametrize(
    ("fields", "passed_s", "limit_ms", "expected"),
    [
        ({"decisions": 5}, 9.9, 10.0, None),  # too early
        ({"decisions": 5}, 10.0, 10.0, ""),
        ({"decisions": 4}, 100.0, 10.0, None),  # too little
        ({"decisions": 4}, 100.1, 10.0, "4 of 5 decisions in 100 s"),
        ({"decisions": 5}, 10.0, 3.9, "4.0 ms a frame, and 3.9 ms are allowed"),
        ({"decisions": 5}, 10.0, math.inf, ""),
        ({"decisions": 5}, 10.0, math.nan, "it takes"),
        ({"decisions": 0, "problem": "NaN"}, 0.0, 10.0, "NaN"),  # at once
    ],
)
def test_a_shadow_s_bounds(
    fields: dict[str, object], passed_s: float, limit_ms: float, expected: str | None
) -> None:
    problem = shadow_problem(trial_of(**fields), passed_s, limit_ms, RULES)
    assert problem == expected if not expected else problem is not None and expected in problem


@pytest.mark.parametrize(("wrong", "is_refused"), [(50, False), (51, True)])
def test_it_may_disagree_so_much(wrong: int, is_refused: bool) -> None:
    trial = trial_of(decisions=100)
    for number in range(100):
        trial.agreements["action"].add("left", "right" if number < wrong else "left")
    problem = shadow_problem(trial, 10.0, 10.0, RULES)
    assert bool(problem) == is_refused
    if problem:
        assert problem.endswith("more than 50 % in action") and "left → right 51" in problem


@pytest.mark.parametrize(
    ("ages_ms", "events", "passed_s", "before", "expected"),
    [
        ([10.0] * 60, 0, 19.0, QUIET, None),
        ([10.0] * 60, 0, 20.0, QUIET, ""),
        ([41.0] * 60, 0, 1.0, Before(20.0, 20.0), "41 ms old, and 40 ms are allowed"),
        ([41.0] * 60, 0, 20.0, Before(20.0, 50.0), ""),  # the budget is more
        ([41.0] * 60, 0, 20.0, Before(math.nan, 50.0), ""),  # nobody knows what was before
        ([math.nan] * 60, 0, 20.0, Before(20.0, 50.0), "are allowed"),
        ([900.0] * 60, 0, 20.0, Before(20.0, math.inf), ""),  # a recording waits
        ([900.0] * 49, 0, 1.0, Before(20.0, 50.0), None),
        ([10.0] * 60, 5, 1.0, QUIET, None),
        ([10.0] * 60, 6, 1.0, QUIET, "6 events began in 1 s, and 0 to 0 were"),
        ([10.0] * 60, 46, 10.0, Before(10.0, 20.0, 3600, 3600.0), None),
        ([10.0] * 60, 47, 10.0, Before(10.0, 20.0, 3600, 3600.0), "in 10 s, and 10 to 10 were"),
        ([10.0] * 60, 0, 20.0, Before(10.0, 20.0, 3600, 3600.0), ""),
        ([10.0] * 60, 0, 20.0, Before(10.0, 20.0, 7200, 3600.0), "in 20 s, and 39 to 41 were"),
        ([10.0] * 60, 99, 20.0, Before(10.0, 20.0), ""),  # it has just begun: nobody knows
        ([10.0] * 60, 0, 20.0, Before(10.0, 20.0, 4, 0.1), ""),  # four may be none as well
    ],
)
def test_the_bounds_of_probation(
    ages_ms: list[float], events: int, passed_s: float, before: Before, expected: str | None
) -> None:
    trial = trial_of(decisions=60, phase=PROBATION)
    trial.ages_ms.extend(ages_ms)
    problem = probation_problem(trial, passed_s, events, before, RULES)
    assert problem == expected if not expected else problem is not None and expected in problem


def test_probation_without_a_decision_does_not_end_well() -> None:
    trial = trial_of(phase=PROBATION)
    assert probation_problem(trial, 120.0, 0, Before(), RULES) is None
    assert probation_problem(trial, 120.1, 0, Before(), RULES) == "it made no decision"


def test_a_limit_that_is_no_number_is_passed_by_nothing() -> None:
    assert latency_problem(1.0, math.nan) and latency_problem(math.nan, 5.0)
    assert latency_problem(5.0, 5.0) == latency_problem(1e9, math.inf) == ""
    assert math.isnan(bounds.percentile([], 50))
