"""Our wheel on an emulated board, and its commands there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from edge_common.errors import Unavailable
from edge_devices.emulation.guest import EmulatedBoard

T = TypeVar("T")
_MODULES = {"edge-run": "edge", "edge-devices": "edge_devices", "edge-bench": "edge_benchmarks"}


@dataclass(frozen=True)
class Installed:
    """A board on which our wheel was installed, in `site`. bytecode: a folder to keep it in."""

    board: EmulatedBoard
    site: Path
    bytecode: Path

    @property
    def name(self) -> str:
        return self.board.profile.name

    def python(self, *arguments: object) -> str:
        """Run Python there, with our packages; its stdout."""
        return self._checked(list(map(str, arguments)))

    def command(self, name: str, *arguments: object) -> str:
        """Run one of our commands there; its stdout."""
        return self._checked(["-c", code_of(name), *map(str, arguments)])

    def _checked(self, arguments: Sequence[str]) -> str:
        compiled_once = {"PYTHONPYCACHEPREFIX": str(self.bytecode), "PYTHONDONTWRITEBYTECODE": ""}
        done = self.board.run(arguments, path=[self.site], environment=compiled_once)
        assert done.returncode == 0, f"on {self.name}: {done.stdout}{done.stderr}"
        return done.stdout


def code_of(name: str) -> str:
    """What Python has to run for the command of this name."""
    return f"import sys; sys.argv[0] = {name!r}; from {_MODULES[name]}.cli import main; main()"


def install(board: EmulatedBoard, wheel: Path, folder: Path, *options: str) -> Path:
    """Let the board's own pip install our wheel beside the packages that are there; where to."""
    pip = ["-m", "pip", "install", "-q", "--no-index", "--no-compile", "--root-user-action=ignore"]
    done = board.run([*pip, *options, "--prefix", str(folder), str(wheel)])
    assert done.returncode == 0, f"on {board.profile.name}: {done.stdout}{done.stderr}"
    return next(folder.rglob("edge_run-*.dist-info")).parent


def or_skip(make: Callable[[], T]) -> T:
    """What is made; where this machine cannot, the test is skipped with what to install."""
    try:
        return make()
    except Unavailable as error:
        pytest.skip(str(error))
