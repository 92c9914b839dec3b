"""What a board's own pip installs, if it has an index: a folder of wheels stands for that."""

import re
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from edge_benchmarks.remote.agent.job import VirtualEnvironment
from edge_benchmarks.remote.outgoing import tested_versions as constraints
from tests.benchmarks.remote.boards import write_wheel
from tests.wheels import ROOT


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def installed(environment: VirtualEnvironment, name: str) -> str:
    site = next(environment.python.parents[1].glob("lib/python*/site-packages"))
    return next(metadata.distributions(name=name, path=[str(site)])).version


@pytest.mark.parametrize("tested", [True, False])
def test_the_tested_versions_are_installed(
    tested: bool, tmp_path: Path, index: Path, capfd: pytest.CaptureFixture
) -> None:
    match = re.search(r"^click==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert match
    run = tmp_path / "run"
    run.mkdir()
    if tested:
        shutil.copy(constraints().path, run / constraints().name)
    wheel = write_wheel(run, "edge-run", "0.2.0", requires="click>=8.1")
    for version in (match[1], "99.0"):
        write_wheel(index, "click", version)
    environment = VirtualEnvironment(tmp_path)
    environment.install(run, wheel.name, "a hash")
    assert installed(environment, "click") == (match[1] if tested else "99.0")
    assert environment.installed == "a hash"
