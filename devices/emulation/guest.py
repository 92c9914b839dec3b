"""A program run as on a board: qemu with the board's processor, files and nothing of this shell."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from edge_common.children import last_line, run_captured
from edge_common.errors import BuildFailed, Unavailable
from edge_devices.emulation.arm_python import ArmPython, arm_python
from edge_devices.emulation.cache import Say, kept
from edge_devices.emulation.overlay import overlay, seen
from edge_devices.emulation.qemu import Qemu, find_qemu
from edge_devices.profiles.profile import Profile

_TIMEOUT_S = 900
# one thread and no hash seed: the same instructions each time
_ENVIRONMENT = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
}
_MODULES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "cv2", "psutil", "click")


@dataclass(frozen=True)
class EmulatedBoard:
    """A board of this profile, on which Python programs can be started."""

    profile: Profile
    qemu: Qemu
    python: ArmPython
    files: Path

    def command(self, arguments: Sequence[str], plugin: str = "") -> list[str]:
        """The command line that starts Python there. plugin: qemu's -plugin argument."""
        loaded = ["-plugin", plugin] if plugin else []
        cpu = ["-cpu", self.profile.cpu.qemu_cpu, "-L", str(self.files), "-U", "LD_LIBRARY_PATH"]
        program = ["-0", seen(self.python).program, str(self.python.program)]
        return [str(self.qemu.program), *cpu, *loaded, *program, *arguments]

    def run(
        self,
        arguments: Sequence[str],
        *,
        path: Sequence[Path] = (),
        plugin: str = "",
        environment: Mapping[str, str] = MappingProxyType({}),
        timeout_s: float = _TIMEOUT_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with arguments to its end, whatever that is. path: put before its packages."""
        paths = seen(self.python)
        return run_captured(
            self.command(arguments, plugin),
            environment={
                **_ENVIRONMENT,
                "PYTHONPYCACHEPREFIX": paths.bytecode,
                "PYTHONPATH": ":".join((*map(str, path), paths.site)),
                **environment,
                **self.qemu.environment(),
            },
            cwd="/",
            timeout_s=timeout_s,
        )


def emulated_board(
    profile: Profile, say: Say, *, plugins: bool = False, python: ArmPython | None = None
) -> EmulatedBoard:
    """Make ready all that it takes; quick where that was done before.

    python: another than the default one. Raises Unavailable where qemu or apt is missing or
    the board has no counterpart in qemu, BuildFailed where building fails.
    """
    if not profile.cpu.qemu_cpu:
        raise Unavailable(f"qemu has no processor like that of {profile.title}: take another board")
    qemu = find_qemu(profile.cpu.architecture, say, plugins=plugins)
    found = python or arm_python(say, profile.cpu.architecture)
    board = EmulatedBoard(profile, qemu, found, overlay(profile, found, say))
    name = found.bytecode.name
    kept(name, lambda folder: _import_all(board, folder), "importing once, emulated", say)
    return board


def _import_all(board: EmulatedBoard, folder: Path) -> None:
    """Leave the bytecode of what is imported, so that it is compiled once."""
    writing = {"PYTHONPYCACHEPREFIX": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    there = [name for name in _MODULES if (board.python.site / name.split(".")[0]).exists()]
    done = board.run(["-c", f"import {', '.join(there)}"], environment=writing)
    if done.returncode != 0:
        raise BuildFailed(
            f"the emulated Python cannot import its packages: {last_line(done.stderr)}"
        )
