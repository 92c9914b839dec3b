"""The one job of an agent: receive, install, measure, hand the record back."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_benchmarks.remote.agent.environment import Environment, check_installed
from edge_benchmarks.remote.agent.talk import (
    Refusal,
    interrupt_on_stdin,
    reason,
    receive_files,
    receive_line,
    run_supervised,
    say,
    say_end,
)

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
            result = _measure(receive_line(), Environment(folder), run)
        say_end(*result)
    except Refusal as refusal:
        say(error=str(refusal))
    except KeyboardInterrupt:
        say_end(INTERRUPTED, None)
    except ConnectionError:
        raise
    except OSError as error:
        say(error=reason(error))


def _measure(job: dict[str, Any], environment: Environment, run: Path) -> tuple[int, bytes | None]:
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
