"""The private environment on the board: made once, updated when the wheel is another one."""

import errno
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from edge_benchmarks.remote.agent.talk import DISK_FULL, Refusal, run_collecting, say

_VERSION = "{}.{}".format(*sys.version_info)
_OFFLINE = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "ProxyError")


class Environment:
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
        command = [str(self.python), "-m", "pip", "install", *offline]
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
