"""A scenario is one file and one line in the catalogue: it then stands in every form."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from edge_benchmarks.commands import run as run_module
from edge_benchmarks.record import read_record, to_json
from edge_benchmarks.scenarios import catalogue
from edge_benchmarks.show.terminal import report
from edge_benchmarks.show.writing import write_report
from edge_common.errors import ConfigError
from tests.benchmarks.scenarios.first_frames import FirstFrames, FirstFramesResult

KEYS = [
    "camera",
    "offline",
    "multi_stream",
    "capacity",
    "cold",
    "soak",
    "pipeline",
    "sources",
    "people",
]
QUICK = "--frames 4 --seconds 0.01 --rounds 1 --processes 0"


@pytest.fixture(scope="module")
def command() -> Iterator[click.Command]:
    """`edge-bench run` with one more scenario."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "SCENARIOS", [*catalogue.SCENARIOS, FirstFrames])
        yield importlib.reload(run_module).run
    importlib.reload(run_module)


@pytest.fixture(scope="module")
def record_path(command: click.Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a run from the command line."""
    path = tmp_path_factory.mktemp("new") / "record.json"
    arguments = f"faces-in-motion {QUICK} --scenario first-frames --first 5 -o {path}"
    result = CliRunner().invoke(command, arguments.split())
    assert result.exit_code == 0, result.output
    assert "first frames  " in result.stdout
    return path


def test_its_option_and_summary_stand_in_the_help(command: click.Command) -> None:
    text = " ".join(CliRunner().invoke(command, ["--help"]).stdout.split())
    assert "first-frames: the first frames after the window was full." in text
    assert "--first INTEGER first-frames: how many." in text


def test_it_stands_in_the_record_and_comes_back_typed(record_path: Path) -> None:
    scenarios = json.loads(record_path.read_text())["scenarios"]
    assert list(scenarios) == [*KEYS, "first_frames"]
    assert len(scenarios["first_frames"]["frame_ms"]) == 5
    record = read_record(record_path)
    assert isinstance(FirstFrames.result_of(record), FirstFramesResult)
    assert json.loads(to_json(record)) == json.loads(record_path.read_text())


def test_it_stands_on_a_terminal(record_path: Path) -> None:
    lines = report(read_record(record_path)).splitlines()
    (line,) = [line for line in lines if line.startswith("first frames")]
    assert line.endswith("ms at most, of 5")


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        (".md", "### First frames\n\n| what | found |\n| --- | ---: |\n| slowest of the first"),
        (".html", ">First frames</h3>\n<figure><div><svg"),
    ],
)
def test_it_stands_on_pages(record_path: Path, tmp_path: Path, suffix: str, start: str) -> None:
    path = tmp_path / f"report{suffix}"
    write_report(path, [read_record(record_path)])
    assert start in path.read_text()


def test_its_columns_stand_behind_all_others(record_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    write_report(path, [read_record(record_path)])
    assert path.read_text().splitlines()[0].endswith(",first_frames_max_ms")


def test_a_record_with_an_unknown_scenario_is_refused(
    record_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "SCENARIOS", catalogue.SCENARIOS[:-1])
    with pytest.raises(ConfigError, match=r"unknown field 'scenarios\.first_frames'"):
        read_record(record_path)
