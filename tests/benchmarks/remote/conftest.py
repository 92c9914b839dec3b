"""One sshd for all tests, and edge-bench --host as its user calls it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge_benchmarks.cli import main
from tests.benchmarks.remote.sshd import Sshd, running_sshd

Bench = Callable[..., Result]


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    offline = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_RETRIES": "1"}
    with running_sshd(tmp_path_factory.mktemp("sshd"), offline) as found:
        yield found


@pytest.fixture
def bench(sshd: Sshd) -> Bench:
    """Runs `edge-bench --host` on a board never used before; keyword arguments are ssh options."""
    shutil.rmtree(sshd.cache, ignore_errors=True)

    def call(*arguments: object, **ssh_options: object) -> Result:
        given = [*sshd.arguments(**ssh_options), *map(str, arguments)]
        return CliRunner().invoke(main, given)

    return call


@pytest.fixture
def bundle_path(tmp_path: Path) -> Path:
    """The shipped bundle under a name that no board knows."""
    from edge.shipped import BENCHMARK_BUNDLE, find_bundle

    path = tmp_path / "mine.edge"
    path.write_bytes(find_bundle(BENCHMARK_BUNDLE).read_bytes())
    return path
