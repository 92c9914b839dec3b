"""Boards whose programs are those of an ARM board: our wheel and Debian's Python for it, run by qemu."""

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge.shipped import BENCHMARK_BUNDLE
from edge_devices.emulation import cache
from edge_devices.emulation.guest import emulated_board
from edge_devices.profiles.catalogue import profile_named
from tests.arm.installed import Installed, code_of, install, or_skip
from tests.fleet.boards.namespaces import SpaceBoard

PROGRAMS = ("edge-run", "edge-devices")  # that a roll-out starts there
_BOARD = "pi-4"


def emulate(boards: Sequence[SpaceBoard], wheel: Path, folder: Path) -> None:
    """Give them programs that run emulated. Skips the test if this machine cannot."""
    board = or_skip(lambda: emulated_board(profile_named(_BOARD), lambda step: None))
    folder.mkdir()
    installed = Installed(board, install(board, wheel, folder / "wheel"), folder / "bytecode")
    installed.command("edge-run", BENCHMARK_BUNDLE, "--self-test")  # compiles once what it imports
    installed.command("edge-devices", "list")
    _let_in(cache.arm_folder())
    for each in boards:
        programs = each.folder / "emulated"
        programs.mkdir()
        for name in PROGRAMS:
            (programs / name).write_text(_script(installed, name))
            (programs / name).chmod(0o755)
        each.variables["edge_bin"] = str(programs)


def _let_in(path: Path) -> None:
    """Let users of boards through to what was unpacked, and to the tests' link to it."""
    path.chmod(0o755)
    for each in path.parents:
        if each != Path(tempfile.gettempdir()) and each.is_relative_to(tempfile.gettempdir()):
            each.chmod(each.stat().st_mode | 0o055)


def _script(installed: Installed, name: str) -> str:
    """HOME stays the user's."""
    compiled = {"PYTHONPYCACHEPREFIX": str(installed.bytecode)}
    environment = installed.board.environment([installed.site], compiled)
    del environment["HOME"]
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    command = shlex.join(installed.board.command(["-c", code_of(name)]))
    return "\n".join(["#!/bin/sh", *exports, f'exec {command} "$@"', ""])
