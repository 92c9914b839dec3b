"""The simulation against times that a pencil finds as well."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from edge_common import DataError
from edge_fleet.boards import simulation, waves
from edge_fleet.boards.simulated_time import Loop, ServerQueue
from edge_fleet.boards.simulation import FleetModel

ALL = waves.parse_ends("all")
# nothing fails, nothing varies: a step takes a second on a board and nothing here
PLAIN = FleetModel(
    bundle_mb=0, steps=3, health_steps=2, step_s=1, controller_s=0, check_s=0, spread=0,
    watch_s=60, absent=0, full=0, lost=0, plan_s=5, a_board_s=0.01,
)  # fmt: skip


def test_two_servers_take_half_as_long() -> None:
    ends = []
    for servers in (1, 2):
        loop = Loop()
        queue = ServerQueue(loop, servers)
        for _ in range(6):
            queue.serve(10.0, lambda: None)
        ends.append(loop.run())
    assert ends == [60.0, 30.0]


def test_each_step_waits_for_the_last_board() -> None:
    """40 boards, 20 at a time: 2 s a step; before, update and after are 2, 3 and 2 steps, then 2 more."""
    outcome = simulation.simulate(40, 20, PLAIN, ALL)
    assert [wave.seconds for wave in outcome.waves] == [14.0]
    assert outcome.plan_s == 5.4
    assert outcome.seconds == pytest.approx(5.4 + 14 + 60 + 4)


def test_it_says_how_many_visits_are_behind_it() -> None:
    told: list[tuple[int, int]] = []
    simulation.simulate(40, 20, PLAIN, ALL, on_visits=lambda *visits: told.append(visits))
    assert [done for done, _ in told] == list(range(40, told[-1][0] + 1, 40))
    assert {most for _, most in told} == {told[-1][0]}


def test_the_core_here_is_what_all_boards_wait_for() -> None:
    """10 boards, a second of the one core each: the last is sent at 10 s and takes one more."""
    model = replace(PLAIN, controller_s=1, controller_cores=1, steps=1, health_steps=0)
    assert simulation.simulate(10, 20, model, ALL).waves[0].seconds == 11.0


def test_a_bundle_crosses_our_line_for_each_board() -> None:
    """5 MB at 40 Mbit/s are a second; of 4 boards the last begins to get it at 4 s."""
    model = replace(
        PLAIN, bundle_mb=5, home_mbit_s=40, board_mbit_s=40, steps=1, health_steps=0, step_s=0
    )
    outcome = simulation.simulate(4, 4, model, ALL)
    assert outcome.sent_mb == 20
    assert outcome.waves[0].seconds == pytest.approx(5.0)


def test_absent_boards_cost_their_timeout_a_fork() -> None:
    plain = simulation.simulate(100, 10, PLAIN, ALL, seed=1)
    some = simulation.simulate(100, 10, replace(PLAIN, absent=0.5), ALL, seed=1)
    assert 30 < some.absent < 70 and plain.absent == 0
    assert some.waves[0].updated == 100 - some.absent


def test_a_bad_wave_ends_it_and_is_brought_back() -> None:
    outcome = simulation.simulate(
        1000, 20, replace(PLAIN, unwell=0.05), waves.parse_ends("1,10%,all")
    )
    assert outcome.waves[-1].is_bad and outcome.back_s > 0
    assert len(outcome.waves) < 3


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 200), st.integers(1, 50), st.integers(0, 3))
def test_the_same_seed_gives_the_same_and_no_board_is_lost(
    boards: int, forks: int, seed: int
) -> None:
    model = FleetModel()
    first, second = (
        simulation.simulate(boards, forks, model, waves.parse_ends("1,all"), seed) for _ in "ab"
    )
    assert first == second
    assert sum(wave.updated for wave in first.waves) == boards - first.absent - first.full


@pytest.mark.parametrize(
    "text", ["absent = 1.5", "step_s = -1", "forks = 3", "board_mbit_s = 0", "x"]
)
def test_a_wrong_model_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.toml").write_text(text)
    with pytest.raises(DataError, match=r"model\.toml"):
        simulation.read_model(tmp_path / "model.toml")
