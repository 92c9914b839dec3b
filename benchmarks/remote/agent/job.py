"""The one job of an agent: receive, install, measure, hand the record back.

The private environment on the board is made once, and updated when the wheel is another one.
"""

import errno
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_benchmarks.remote.agent.talk import (
    DISK_FULL,
    Refusal,
    interrupt_on_stdin,
    reason,
    receive_files,
    receive_line,
    run_collecting,
    run_supervised,
    say,
    say_end,
)

_VERSION = "{}.{}".format(*sys.version_info)
CONSTRAINTS = "constraints.txt"  # the versions to install, beside the wheel
_OFFLINE = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "ProxyError")


class VirtualEnvironment:
    """One for each Python and not one for each wheel: a card has no room for OpenCV once an edit.

    Its marker holds the hash of the wheel in it; without one it counts as broken.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"python{_VERSION}"
        self._marker = self._folder / "edge-run.sha256"
        self.python = self._folder / "bin" / "python"

    @property
    def installed(self) -> str:
        """The hash of the wheel; empty if there is none."""
        return self._marker.read_text() if self._marker.exists() else ""

    def install(self, run: Path, name: str, sha256: str) -> None:
        """Put `run`/`name` and what it needs into it. Raises Refusal if that fails."""
        before = self.installed
        try:
            if before:
                self._marker.unlink()  # a loss of power from here on is noticed
            else:
                self._make()
            self._install(run, str(run / name), update=bool(before))
            self._marker.write_text(sha256)
        except Refusal:
            if before:  # pip left it as it was
                self._marker.write_text(before)
            else:
                shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _make(self) -> None:
        if importlib.util.find_spec("ensurepip") is None:
            raise Refusal(
                f"its Python {_VERSION} makes no environments: install venv there "
                f"(sudo apt install python{_VERSION}-venv)"
            )
        say(step=f"making an environment of Python {_VERSION} there")
        command = [sys.executable, "-m", "venv", "--clear", str(self._folder)]
        code, output = run_collecting(command, self._folder.parent)
        if code:
            raise Refusal(f"python -m venv failed there ({_why(output)})")

    def _install(self, run: Path, wheel: str, update: bool) -> None:
        say(step="installing edge-run and what it needs there (minutes for the first time)")
        self._pip(run, wheel)
        if update:  # the version is the same, so that pip left the old one in place
            self._pip(run, "--no-deps", "--force-reinstall", wheel)

    def _pip(self, run: Path, *arguments: str) -> None:
        wheels = run / "wheelhouse"
        offline = ["--no-index", "--find-links", str(wheels)] if wheels.exists() else []
        tested = ["-c", CONSTRAINTS] if (run / CONSTRAINTS).exists() else []
        command = [str(self.python), "-m", "pip", "install", *offline, *tested]
        command += ["--disable-pip-version-check", "--no-input", "--prefer-binary", *arguments]
        code, output = run_collecting(command, run)
        if code and any(word in output for word in _OFFLINE):
            raise Refusal("pip reaches no package index there: give --wheelhouse FOLDER of wheels")
        if code:
            hint = "; add it to the --wheelhouse" if offline else ""
            raise Refusal(f"pip failed there ({_why(output)}{hint})")


def check_installed(python: Path) -> None:
    """Raises Refusal if this Python has no edge-run."""
    command = [str(python), "-c", "import edge_benchmarks.cli"]
    if subprocess.run(command, capture_output=True).returncode:
        raise Refusal(f"{python} has no edge-run: leave out --no-install, or name another Python")


def _why(output: str) -> str:
    """The line that matters of a failed command's output."""
    if os.strerror(errno.ENOSPC) in output:
        return DISK_FULL
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["nothing was said"])[-1].removeprefix("ERROR: ")


INTERRUPTED = 130
RECORD = "record.json"
_BENCH = "from edge_benchmarks.cli import main; main(prog_name='edge-bench')"
_LOCK_TRIES, _LOCK_PAUSE_S = 10, 0.2  # a run that was just interrupted needs a moment to end


def main() -> None:
    """Do the job on stdin; nothing but the environment stays behind, however it ends."""
    try:
        _run_job()
    except ConnectionError:
        pass  # nobody is there any more (a broken pipe is one, too)
    os._exit(0)  # a usual end would wait for the thread that reads stdin


def _run_job() -> None:
    try:
        with _exclusive(_cache_folder()) as folder, _empty_folder(folder / "run") as run:
            result = _measure(receive_line(), VirtualEnvironment(folder), run)
        say_end(*result)
    except Refusal as refusal:
        say(error=str(refusal))
    except KeyboardInterrupt:
        say_end(INTERRUPTED, None)
    except ConnectionError:
        raise
    except OSError as error:
        say(error=reason(error))


def _measure(
    job: dict[str, Any], environment: VirtualEnvironment, run: Path
) -> tuple[int, bytes | None]:
    """edge-bench's exit code and its record."""
    wheel = job["wheel"]
    lacks_wheel = wheel is not None and environment.installed != wheel["sha256"]
    say(lacks_wheel=lacks_wheel)
    receive_files(run, receive_line()["files"])
    interrupt_on_stdin()
    if lacks_wheel:
        environment.install(run, wheel["name"], wheel["sha256"])
    python = environment.python if wheel else Path(sys.executable)
    if not wheel:
        check_installed(python)
    say(step="measuring there")
    code = _bench(python, run, job["arguments"], job["wants_file"])
    record = run / RECORD
    return code, (record.read_bytes() or None) if record.exists() else None


def _bench(python: Path, run: Path, arguments: list[str], wants_file: bool) -> int:
    """Its record lies in `run` then; with -o it may measure more, so -o is as the user had it."""
    command = [str(python), "-c", _BENCH, "run", *(["-o", RECORD] if wants_file else ["--json"])]
    with open(os.devnull if wants_file else run / RECORD, "wb") as printed:
        streams = {"stdout": printed, "stderr": subprocess.PIPE}
        try:
            return run_supervised(
                [*command, *arguments], lambda text: say(stderr=text), cwd=run, **streams
            )
        except KeyboardInterrupt:
            return INTERRUPTED


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "edge-run" / "remote"


@contextmanager
def _exclusive(folder: Path) -> Iterator[Path]:
    """Two runs at once would disturb each other's figures, and share an environment."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE_S)
        else:
            raise Refusal("another edge-bench --host measures there: run again when it is done")
        yield folder


@contextmanager
def _empty_folder(folder: Path) -> Iterator[Path]:
    """A folder that is empty at first and gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)  # of a run that lost its power
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
