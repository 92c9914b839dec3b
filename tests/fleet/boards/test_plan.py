"""Waves, inventories and budgets: laws, and literal numbers."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from edge_benchmarks.prediction import BoardForecast, Forecast
from edge_common import ConfigError
from edge_devices.prediction import Latency
from edge_fleet.boards import inventory as inventories, plan as plans, waves

NAMES = st.dictionaries(st.text(min_size=1, max_size=6), st.sampled_from(["pi-4", "pi-5", ""]))


@given(NAMES, st.text(max_size=4))
def test_each_board_is_in_one_wave(kinds: dict[str, str], seed: str) -> None:
    split = waves.split(kinds, waves.parse_ends("1,10%,50%,all"), seed)
    assert Counter(name for wave in split for name in wave) == Counter(list(kinds))
    assert all(split)


@given(NAMES, st.text(max_size=4))
def test_each_beginning_holds_kinds_in_their_shares(kinds: dict[str, str], seed: str) -> None:
    order, totals = waves.mixed(kinds, seed), Counter(kinds.values())
    for end in range(len(order) + 1):
        counts = Counter(kinds[name] for name in order[:end])
        for kind, total in totals.items():
            assert abs(counts[kind] - end * total / len(order)) <= len(totals)


def test_a_thousand_boards_in_the_usual_waves() -> None:
    kinds = {f"b{n}": "pi-4" for n in range(1000)}
    split = waves.split(kinds, waves.parse_ends(waves.USUAL), "")
    assert [len(wave) for wave in split] == [1, 99, 400, 500]


def test_few_boards_have_fewer_waves_and_whoever_is_left_is_in_the_last() -> None:
    assert [len(w) for w in waves.split({"a": "", "b": ""}, waves.parse_ends("1,10%"), "")] == [
        1,
        1,
    ]


@pytest.mark.parametrize("text", ["", "0", "0%", "101%", "1,,2", "nan%", "half"])
def test_what_is_no_wave_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no wave"):
        waves.parse_ends(text)


def listed(**hosts: dict[str, Any]) -> dict[str, Any]:
    """As `ansible-inventory --list` has it: all of them in the group pi_4."""
    return {
        "_meta": {"hostvars": hosts},
        "all": {"children": ["ungrouped", "boards"]},
        "boards": {"children": ["pi_4"]},
        "pi_4": {"hosts": list(hosts)},
    }


def test_groups_say_which_board_it_is_and_variables_what_it_may() -> None:
    read = inventories.parse(listed(door={"edge_latency_ms": 20, "ansible_host": "10.0.0.3"}))
    board = read.boards["door"]
    assert (board.device, board.address) == ("pi-4", ("10.0.0.3", "22", ""))
    assert board.limits.edge_latency_ms == 20.0
    assert not read.problems


def test_one_board_by_two_names_is_told_once_and_the_first_is_used() -> None:
    read = inventories.parse(listed(a={"ansible_host": "h"}, b={"ansible_host": "H"}, c={}))
    assert list(read.boards) == ["a", "c"]
    assert read.problems == {"b": "is a once more, at h:22: remove one of the two names"}


def test_one_address_behind_another_jump_host_is_another_board() -> None:
    jump = {"ansible_host": "h", "ansible_ssh_common_args": "-J there"}
    assert len(inventories.parse(listed(a={"ansible_host": "h"}, b=jump)).boards) == 2


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ansible_password": "x"}, "reached by keys"),
        ({"ansible_become_password": "x"}, "NOPASSWD"),
        ({"edge_device": "pi-44"}, "did you mean 'pi-4'"),
        ({"edge_latency_ms": "fast"}, "should be a number"),
        ({"edge_latency_ms": 0}, "is more than 0"),
        ({"edge_disk_mb": float("nan")}, "should be a number"),
    ],
)
def test_a_board_that_cannot_be_one_is_one_line(variables: dict[str, Any], words: str) -> None:
    read = inventories.parse(listed(good={}, bad=variables))
    assert list(read.boards) == ["good"] and words in read.problems["bad"]


def test_a_board_in_the_groups_of_two_is_refused() -> None:
    content = listed(a={}) | {"pi_5": {"hosts": ["a"]}}
    assert "is in the groups of pi-4 and pi-5" in inventories.parse(content).problems["a"]


NEEDS = plans.BundleNeeds("door", "ab" * 32, 1_000_000, 1000 / 15, 100_000_000)
PI_4 = BoardForecast("pi-4", "Raspberry Pi 4", 1, {}, Latency(30, 20, 45), fits_mib=1024)


def made(
    forecast: BoardForecast = PI_4, rss: int = 90_000_000, **variables: Any
) -> plans.RollOutPlan:
    inventory = inventories.parse(listed(a=variables, b={}))
    return plans.make(inventory, NEEDS, Forecast("door", rss, (forecast,)), waves.parse_ends("all"))


def test_boards_within_their_budgets_get_it() -> None:
    plan = made()
    assert plan.problems == {} and set(plan.waves[0]) == {"a", "b"}
    assert not plan.kinds[0].doubts


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"edge_latency_ms": 29.9}, "30.0 ms a frame of 29.9 ms"),
        ({"edge_memory_mb": 85}, "memory: 90 MB of 85 MiB (edge_memory_mb)"),
        ({"edge_disk_mb": 102}, "disk: 103 MB of 102 MB (edge_disk_mb)"),
        ({"edge_board_memory_mib": 512}, "memory: a board of 1024 MiB is needed, 512 it has"),
    ],
)
def test_a_board_beyond_its_budget_must_not_get_it(variables: dict[str, Any], line: str) -> None:
    plan = made(**variables)
    assert plan.problems == {"a": line}
    assert plan.waves == [("b",)]


def test_an_interval_that_reaches_beyond_the_budget_is_a_doubt() -> None:
    plan = made(edge_latency_ms=40)
    assert not plan.problems
    assert plan.kinds[0].doubts == ("up to 45.0 ms a frame of 40.0 ms",)


def test_what_is_no_number_is_refused() -> None:
    nan = replace(PI_4, frame=Latency(float("nan"), 1, 2))
    assert set(made(nan).problems) == {"a", "b"}


def test_a_version_that_is_too_small_is_refused_unless_the_inventory_says_more() -> None:
    plan = made(replace(PI_4, fits_mib=2048), edge_board_memory_mib=4096)
    assert set(plan.problems) == {"b"} and "edge_board_memory_mib" in plan.problems["b"]


def test_the_text_names_waves_and_whoever_is_left_out() -> None:
    text = plans.plan_text(made(edge_latency_ms=1))
    assert "must not: 30.0 ms a frame of 1.0 ms" in text
    assert "wave 1: 1 boards, 1 of 1 then: b" in text


def test_a_program_is_as_large_as_its_files() -> None:
    base = plans.installed_bytes(())
    assert 50_000_000 < base <= plans.installed_bytes(("config",)) < 2_000_000_000
