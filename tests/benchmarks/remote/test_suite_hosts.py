"""A suite over two boards, which an sshd on two addresses of loopback stands for."""

import getpass
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.shipped import BENCHMARK_BUNDLE
from edge_benchmarks.cli import main
from edge_benchmarks.record import read_record
from tests.benchmarks.remote.boards import script
from tests.benchmarks.remote.sshd import Sshd

QUICK = "frames = 10\nseconds = 0.05\nrounds = 2\nprocesses = 0\ncold-starts = 0\n"


def test_boards_measure_side_by_side_what_each_would_alone(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_benchmarks.suite.running.find_spec", lambda name: None)
    user, times = getpass.getuser(), tmp_path / "times"
    times.mkdir()
    # each address is a board with a cache of its own; it notes when it began and ended
    python = script(
        tmp_path / "python",
        'set -- "$(echo $SSH_CONNECTION | cut -d\' \' -f3)" "$@"; board=$1; shift\n'
        f"export XDG_CACHE_HOME={tmp_path}/$board\n"
        f'date +%s%N >> {times}/$board; {sys.executable} "$@"; code=$?\n'
        f"date +%s%N >> {times}/$board; exit $code",
    )
    options = [f"HostKeyAlias=[127.0.0.1]:{sshd.port}"]
    options += [a.partition("=")[2] for a in sshd.arguments() if a.startswith("--ssh-option=")]
    suite = tmp_path / "suite.toml"
    suite.write_text(
        f'bundles = ["{BENCHMARK_BUNDLE}"]\nthreads = [1, 2]\n'
        f'hosts = ["{user}@127.0.0.1", "{user}@127.0.0.2"]\n[options]\n{QUICK}'
        f"port = {sshd.port}\nno-install = true\nboard-python = {json.dumps(str(python))}\n"
        f"ssh-option = {json.dumps(options)}\n"
    )
    arguments = ["suite", str(suite), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    for host in ("127.0.0.1", "127.0.0.2"):
        for threads in ("1 thread", "2 threads"):
            assert f"{BENCHMARK_BUNDLE}, auto, {threads}, on {user}@{host} " in result.stdout
    records = [read_record(path) for path in (tmp_path / "out").glob("*.json")]
    assert sorted(record.setup.threads for record in records) == [1, 1, 2, 2]
    one, two = (list(map(int, path.read_text().split())) for path in times.iterdir())
    assert len(one) == len(two) == 4 and one == sorted(one) and two == sorted(two)
    assert one[0] < two[-1] and two[0] < one[-1]  # at the same time
    assert CliRunner().invoke(main, arguments).stdout.count("kept") == 4
