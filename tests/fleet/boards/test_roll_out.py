"""The roll-out as a state machine, over boards that are a dictionary, with a clock that is no clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from edge_common import ConfigError
from edge_fleet.boards import health, journal as journals, roll_out
from edge_fleet.boards.journal import Journal
from edge_fleet.boards.outcomes import BoardResult

NEW, OLD = "b" * 64, "a" * 64
PLAN = [["a"], ["b", "c"], ["d", "e", "f"]]


class Interrupted(BaseException):
    """As SIGKILL: nothing behind it is done."""


@dataclass
class Boards:
    """running: the bundle of each.  poisoned: whose self-test fails with the new one.

    away: that do not answer.  full: whose disk takes nothing.  broken: that fail behind the turn.
    shadows: states of an update, of one look after the other; "": none.  silences: looks that a board still
    misses, once it has the bundle.  fuel: calls until it is killed.
    """

    running: dict[str, str]
    poisoned: frozenset[str] = frozenset()
    away: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    shadows: list[str] = field(default_factory=list)
    silences: dict[str, int] = field(default_factory=dict)
    fuel: float = float("inf")
    updates: list[str] = field(default_factory=list)
    takes_updates: bool = False

    def _burn(self) -> None:
        self.fuel -= 1
        if self.fuel < 0:
            raise Interrupted

    def _each(self, boards: Sequence[str], change: str) -> dict[str, BoardResult]:
        results = {}
        for name in boards:
            self._burn()
            is_silent = not change and self.running[name] == NEW and self.silences.get(name, 0) > 0
            if is_silent:
                self.silences[name] -= 1
            if name in self.away or is_silent:
                results[name] = BoardResult(problem="does not answer", unreachable=True)
            elif change == "update" and name in self.full:
                results[name] = BoardResult(problem="its disk is full")
            else:
                if change == "update":
                    self.updates.append(name)
                    self.running[name] = NEW
                elif change == "back":
                    self.running[name] = OLD
                is_broken = change == "update" and name in self.broken
                results[name] = BoardResult(
                    self._report(name), "no reload" if is_broken else "", is_touched=True
                )
        self._burn()  # what was done is done, but nobody hears of it
        return results

    def _report(self, name: str) -> dict[str, object]:
        failed = name in self.poisoned and self.running[name] == NEW
        error = "Error: task action decides 3 of 9 differently here" if failed else ""
        report: dict[str, object] = {"self_test_code": int(failed), "self_test_error": error}
        report["takes_updates"] = str(self.takes_updates)
        if self.running[name] == NEW and self.shadows:
            state = self.shadows[0] if len(self.shadows) == 1 else self.shadows.pop(0)
            report["update"] = {"update": state, "sha256": NEW, "reason": "action differs"}
        return {"sha256": self.running[name], **report}

    def update(self, boards: Sequence[str]) -> dict[str, BoardResult]:
        return self._each(boards, "update")

    def health(self, boards: Sequence[str], with_self_test: bool) -> dict[str, BoardResult]:
        return self._each(boards, "")

    def back(self, boards: Sequence[str]) -> dict[str, BoardResult]:
        return self._each(boards, "back")


@dataclass
class Clock:
    now: float = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def boards(**options: Any) -> Boards:
    return Boards({name: OLD for wave in PLAN for name in wave}, **options)


def rolled_out(path: Path, runner: Boards, clock: Clock) -> tuple[bool, Journal]:
    journal = Journal.read(path) or Journal.new("door.edge", NEW, PLAN)
    machine = roll_out.RollOut(
        path, journal, runner, clock=lambda: clock.now, sleep=clock.sleep,
        watch=roll_out.WatchTimes(600, 60),
    )  # fmt: skip
    return machine.run(), journal


def test_all_get_it_and_each_wave_is_watched(tmp_path: Path) -> None:
    runner, clock = boards(), Clock()
    is_done, journal = rolled_out(tmp_path / "j", runner, clock)
    assert is_done and set(runner.running.values()) == {NEW} and not journal.problems
    assert clock.now == 1800.0
    assert runner.updates == ["a", "b", "c", "d", "e", "f"]


def test_a_poisoned_board_stops_it_and_its_wave_is_brought_back(tmp_path: Path) -> None:
    runner = boards(poisoned=frozenset("b"))
    is_done, journal = rolled_out(tmp_path / "j", runner, Clock())
    assert not is_done
    assert runner.running == {"a": NEW} | dict.fromkeys("bcdef", OLD)
    assert journal.problems == {
        "b": "self-test: task action decides 3 of 9 differently here",
        "c": "was brought back with its wave",
    }


def test_a_run_may_take_a_moment_to_begin_its_update(tmp_path: Path) -> None:
    runner = boards(takes_updates=True, shadows=["", "", "checking", "shadow", "kept"])
    is_done, journal = rolled_out(tmp_path / "j", runner, Clock())
    assert is_done and not journal.problems


def test_a_board_whose_run_begins_no_update_is_bad_after_three_looks(tmp_path: Path) -> None:
    runner, clock = boards(takes_updates=True), Clock()
    is_done, journal = rolled_out(tmp_path / "j", runner, clock)
    assert not is_done and set(runner.running.values()) == {OLD}
    assert journal.problems["a"].startswith("its run took no update to the bundle")
    assert clock.now == 120.0


def test_the_same_command_does_nothing_more_and_ends_the_same(tmp_path: Path) -> None:
    runner = boards(poisoned=frozenset("a"))
    first = rolled_out(tmp_path / "j", runner, Clock())
    assert rolled_out(tmp_path / "j", runner, Clock()) == first
    assert runner.updates == ["a"]


def test_who_cannot_be_reached_or_has_no_room_is_a_line_and_stops_nobody(tmp_path: Path) -> None:
    runner = boards(away=frozenset("b"), full=frozenset("e"))
    is_done, journal = rolled_out(tmp_path / "j", runner, Clock())
    assert not is_done
    assert journal.problems == {"b": "does not answer", "e": "its disk is full"}
    assert [name for name, sha in runner.running.items() if sha == NEW] == ["a", "c", "d", "f"]


def test_who_was_away_gets_it_by_the_same_command_later(tmp_path: Path) -> None:
    runner = boards(away=frozenset("be"))
    rolled_out(tmp_path / "j", runner, Clock())
    runner.away = frozenset()
    is_done, journal = rolled_out(tmp_path / "j", runner, Clock())
    assert is_done and set(runner.running.values()) == {NEW} and not journal.problems


def test_a_first_wave_that_cannot_be_reached_tries_another_board_first(tmp_path: Path) -> None:
    """Else a poisoned bundle would reach the second wave untried."""
    runner = boards(away=frozenset("a"), poisoned=frozenset("bcdef"))
    rolled_out(tmp_path / "j", runner, Clock())
    assert runner.updates == ["b"] and runner.running["b"] == OLD


def test_nobody_can_be_reached(tmp_path: Path) -> None:
    is_done, journal = rolled_out(tmp_path / "j", boards(away=frozenset("abcdef")), Clock())
    assert not is_done and journal.problems == dict.fromkeys("abcdef", "does not answer")


def test_a_board_that_fails_behind_the_turn_is_a_bad_wave(tmp_path: Path) -> None:
    runner = boards(broken=frozenset("a"))
    is_done, journal = rolled_out(tmp_path / "j", runner, Clock())
    assert not is_done and journal.problems == {"a": "no reload"}
    assert runner.running["a"] == OLD and runner.updates == ["a"]


def test_a_wave_is_not_good_as_long_as_a_shadow_or_a_probation_goes_on(tmp_path: Path) -> None:
    steps = ["checking"] * 9 + ["shadow"] * 9 + ["probation"] * 9 + ["kept"]
    runner, clock = boards(shadows=steps), Clock()
    assert rolled_out(tmp_path / "j", runner, clock)[0]
    assert clock.now == 26 * 60 + 1200  # the first state was told by the update itself


def test_a_connection_that_fails_now_and_then_is_no_bad_wave(tmp_path: Path) -> None:
    assert rolled_out(tmp_path / "j", boards(silences={"a": 2}), Clock())[0]


@pytest.mark.parametrize("watch_s", [0.0, 600.0])
def test_a_board_that_stays_silent_is_one(tmp_path: Path, watch_s: float) -> None:
    runner, clock = boards(silences={"a": 3}), Clock()
    journal = Journal.new("door.edge", NEW, PLAN)
    machine = roll_out.RollOut(
        tmp_path / "j", journal, runner, clock=lambda: clock.now, sleep=clock.sleep,
        watch=roll_out.WatchTimes(watch_s, 60),
    )  # fmt: skip
    assert not machine.run()
    assert journal.problems == {"a": "does not answer"} and runner.running["a"] == OLD
    assert clock.now == 120


def test_a_clock_that_is_set_back_makes_no_wave_longer(tmp_path: Path) -> None:
    looks, journal = [0.0], Journal.new("door.edge", NEW, [["a"]])

    def sleep(seconds: float) -> None:
        looks.append(looks[-1] + seconds)

    machine = roll_out.RollOut(
        tmp_path / "j", journal, boards(), clock=lambda: 0.0 if looks[1:] else 86_400.0, sleep=sleep
    )
    assert machine.run() and looks[-1] == 600


def test_an_update_that_the_board_refused_is_a_bad_wave(tmp_path: Path) -> None:
    runner = boards(shadows=["shadow", "refused"])
    is_done, journal = rolled_out(tmp_path / "j", runner, Clock())
    assert not is_done
    assert journal.problems == {"a": "its update was refused: action differs"}


def test_who_cannot_be_brought_back_is_told_and_tried_again(tmp_path: Path) -> None:
    runner, clock = boards(poisoned=frozenset("b")), Clock()

    def fall_silent(seconds: float) -> None:
        runner.away = frozenset("c")

    journal = Journal.new("door.edge", NEW, PLAN[1:])
    machine = roll_out.RollOut(
        tmp_path / "j", journal, runner, clock=lambda: clock.now, sleep=fall_silent
    )
    runner.poisoned = frozenset()
    assert not machine.run()
    assert journal.problems["c"] == "could not be brought back: does not answer"
    assert runner.running["c"] == NEW
    runner.away = frozenset()
    assert not rolled_out(tmp_path / "j", runner, clock)[0]
    assert runner.running == dict.fromkeys("abcdef", OLD)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.integers(0, 60), max_size=8),
    st.frozensets(st.sampled_from("abcdef"), max_size=2),
    st.frozensets(st.sampled_from("abcdef"), max_size=3),
)
def test_however_often_it_is_killed_it_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    kills: list[int],
    poisoned: frozenset[str],
    full: frozenset[str],
) -> None:
    folder = tmp_path_factory.mktemp("kills")
    straight, killed, clock = (
        boards(poisoned=poisoned, full=full),
        boards(poisoned=poisoned, full=full),
        Clock(),
    )
    expected = rolled_out(folder / "straight", straight, Clock())
    for fuel in kills:
        killed.fuel = fuel
        try:
            rolled_out(folder / "killed", killed, clock)
        except Interrupted:
            continue
        break
    killed.fuel = float("inf")
    is_done, journal = rolled_out(folder / "killed", killed, clock)
    assert (is_done, journal.problems) == (expected[0], expected[1].problems)
    assert killed.running == straight.running


@pytest.mark.parametrize(
    "text", ["", "{}", '{"bundle": 1}', '{"bundle":"x","sha256":"","waves":[{"boards":["a"]}]}']
)
def test_a_damaged_journal_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "j").write_text(text)
    with pytest.raises(ConfigError, match="--again begins anew"):
        Journal.read(tmp_path / "j")


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    journal = Journal.new("door.edge", NEW, PLAN)
    journal.boards["a"].before = health.HealthSample(OLD, "active", age_ms=12.0, doctor=("x: y",))
    journal.waves[0].step = journals.WATCHING
    journal.write(tmp_path / "deep" / "j")
    assert Journal.read(tmp_path / "deep" / "j") == journal
