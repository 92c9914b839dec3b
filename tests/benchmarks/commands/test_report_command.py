"""`edge-bench report`: what it writes, and what it says where it cannot."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge_benchmarks.cli import main
from edge_benchmarks.record import write_record
from tests.benchmarks.samples import FULL


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "record.json"
    write_record(path, FULL)
    return path


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def fails(result: Result, said: str) -> None:
    assert result.exit_code == 2, result.output
    assert said in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("r.html", "<!doctype html>"),
        ("r.md", "# Benchmark report\n\n## Verdict"),
        ("r.csv", "record,way,machine,"),
    ],
)
def test_the_name_says_the_form(record: Path, tmp_path: Path, name: str, start: str) -> None:
    done = report(record, record, "-o", tmp_path / name)
    assert (done.exit_code, done.output) == (0, f"Wrote {tmp_path / name}\n")
    assert (tmp_path / name).read_text().startswith(start)


def test_help_shows_a_runnable_example() -> None:
    done = report("--help")
    assert "edge-bench report record.json -o report.html" in done.output


def test_another_suffix(record: Path, tmp_path: Path) -> None:
    said = "is no name for a report: it ends in .html, .md, .csv"
    fails(report(record, "-o", tmp_path / "r.pdf"), said)


def test_a_missing_folder(record: Path, tmp_path: Path) -> None:
    fails(report(record, "-o", tmp_path / "no" / "r.md"), "its folder is missing or read-only")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no benchmark record"),
        ('{"schema": 1}', "has record version 1, this edge-bench reads 3: measure again"),
        ("\xff", "is no benchmark record"),
    ],
)
def test_records_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    fails(report(path, "-o", tmp_path / "r.md"), said)


def test_a_record_edited_by_hand(record: Path, tmp_path: Path) -> None:
    record.write_text(record.read_text().replace('"p50": 4.0', '"p50": "fast"', 1))
    fails(report(record, "-o", tmp_path / "r.html"), "is no benchmark record")


def test_figures_that_no_measurement_gives(tmp_path: Path) -> None:
    path = tmp_path / "zero.json"
    total = replace(FULL.streamed.total_ms, mean=0.0)
    streamed = replace(FULL.streamed, total_ms=total)
    write_record(path, replace(FULL, measurements=(streamed,)))
    fails(report(path, "-o", tmp_path / "r.md"), "measure again")


def test_without_matplotlib(record: Path, tmp_path: Path, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Without("matplotlib"), *sys.meta_path])
    said = "this needs matplotlib: pip install -c constraints.txt '.[report]' in the clone"
    fails(report(record, "-o", tmp_path / "r.html"), said)
    assert report(record, "-o", tmp_path / "r.md").exit_code == 0
    assert report(record, "-o", tmp_path / "r.csv").exit_code == 0


class Without:
    """An import hook: the package is not installed."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[0] == self._package:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


def test_a_full_disk_leaves_nothing(record: Path, tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    said = "cannot be written (No space left on device): choose another path"
    fails(report(record, "-o", tmp_path / "r.md"), said)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["record.json"]
