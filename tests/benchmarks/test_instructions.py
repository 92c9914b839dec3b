"""Counted instructions in the bench: boards by name, the table, what is refused."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from edge_benchmarks.cli import main
from edge_benchmarks.prediction import boards_named, count_parts, instructions_per_frame
from edge_benchmarks.show.inside import inside_sections, instructions_section
from edge_benchmarks.show.prediction import facts_table
from edge_common.console import Progress
from edge_common.document import terminal
from edge_common.errors import DeviceError, EngineError, RunFailed
from edge_devices.emulation.counting import Counts
from tests.benchmarks.judge.test_facts import FACTS
from tests.benchmarks.samples import RECORD

QUIET = Progress(quiet=True)


def counts(board: str, instructions: int, **classes: int) -> Counts:
    return Counts(board, "litert", "2.3.0", instructions, 9, classes, 64_000_000, 2_000_000)


FOUND = {
    "pi-4": {
        "encoder": counts("pi-4", 33_000_000, widening_multiply=32_000_000, load=1_000_000),
        "head": counts("pi-4", 2_000_000, load=2_000_000),
    },
    "pi-5": {
        "encoder": counts("pi-5", 15_000_000, dot_product=14_000_000, load=1_000_000),
        "head": counts("pi-5", 1_000_000, load=1_000_000),
    },
}


def test_boards_are_named_once_and_in_order() -> None:
    assert [board.name for board in boards_named("pi-5, pi-4,pi-5")] == ["pi-5", "pi-4"]


def test_all_are_those_that_can_be_counted_for() -> None:
    names = [board.name for board in boards_named("all")]
    assert {"pi-3b-plus", "pi-4", "pi-5", "jetson-nano"} <= set(names)
    assert not {"generic-x86-64", "generic-armv7l", "jetson-xavier-nx"} & set(names)


def test_an_unknown_board_is_refused() -> None:
    with pytest.raises(DeviceError, match="no board is called 'pi-6'"):
        boards_named("pi-4,pi-6")


def test_a_frame_costs_all_its_invocations() -> None:
    assert instructions_per_frame(FOUND["pi-4"], {"encoder": 1.0, "head": 1.0}) == 35_000_000
    assert instructions_per_frame(FOUND["pi-4"], {"encoder": 15.0, "head": 0.5}) == 496_000_000


def test_the_table_has_a_column_for_each_board() -> None:
    shown = terminal([instructions_section(FOUND, {"encoder": 1.0, "head": 1.0})])
    note, _, table = shown.partition("\n\n")
    rows = [line.split("  ") for line in table.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells[0] == ["instructions", "pi-4", "pi-5"]
    assert cells[2] == ["encoder", "33 M", "15 M"]
    assert cells[3] == ["widening multiply", "32 M", "-"]
    assert cells[4] == ["dot product", "-", "14 M"]
    assert ["bytes loaded", "64.00 MB", "64.00 MB"] in cells
    assert ["whole frame", "35 M", "16 M"] in cells
    assert "litert 2.3.0, one thread" in note


def test_records_and_facts_show_them() -> None:
    shown = terminal(list(inside_sections(replace(RECORD, instructions=FOUND))))
    assert "whole frame" in shown
    facts = facts_table(replace(FACTS, instructions=FOUND))
    assert "instructions of one inference, pi-5: encoder 15 M, head 1 M" in facts
    assert "instructions" not in facts_table(FACTS)


@dataclass(frozen=True)
class FakeCounter:
    """Counts bytes instead of instructions."""

    name: str
    error: str = ""

    @property
    def board(self) -> SimpleNamespace:
        return SimpleNamespace(profile=SimpleNamespace(name=self.name))

    def count(self, model: bytes) -> Counts:
        if self.error:
            raise RunFailed(self.error)
        return counts(self.name, len(model))


def test_every_part_is_counted_on_every_board(tiny_bundle) -> None:
    found = count_parts(tiny_bundle, [FakeCounter("pi-4"), FakeCounter("pi-5")], QUIET)
    assert list(found) == ["pi-4", "pi-5"] and list(found["pi-5"]) == ["encoder", "head"]
    for parts in found.values():
        for part in tiny_bundle.manifest.parts:
            assert parts[part.role].instructions == len(tiny_bundle.members[part.file])


def test_a_part_that_does_not_run_there_is_an_error_of_ours(tiny_bundle) -> None:
    with pytest.raises(EngineError, match="the model does not run"):
        count_parts(tiny_bundle, [FakeCounter("pi-4", "the model does not run")], QUIET)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--count"], "--device goes with --count"),
        (["--device", "pi-4"], "--device goes with --count"),
        (["--count", "--device", "pi-4", "--host", "pi@board"], "leave out --host"),
        (["--count", "--device", "pi-6"], "no board is called 'pi-6'"),
        (["--count", "--device", "generic-armv7l"], "is armv7l: instructions are told apart"),
        (["--count", "--device", "jetson-xavier-nx"], "qemu has no processor like that of"),
    ],
)
def test_what_cannot_be_counted_is_said_before_the_timing(arguments, said: str) -> None:
    result = CliRunner().invoke(main, ["faces-in-motion", *arguments])
    assert result.exit_code == 2 and said in result.stderr
    assert "timing" not in result.stderr


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without qemu, compiler and apt, and with an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)


@pytest.mark.usefixtures("nothing_installed")
def test_without_tools_facts_say_what_to_install(tiny_bundle_path) -> None:
    result = CliRunner().invoke(main, ["facts", str(tiny_bundle_path), "--count", "pi-4"])
    assert result.exit_code == 2
    assert "apt-get install gcc libc6-dev" in result.stderr.splitlines()[-1]


@pytest.mark.usefixtures("nothing_installed")
def test_if_possible_goes_on_without_counting(tiny_bundle_path) -> None:
    arguments = ["facts", str(tiny_bundle_path), "--count", "pi-4", "--if-possible"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "warning: not counted, instructions cannot be counted here: " in result.stderr
    assert "encoder invocations a frame: 1\n" in result.stdout
