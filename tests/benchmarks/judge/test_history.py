"""`edge-bench history`: what belongs together, in which order, and what changed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge_benchmarks.cli import main
from edge_benchmarks.judge.history import group_records, read_history
from edge_benchmarks.record import Record, write_record
from edge_benchmarks.show.verdicts import sparkline
from tests.benchmarks.commands.test_compare_command import BEFORE, slowed
from tests.benchmarks.samples import RECORD


def dated(record: Record, day: int) -> Record:
    return replace(record, created_at=f"2025-11-{day:02}T06:00:00+00:00", revision=f"{day:040}")


def history(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["history", str(folder), *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs of one network, named against their order, and one on two threads."""
    write_record(tmp_path / "z.json", dated(BEFORE, 1))
    write_record(tmp_path / "y.json", dated(slowed(1.1), 2))
    write_record(tmp_path / "x.json", dated(slowed(1.11), 3))
    threaded = replace(BEFORE, setup=replace(BEFORE.setup, threads=2))
    write_record(tmp_path / "t.json", dated(threaded, 2))
    return tmp_path


def test_groups_hold_what_may_be_compared_oldest_first(folder) -> None:
    found = read_history(folder)
    assert [[e.file for e in group.entries] for group in found.groups] == [
        ["z.json", "y.json", "x.json"],
        ["t.json"],
    ]
    assert [e.change for e in found.groups[0].entries] == ["", "slower", "no difference"]
    assert found.groups[1].settings == "litert 2.3.0, 2 threads, frames 120 x 100"


def test_another_network_or_machine_is_another_group() -> None:
    other = replace(BEFORE, bundle=replace(BEFORE.bundle, name="other"))
    board = replace(BEFORE, machine=replace(BEFORE.machine, cpu="another cpu"))
    newer = replace(BEFORE, bundle=replace(BEFORE.bundle, sha256="cd" * 32))
    named = [("a", BEFORE), ("b", other), ("c", board), ("d", newer)]
    assert [[name for name, _ in group] for group in group_records(named)] == [
        ["a", "d"],
        ["b"],
        ["c"],
    ]


def test_a_change_is_against_the_last_that_tells_its_floors(tmp_path) -> None:
    for day, record in enumerate([BEFORE, RECORD, slowed(1.1)], start=1):
        write_record(tmp_path / f"{day}.json", dated(record, day))
    entries = read_history(tmp_path).groups[0].entries
    assert [entry.change for entry in entries] == ["", "", "slower"]
    assert entries[2].ratio == pytest.approx(1.1)


def test_dates_that_are_none_come_first_and_times_need_no_zone() -> None:
    records = [("a", "2025-11-23T06:00:00"), ("b", "?"), ("c", "2025-11-22T06:00:00+00:00")]
    named = [(name, replace(RECORD, created_at=date)) for name, date in records]
    assert [name for name, _ in group_records(named)[0]] == ["b", "c", "a"]


def test_the_table(folder) -> None:
    lines = history(folder).stdout.splitlines()
    assert lines[:3] == [
        "tiny",
        "on a cpu, 2 cores; litert 2.3.0, 1 thread, frames 120 x 100",
        "floor ▁▇█",
    ]
    assert " ".join(lines[6].split()) == (
        "2025-11-02 06:00 000000000 abababab 4.000 8.000 4.400 slower 1.100 x 13.00 MB kind 0.8"
    )


def test_files_that_are_no_records_are_counted_and_named(folder) -> None:
    (folder / "bad.json").write_text("{")
    (folder / "old.json").write_text('{"schema": 1}')
    (folder / "some.facts.json").write_text("{}")
    result = history(folder)
    assert result.exit_code == 0
    assert "2 files not read:" in result.stdout
    assert "bad.json" in result.stdout and "old.json has record version 1" in result.stdout
    assert len(json.loads(history(folder, "--json").stdout)["unreadable"]) == 2


def test_an_empty_folder_says_what_to_do(tmp_path) -> None:
    result = history(tmp_path)
    assert result.exit_code == 2
    assert "holds no records: measure with edge-bench BUNDLE -o FILE.json" in result.stderr


def test_an_interrupted_record_without_figures_is_shown(tmp_path) -> None:
    nothing = replace(RECORD, complete=False, measurements=())
    write_record(tmp_path / "a.json", nothing)
    assert "(interrupted)" in history(tmp_path).stdout


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([1.0, 2.0, 3.0], "▁▅█"),
        ([1.0, None, 2.0], "▁ █"),
        ([1.000, 1.001], "▁▁"),  # noise is no mountain
        ([0.0, 0.0], "▁▁"),
        ([1.0], ""),
        ([None, None], ""),
    ],
)
def test_a_sparkline(values: list[float | None], drawn: str) -> None:
    assert sparkline(values) == drawn
