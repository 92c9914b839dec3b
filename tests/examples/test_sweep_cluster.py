"""A sweep whose members workers train: the weights of the serial one, in the same folders."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge_common import ConfigError, cluster, shared_folders
from examples.sweep.__main__ import main
from examples.sweep.on_cluster import MODULE, families
from examples.sweep.plan import read_sweep
from tests import clusters
from tests.examples.test_sweep import SWEEP
from tests.models import data_files

MORE = """
[[member]]
name = "three"
about = "a backbone of its own"
network.backbone_width = 0.5
"""


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("workers")
    with clusters.running(folder, ("127.0.0.1", "127.0.0.1")) as opened:
        yield opened.scheduler_address


def sweep_file(folder: Path) -> Path:
    path = folder / "sweep.toml"
    path.write_text(SWEEP.replace('"tiny"', '"small-conv"') + MORE)
    return path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_members_that_share_a_backbone_stay_together(tmp_path: Path) -> None:
    members = read_sweep(sweep_file(tmp_path)).members
    assert families(members, tmp_path) == [["one", "two"], ["three"]]
    assert families(members[1:2], tmp_path) == [["two"]]


def test_a_teacher_is_trained_before_whom_it_teaches() -> None:
    members = read_sweep(Path("examples/sweep/utkface.toml")).members
    (together, *others) = families(members, Path("out/utkface"))
    assert together == ["faceres", "faceres-small"] and all(len(each) == 1 for each in others)


@pytest.mark.slow  # six trainings
def test_workers_train_the_weights_that_this_machine_would(scheduler: str, tmp_path: Path) -> None:
    data_files.fashion(tmp_path / "data")
    usual = (sweep_file(tmp_path), "--data", tmp_path / "data", "--train-only")
    serial = invoke(*usual, "-o", tmp_path / "here")
    assert serial.exit_code == 0, serial.output
    result = invoke(*usual, "-o", tmp_path / "there", "--scheduler", scheduler)
    assert result.exit_code == 0, result.output
    assert "one, two: done\n" in result.stdout and "three: done\n" in result.stdout
    for name in ("one", "two", "three"):
        paths = [tmp_path / folder / name / "model.keras" for folder in ("here", "there")]
        here, there = (keras.saving.load_model(path).get_weights() for path in paths)
        assert all(map(np.array_equal, here, there)) and len(here) == len(there)


@pytest.mark.slow  # starts tensorflow on a worker
def test_a_member_that_fails_is_named(scheduler: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    usual = (sweep_file(tmp_path), "-o", tmp_path / "out", "--data", tmp_path / "data")
    result = invoke(*usual, "--scheduler", scheduler, "--members", "three")
    assert result.exit_code == 2 and len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("Error: three: ")


def test_workers_that_share_nothing_are_refused(scheduler: str, tmp_path: Path) -> None:
    with cluster.connected(scheduler) as client:
        shared_folders.refuse_unshared(client, tmp_path, [tmp_path], MODULE)
        with pytest.raises(ConfigError, match="does not share /no/such with this machine: put"):
            shared_folders.refuse_unshared(client, tmp_path, [Path("/no/such")], MODULE)
        with pytest.raises(ConfigError, match="the module examples.none"):
            shared_folders.refuse_unshared(client, tmp_path, [], "examples.none")
        # a folder of the same name on another machine holds no token
        token = str(tmp_path / "other" / "token")
        lacks = client.run(shared_folders._missing, Path(token), [], MODULE)
        assert set(map(str, lacks.values())) == {str([str(tmp_path)])}
    assert not list(tmp_path.iterdir())


def test_without_a_scheduler_there_nothing_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 1)
    (tmp_path / "data").mkdir()
    usual = (sweep_file(tmp_path), "-o", tmp_path / "out", "--data", tmp_path / "data")
    result = invoke(*usual, "--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 2 and "there is no Dask scheduler at tcp://127" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
