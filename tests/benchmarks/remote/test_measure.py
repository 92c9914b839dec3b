"""Runs on a "board" that a real sshd on loopback stands for."""

import hashlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import psutil
import pytest

from edge import __version__
from edge_benchmarks.record import read_record, to_json
from edge_benchmarks.remote import session
from edge_benchmarks.remote.outgoing import Wheel, project_wheel, zip_wheel
from tests.benchmarks.remote.boards import script, stub_python, wheelhouse
from tests.benchmarks.remote.conftest import Bench
from tests.benchmarks.remote.sshd import Sshd
from tests.benchmarks.samples import RECORD

QUICK = ["--frames", 12, "--seconds", 0.05, "--rounds", 2, "--cold-starts", 0, "--processes", 0]
HERE = ["--no-install", "--board-python", sys.executable]
RUN = "from edge_benchmarks.cli import main; main(prog_name='edge-bench')"
RECORD_TEXT = to_json(RECORD).replace("\n", "\n\n")  # no form that we would write ourselves
WRITE_RECORD = f"open('record.json', 'w').write({RECORD_TEXT!r})"
FAIL = "sys.stderr.write('Error: the source was lost\\n'); sys.exit(3)"
WAIT = """
def interrupted(*_):
    sys.stderr.write('Interrupted.\\n'); sys.exit(130)
signal.signal(signal.SIGINT, interrupted)
told = open({told!r}, 'w')  # closed when this process ends, however it does
told.write('ready\\n'); told.flush()
while True: signal.pause()
"""
PATIENCE_S = 60


