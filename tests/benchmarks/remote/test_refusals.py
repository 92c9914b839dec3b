"""Each thing that can be wrong with a board, made wrong for real where loopback allows it."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_benchmarks.cli import main
from tests.benchmarks.remote.boards import bare_python, script, wheelhouse
from tests.benchmarks.remote.conftest import Bench
from tests.benchmarks.remote.sshd import Sshd, free_port, make_key, running_sshd

IN_A_MOUNT_NAMESPACE = ["unshare", "--mount", "sh", "-c"]


def refusal(result) -> str:
    """The one line of a run that was refused."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    *steps, line = result.stderr.splitlines()
    assert line.startswith("Error: ") and not any(step.startswith("Error") for step in steps)
    return line


def test_a_port_where_nobody_listens(bench: Bench) -> None:
    line = refusal(bench("--port", free_port()))
    assert "refuses connections: is ssh enabled there" in line and "-p PORT" in line


def test_a_host_that_never_answers(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        line = refusal(bench("--port", port, ConnectTimeout=1))
    assert "@127.0.0.1 does not answer: is it on" in line


def test_a_host_without_a_known_key(bench: Bench, sshd: Sshd, tmp_path: Path) -> None:
    line = refusal(bench(UserKnownHostsFile=tmp_path / "none"))
    assert "the host key of" in line and f"accept it (ssh -p {sshd.port} " in line


def test_a_host_with_another_key_than_it_had(bench: Bench, sshd: Sshd, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} {other}")
    line = refusal(bench(UserKnownHostsFile=known))
    assert "has another host key than it had" in line
    assert f"forget the old key (ssh-keygen -R '[127.0.0.1]:{sshd.port}')" in line


def test_a_key_that_is_not_allowed(bench: Bench, sshd: Sshd, tmp_path: Path) -> None:
    line = refusal(bench(IdentityFile=make_key(tmp_path / "other")))
    assert "takes none of your keys, and no password is asked for here" in line
    assert f"(ssh-copy-id -p {sshd.port} " in line


def test_an_option_that_ssh_does_not_know(bench: Bench) -> None:
    assert "ssh does not take the --ssh-option (" in refusal(bench(NoSuchOption=1))


def test_no_ssh_here(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no ssh on this machine: install it" in refusal(bench())


def test_no_python_there(bench: Bench) -> None:
    line = refusal(bench("--board-python", "/no/such/python"))
    assert "has no /no/such/python: install it (sudo apt install python3-venv)" in line


def test_a_python_that_is_too_old(bench: Bench, tmp_path: Path) -> None:
    old = script(tmp_path / "python3.8", r"printf '\nedge-run 3.8\n'; cat >/dev/null")
    line = refusal(bench("--board-python", old))
    assert f"{old} on " in line and "is Python 3.8, which edge-run does not run on" in line


def test_a_python_that_makes_no_environments(bench: Bench, tmp_path: Path) -> None:
    blocked = bare_python(tmp_path / "env", "import sys; sys.modules['ensurepip'] = None")
    line = refusal(bench("--board-python", blocked))
    assert "makes no environments: install venv there (sudo apt install python3." in line


def test_something_that_is_no_python(bench: Bench, tmp_path: Path) -> None:
    line = refusal(bench("--board-python", script(tmp_path / "odd", "echo odd >&2; exit 5")))
    assert "did not start" in line and "(status 5: odd)" in line


def test_a_python_without_edge_run(bench: Bench, tmp_path: Path) -> None:
    python = bare_python(tmp_path / "env")
    line = refusal(bench("--no-install", "--board-python", python))
    assert f"{python} has no edge-run: leave out --no-install" in line


def test_a_board_without_internet(bench: Bench, sshd: Sshd, tmp_path: Path) -> None:
    line = refusal(bench())
    assert "pip reaches no package index there: give --wheelhouse FOLDER of wheels" in line
    assert os.listdir(sshd.remote_folder) == ["lock"]


def test_a_wheelhouse_that_lacks_a_wheel(bench: Bench, tmp_path: Path) -> None:
    folder = wheelhouse(tmp_path / "wheels", ("click", "psutil"))
    line = refusal(bench("--wheelhouse", folder))
    assert "pip failed there (No matching distribution found for " in line
    assert "add it to the --wheelhouse" in line


@pytest.fixture
def full_board(tmp_path: Path):
    """An sshd that sees a tiny disk under its cache folder; nobody else sees it."""
    (tmp_path / "cache").mkdir()
    mount = f'mount -t tmpfs -o size=1m tmpfs {tmp_path / "cache"} && exec "$0" "$@"'
    prefix = [*IN_A_MOUNT_NAMESPACE, mount]
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"]).returncode:
        pytest.skip("needs to be root, and allowed to mount")
    with running_sshd(tmp_path, prefix=prefix) as found:
        yield found


def test_a_full_disk_there(full_board: Sshd) -> None:
    line = refusal(CliRunner().invoke(main, full_board.arguments()))
    assert "its disk is full: free some space there" in line


def test_a_second_run_at_the_same_time(sshd: Sshd, bench: Bench) -> None:
    import fcntl

    sshd.remote_folder.mkdir(parents=True, exist_ok=True)
    with (sshd.remote_folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another edge-bench --host measures there" in refusal(bench())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--no-install"], "--no-install go with --host"),
        (["--host", "-oProxyCommand=x"], "--host takes a board as ssh does"),
        (["--host", "x", "--no-install", "--wheelhouse", "."], "leave out one of the two"),
        (["--host", "x", "--wheelhouse", "."], "holds no wheels"),
        (["--host", "x", "nosuch.edge"], "there is no bundle 'nosuch.edge'"),
        (["--host", "x", "--source", "no*.png"], "there is no source no*.png"),
        (["--host", "x", "-o", "no/such/r.json"], "its folder is missing or read-only"),
    ],
)
def test_bad_usage_is_found_before_connecting(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert said in result.stderr
