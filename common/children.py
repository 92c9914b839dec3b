"""Child processes: what crashes there is a failed attempt, not the end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edge_common.errors import EngineError, EngineHung

_RUN_MODULE = Path(__file__).with_name("run_module.py")
_POLL_S = 0.05
_JSON_TIMEOUT_S = 600
_MOST_LETTERS = 300  # of a reason


def module_command(
    module: str,
    *arguments: object,
    python: str | Path = sys.executable,
    flags: Sequence[str] = (),
) -> list[str]:
    """The command that runs a module of these rooms, whatever folder it is started in.

    python: also one that has none of these rooms installed.  flags: of that Python.
    """
    return [str(python), *flags, str(_RUN_MODULE), module, *map(str, arguments)]


class ChildProcess(Protocol):
    """What is needed of `subprocess.Popen`."""

    returncode: Any  # int, or None while it runs

    def poll(self) -> int | None:
        """The exit code, once there is one."""

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Child:
    """A process at work, and the file in which it writes what it has to say."""

    process: ChildProcess
    log: Path

    def wait(self, watch: Callable[[], None] = lambda: None) -> int:
        """The exit code, once there is one; `watch` is called while waiting."""
        while True:
            try:
                return self.process.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                watch()

    def cause(self) -> str:
        """Why it ended without its result, for a person."""
        return _cause(self.process.returncode, self.log)


def start(module: str, arguments: Sequence[str | Path], log: Path) -> Child:
    """Run a module of these rooms, which writes its words into `log`."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            module_command(module, *arguments, flags=("-W", "ignore")),
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"},
        )
    return Child(process, log)


_LAYER = "Exception encountered when calling"
_UNKNOWN = "TF Select ops: "  # as TFLite's converter begins the line that names them


def _cause(code: int, log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if "rror" in line), lines[-1] if lines else "")
    if _LAYER in last:  # Keras says behind it what happened there
        last = next(iter(lines[lines.index(last) + 1 :]), last)
    unknown = [line.removeprefix(_UNKNOWN) for line in lines if line.startswith(_UNKNOWN)]
    if unknown:
        shapes = [line.split(" -> ")[0] for line in lines if line.startswith("tf.")][:1]
        return f"TFLite has no operator for {', '.join([*dict.fromkeys(unknown), *shapes])}"[
            :_MOST_LETTERS
        ]
    if code == -signal.SIGKILL:
        return "it was killed, most likely for want of memory; close other programs"
    if code < 0:
        return f"the converter crashed ({signal_name(-code)})"
    return last[:_MOST_LETTERS] or f"it ended with code {code}"


def run_captured(
    command: Sequence[str | Path],
    *,
    timeout_s: float | None = None,
    cwd: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is, with nothing to read and all output kept.

    environment: instead of this process's.  Raises subprocess.TimeoutExpired, OSError.
    """
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def signal_name(number: int) -> str:
    """Such as SIGSEGV; a number that has no name stays one."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_line(text: str) -> str:
    """What a program printed last, as its reason for failing."""
    return (text.strip().splitlines() or ["no reason given"])[-1].strip()[:_MOST_LETTERS]


def run_for_json(command: Sequence[str]) -> Any:
    """Run a command to its end; the JSON value in its last line.

    Raises EngineError if it fails or does not end, EngineHung if a frame did not come to its end.
    """
    try:
        process = run_captured(command, timeout_s=_JSON_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"a fresh process gave no result in {_JSON_TIMEOUT_S} s: does the source deliver frames?"
        ) from error
    if process.returncode != 0:
        failure = EngineHung if process.returncode == EngineHung.exit_code else EngineError
        raise failure(f"a fresh process failed ({last_line(process.stderr)})")
    return json.loads(process.stdout.strip().splitlines()[-1])
