"""Walkers in one picture: what is measured of each crowd, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.bundle import write_bundle
from edge_benchmarks.commands.run import run
from edge_benchmarks.judge import records
from edge_benchmarks.record import read_record
from edge_benchmarks.scenarios.people import PeopleLoad, PeopleResult
from edge_benchmarks.show.terminal import report
from edge_benchmarks.show.writing import csv_text, write_report
from tests.benchmarks.samples import RECORD
from tests.detectors import ssd

ALONE = PeopleLoad(1, 100, 0, 4.0, (10.0, 12.0), (100,), 50, (0.25, 0.75, 0.5))
TEN = PeopleLoad(10, 98, 2, 4.0, (20.0, 22.0), (9, *[10] * 8, 12), 49, (0.5,))
RESULT = PeopleResult("person", 640, 480, 25.0, 20.0, (ALONE, TEN))


def test_what_each_of_them_gets() -> None:
    assert (ALONE.each_hz, ALONE.unevenness, ALONE.frames_a_detection) == (25.0, 0.0, 2.0)
    assert TEN.each_hz == pytest.approx(101 / 10 / 4)
    assert TEN.unevenness == pytest.approx(12 / 10.1 - 1)
    nothing = PeopleLoad(2)
    assert (nothing.each_hz, nothing.unevenness, nothing.frames_a_detection) == (None, None, None)
    assert PeopleLoad(2, 5, wall_s=1.0, decisions=(0, 0)).unevenness is None


def test_terminal_pages_and_rows(tmp_path: Path) -> None:
    record = replace(RECORD, scenarios={"people": RESULT})
    assert (
        "2.52 decisions/s each (at most 19% from even); frame age 21.0 ms p50, 22.0 p99; 2 dropped; "
        "detector every 2.0 frames" in report(record)
    )
    for suffix, start in ((".md", "### People\n"), (".html", ">People</h3>")):
        write_report(tmp_path / f"report{suffix}", [record])
        assert start in (tmp_path / f"report{suffix}").read_text()
    header, row, *_ = csv_text([record]).splitlines()
    assert header.endswith(",people,people_decisions_hz,people_age_p99_ms")
    assert row.endswith(",10,2.525,21.98")


def test_another_budget_is_not_compared() -> None:
    before = replace(RECORD, scenarios={"people": RESULT})
    after = replace(RECORD, scenarios={"people": replace(RESULT, budget_ms=10.0)})
    assert "budget for people" in str(records.setting_differences(before, after))


def test_a_run_from_the_command_line(tmp_path: Path) -> None:
    bundle = ssd([[0, 0, 1, 1]], [0.9])
    detector = write_bundle(tmp_path / "detector.edge", bundle.manifest, bundle.members).path
    path = tmp_path / "record.json"
    quick = "faces-in-motion --frames 10 --seconds 0.01 --rounds 1 --processes 0 --scenario people"
    options = f"{quick} --people 2 --detector {detector} --budget-ms 30 -o {path}"
    result = CliRunner().invoke(run, options.split())
    assert result.exit_code == 0, result.output
    record = read_record(path)
    measured = record.scenarios["people"]
    assert isinstance(measured, PeopleResult) and measured.complete
    assert [(load.people, load.frames) for load in measured.loads] == [(1, 10), (2, 10)]
    for load in measured.loads:
        assert len(load.age_ms) == 10 and len(load.decisions) >= load.people
        assert min(load.age_ms) > 0 and sum(load.decisions) > 0


@pytest.mark.usefixtures("unconfined")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--detector face", "face is no detector"),
        ("--detector nowhere", "there is no"),
        ("--picture-size 99999x99999", "more than any camera gives"),
        ("--device emulated:pi-4", "measures this machine"),
    ],
)
def test_what_it_cannot_measure_is_said_before_anything_is_measured(
    options: str, reason: str
) -> None:
    quick = "faces-in-motion --frames 4 --seconds 0.01 --rounds 1 --processes 0 --scenario people"
    result = CliRunner().invoke(run, f"{quick} {options}".split())
    assert result.exit_code == 2 and reason in result.stderr.splitlines()[-1]
    assert "timing, rounds" not in result.stderr and not result.stdout
