"""Child processes: what crashes there is a failed attempt, not the end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
_POLL_S = 0.05


@dataclass(frozen=True)
class Child:
    """A process at work, and the file in which it writes what it has to say."""

    process: subprocess.Popen
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
    """Run `python -m module`, which writes its words into `log`."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", module, *map(str, arguments)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=PROJECT,  # a folder `convert` where the user stands must not come first
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"},
        )
    return Child(process, log)


def _cause(code: int, log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if "rror" in line), lines[-1] if lines else "")
    if code == -signal.SIGKILL:
        return "it was killed, most likely for want of memory; close other programs"
    if code < 0:
        return f"the converter crashed ({signal.Signals(-code).name})"
    return last[:300] or f"it ended with code {code}"