def test_inputs_go_there_and_the_record_comes_here(
    bench: Bench, sshd: Sshd, bundle_path: Path, image_folder: Path, tmp_path: Path
) -> None:
    data, output = tmp_path / "test.npz", tmp_path / "record.json"
    np.savez(data, clips=np.zeros((2, 15, 100, 100, 3), np.uint8), reid=[1, 2])
    result = bench(
        bundle_path, "--data", data, "--source", image_folder / "frame_*.png", "-o", output,
        *HERE, *QUICK,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    found = read_record(output)
    assert found.bundle.sha256 == hashlib.sha256(bundle_path.read_bytes()).hexdigest()
    assert (found.data, found.setup.frames.source) == ("test.npz", "frame_*.png")
    assert (found.setup.frames.count, found.setup.rounds) == (10, 2)
    assert result.stdout.startswith("\nfaces-in-motion: window-ring, window of 15")
    assert "sending 12 files, 5" in result.stderr
    assert result.stderr.index("measuring there\n") < result.stderr.index("opening the bundle\n")
    assert os.listdir(sshd.remote_folder) == ["lock"]


def test_the_record_is_what_stood_there_byte_for_byte(
    bench: Bench, bundle_path: Path, tmp_path: Path
) -> None:
    python = stub_python(tmp_path / "env", f"sys.stderr.write(repr(sys.argv[1:]))\n{WRITE_RECORD}")
    output = tmp_path / "here.json"
    result = bench(
        "--json", "--threads", 2, "--baselines", bundle_path, "-o", output,
        "--no-install", "--board-python", python,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert output.read_text() == RECORD_TEXT
    assert json.loads(result.stdout) == json.loads(RECORD_TEXT)
    told = ["run", "-o", "record.json", "--baselines", "--threads", "2", "--", "0/mine.edge"]
    assert repr(told) in result.stderr


def test_without_o_the_record_comes_as_well(bench: Bench, tmp_path: Path) -> None:
    """By --json there: with -o edge-bench may measure more."""
    says = f"sys.stderr.write(repr(sys.argv[1:])); sys.stdout.write({RECORD_TEXT!r})"
    python = stub_python(tmp_path / "env", says)
    result = bench("--no-install", "--board-python", python)
    assert result.exit_code == 0, result.stderr
    assert "['run', '--json', '--']" in result.stderr
    assert result.stdout.startswith("\ntiny: window-ring, window of 15")


def test_the_wheel_is_installed_once_and_updated_in_place(
    bench: Bench, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["--wheelhouse", wheelhouse(tmp_path / "wheels"), *QUICK, "-o", tmp_path / "r.json"]
    asked += ["--board-python", sys.executable]
    wheel = project_wheel()  # once, as somebody may be editing the project meanwhile
    monkeypatch.setattr(session.outgoing, "project_wheel", lambda: wheel)
    first = bench(*asked)
    assert first.exit_code == 0, first.stderr
    assert "sending 6 files" in first.stderr and "making an environment" in first.stderr
    assert read_record(tmp_path / "r.json").edge_run == __version__

    second = bench(*asked)
    assert second.exit_code == 0
    assert "sending" not in second.stderr and "installing" not in second.stderr

    monkeypatch.setattr(session.outgoing, "project_wheel", lambda: edited(wheel))
    third = bench(*asked)
    assert third.exit_code == 0, third.stderr
    assert "installing" in third.stderr and "making" not in third.stderr
    assert list(sshd.remote_folder.rglob("site-packages/edge/edited.py"))


def edited(wheel: Wheel) -> Wheel:
    """As it is after an edit that changed no version."""
    archive = zipfile.ZipFile(io.BytesIO(wheel.content))
    members = {name: archive.read(name) for name in archive.namelist()}
    record = next(name for name in members if name.endswith("/RECORD"))
    del members[record]
    return Wheel(wheel.name, zip_wheel({**members, "edge/edited.py": b""}, record))


def test_what_edge_bench_says_there_is_said_here_and_its_exit_code_passed_on(
    bench: Bench, tmp_path: Path
) -> None:
    python = stub_python(tmp_path / "env", FAIL)
    result = bench("--no-install", "--board-python", python)
    assert result.exit_code == 3
    assert result.stderr.endswith("measuring there\nError: the source was lost\n")


def test_bad_input_is_found_out_there(bench: Bench) -> None:
    result = bench(*HERE, "--strict-delegate", "--delegate", "/no/such/delegate.so")
    assert result.exit_code == 2
    assert "Error: the delegate /no/such/delegate.so cannot be opened" in result.stderr


def test_being_killed_there_is_said(bench: Bench, tmp_path: Path) -> None:
    python = stub_python(tmp_path / "env", "os.kill(os.getpid(), signal.SIGKILL)")
    result = bench("--no-install", "--board-python", python)
    assert result.exit_code == 2
    assert "was killed (SIGKILL): is its memory full" in result.stderr


def test_no_record_is_an_error(bench: Bench, tmp_path: Path) -> None:
    result = bench("--no-install", "--board-python", stub_python(tmp_path / "env", "pass"))
    assert result.exit_code == 2
    assert "ended without a record" in result.stderr


def test_what_a_login_shell_prints_is_skipped(bench: Bench, tmp_path: Path) -> None:
    python = stub_python(tmp_path / "env", WRITE_RECORD)
    noisy = script(tmp_path / "noisy", f'printf "Welcome to\\nthis board"; exec {python} "$@"')
    result = bench("--no-install", "--board-python", noisy)
    assert result.exit_code == 0, result.stderr


class Waiting:
    """edge-bench --host in a process of its own; its stub there waits to be ended."""

    def __init__(self, sshd: Sshd, folder: Path, before: str = "") -> None:
        self.output, told = folder / "record.json", folder / "told"
        python = stub_python(folder / "env", before + WAIT.format(told=str(told)))
        os.mkfifo(told)
        self._told = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
        arguments = [*sshd.arguments(), "--no-install", "--board-python", str(python)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, *arguments, "-o", str(self.output)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._next_word() == b"ready\n"

    def end(self, number: signal.Signals) -> str:
        """What it says when it gets this signal."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=PATIENCE_S)[1]

    def is_over_there(self) -> bool:
        """Waits for it."""
        over = self._next_word() == b""
        os.close(self._told)
        return over

    def _next_word(self) -> bytes:
        readable, _, _ = select.select([self._told], [], [], PATIENCE_S)
        return os.read(self._told, 100) if readable else b"nothing came"


def test_an_interruption_ends_it_there_and_brings_what_it_left(sshd: Sshd, tmp_path: Path) -> None:
    waiting = Waiting(sshd, tmp_path, WRITE_RECORD)
    said = waiting.end(signal.SIGINT)
    assert waiting.process.returncode == 130
    assert waiting.output.read_text() == RECORD_TEXT
    assert said.endswith("Interrupted.\n")
    assert waiting.is_over_there()
    assert not (sshd.remote_folder / "run").exists()


def test_an_interruption_without_a_record_leaves_none(sshd: Sshd, tmp_path: Path) -> None:
    waiting = Waiting(sshd, tmp_path)
    waiting.end(signal.SIGTERM)
    assert waiting.process.returncode == 130
    assert not waiting.output.exists()
    assert waiting.is_over_there()


def test_what_a_real_run_had_measured_is_brought(sshd: Sshd, tmp_path: Path) -> None:
    output = tmp_path / "record.json"
    arguments = [*sshd.arguments(), *HERE, *QUICK, "--processes", 1000, "-o", output]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, arguments)], stderr=subprocess.PIPE, text=True
    )
    said = next(line for line in process.stderr if "fresh processes" in line)  # is what comes next
    process.send_signal(signal.SIGINT)
    said += process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 130, said
    assert said.endswith("Interrupted.\n")
    found = read_record(output)
    assert not found.complete and found.streamed.total_ms.n >= 12


def test_a_lost_connection_ends_it_there(sshd: Sshd, tmp_path: Path) -> None:
    waiting = Waiting(sshd, tmp_path)
    waiting.end(signal.SIGKILL)
    assert waiting.is_over_there()


def test_a_connection_that_breaks_is_said(sshd: Sshd, tmp_path: Path) -> None:
    waiting = Waiting(sshd, tmp_path)
    (ssh,) = psutil.Process(waiting.process.pid).children()
    ssh.kill()
    said = waiting.process.communicate(timeout=PATIENCE_S)[1]
    assert waiting.process.returncode == 2
    assert "@127.0.0.1 broke (nothing was said): what ran there is ended" in said
    assert waiting.is_over_there()
