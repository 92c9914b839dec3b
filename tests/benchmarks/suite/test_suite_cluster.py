"""A suite on the workers of a cluster, and on several boards: the rows of the serial one."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge.shipped import BENCHMARK_BUNDLE, find_bundle
from edge_benchmarks.cli import main
from edge_benchmarks.record import read_record
from edge_common import cluster
from tests import clusters

QUICK = "frames = 10\nseconds = 0.05\nrounds = 2\nprocesses = 0\ncold-starts = 0\n"


@pytest.fixture
def suite_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs of a bundle that workers do not have, and one that fails."""
    monkeypatch.setattr("edge_benchmarks.suite.running.find_spec", lambda name: None)
    mine = tmp_path / "mine.edge"
    mine.write_bytes(find_bundle(BENCHMARK_BUNDLE).read_bytes())
    path = tmp_path / "suite.toml"
    path.write_text(f'bundles = ["{mine}", "none.edge"]\nthreads = [1, 2]\n[options]\n{QUICK}')
    return path


def suite(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["suite", *map(str, arguments)])


def rows(result: Result) -> list[list[str]]:
    """The table and what failed, without the times."""
    return [re.sub(r"\d+\.\d+|\s+", " ", line).split() for line in result.stdout.splitlines()]


def test_workers_measure_what_this_machine_would(suite_file: Path, tmp_path: Path) -> None:
    serial = suite(suite_file, "-o", tmp_path / "serial")
    assert serial.exit_code == 1
    with clusters.running(tmp_path, ("127.0.0.1", "127.0.0.2")) as opened:
        arguments = (suite_file, "-o", tmp_path / "out", "--scheduler", opened.scheduler_address)
        shared = suite(*arguments)
        assert shared.exit_code == 1, shared.output
        assert suite(*arguments).stdout.count("kept") == 2
    assert rows(shared) == rows(serial)
    assert "there is no bundle 'none.edge'" in shared.stdout
    here, there = (sorted((tmp_path / name).glob("*.json")) for name in ("serial", "out"))
    assert [path.name for path in here] == [path.name for path in there] and len(here) == 2
    for own, other in map(lambda *paths: tuple(map(read_record, paths)), here, there):
        assert own.bundle == other.bundle and own.machine.cpu == other.machine.cpu
        assert own.setup.min_frames == other.setup.min_frames == 10
    # this machine goes on with what a cluster of its kind has measured
    assert suite(suite_file, "-o", tmp_path / "out").stdout.count("kept") == 2


@pytest.mark.parametrize(
    ("address", "option", "message"),
    [
        ("tcp://127.0.0.1:9", "", "there is no Dask scheduler at tcp://127.0.0.1:9"),
        ("", "", "has no workers: start `dask worker"),
        ("worker", 'host = "pi@board"\n', "on pi@board: `host` goes without --scheduler"),
    ],
)
def test_bad_input_is_one_line(
    suite_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    option: str,
    message: str,
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 2)
    monkeypatch.setattr(cluster, "_FIRST_WORKER_S", 1)
    suite_file.write_text(suite_file.read_text() + option)
    with clusters.running(tmp_path, ("127.0.0.1",) if address == "worker" else ()) as opened:
        if not address.startswith("tcp"):
            address = opened.scheduler_address
        if option:
            monkeypatch.setattr(cluster, "_FIRST_WORKER_S", 15)
        result = suite(suite_file, "-o", tmp_path / "out", "--scheduler", address)
    assert result.exit_code == 2 and message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and not (tmp_path / "out").exists()
