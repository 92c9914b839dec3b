"""A program run as on a board: qemu's user mode with its processor, its files, nothing of this shell."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from edge_common import BuildFailed, Unavailable, children
from edge_devices.emulation import apt, cache
from edge_devices.emulation.arm_python import ArmPython, arm_python, overlay, seen
from edge_devices.profiles import Profile

INSTALL = "apt-get install qemu-user"
_PACKAGES = ("qemu-user",)
_NO_FILE = "/nonexistent"
_QEMU_NAMES = {"armv7l": "arm"}


@dataclass(frozen=True)
class Qemu:
    """program: runs one Linux program of another architecture.

    libraries: folders of what it is linked to; () if the system has them.
    """

    program: Path
    libraries: tuple[Path, ...] = ()

    def environment(self) -> dict[str, str]:
        """What the program itself needs; `-U` keeps it from the guest."""
        if not self.libraries:
            return {}
        return {"LD_LIBRARY_PATH": os.pathsep.join(map(str, self.libraries))}

    def loads_plugins(self) -> bool:
        """Whether it was built to: static builds are not."""
        message = self._said("-plugin", _NO_FILE, _NO_FILE)
        return bool(message) and "unknown option" not in message

    def version(self) -> str:
        """`qemu-aarch64 version 7.2.22 (Debian ...)`; "" if it does not start."""
        return next(iter(self._said("--version").splitlines()), "")

    def _said(self, *arguments: str) -> str:
        try:
            process = children.run_captured(
                [self.program, *arguments], environment={**os.environ, **self.environment()}
            )
        except OSError:
            return ""
        return (process.stdout + process.stderr).lower()


def find_qemu(architecture: str, say: cache.Say, *, plugins: bool = False) -> Qemu:
    """The qemu that runs programs of an architecture, as `uname -m` calls it.

    plugins: it has to load them. Raises Unavailable, with the command that installs it.
    """
    program = f"qemu-{_QEMU_NAMES.get(architecture, architecture)}"
    program_path = shutil.which(program) or (None if plugins else shutil.which(f"{program}-static"))
    if program_path and (not plugins or Qemu(Path(program_path)).loads_plugins()):
        return Qemu(Path(program_path))
    own = _unpacked(program, say)
    if plugins and not own.loads_plugins():
        raise Unavailable(
            f"{own.version() or program} loads no plugins, which counting needs: "
            f"use Debian 12 and {INSTALL}"
        )
    return own


def _unpacked(program: str, say: cache.Say) -> Qemu:
    try:
        folder = cache.kept(
            f"qemu-user-{cache.key(apt.distribution())}",
            lambda part: apt.unpack(
                _PACKAGES, apt.machine_architecture(), part / "root", beside_installed=True
            ),
            "unpacking qemu-user",
            say,
        )
    except (Unavailable, BuildFailed) as error:
        raise Unavailable(
            f"there is no {program} here that fits, and it could not be unpacked ({error}): {INSTALL}"
        ) from error
    libraries = [*folder.glob("root/usr/lib/*-linux-gnu*"), *folder.glob("root/lib/*-linux-gnu*")]
    return Qemu(folder / "root/usr/bin" / program, tuple(sorted(libraries)))


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

    def environment(
        self, path: Sequence[Path] = (), changes: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, str]:
        """In which Python finds its packages there, and does the same each time. path: as in `run`."""
        paths = seen(self.python)
        return {
            **_ENVIRONMENT,
            "PYTHONPYCACHEPREFIX": paths.bytecode,
            "PYTHONPATH": ":".join((*map(str, path), paths.site)),
            **changes,
            **self.qemu.environment(),
        }

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
        return children.run_captured(
            self.command(arguments, plugin),
            environment=self.environment(path, environment),
            cwd="/",
            timeout_s=timeout_s,
        )


def emulated_board(
    profile: Profile, say: cache.Say, *, plugins: bool = False, python: ArmPython | None = None
) -> EmulatedBoard:
    """Make ready all that it takes; quick if that was done before.

    python: another than the default one. Raises Unavailable if qemu or apt is missing or
    the board has no counterpart in qemu, BuildFailed if building fails.
    """
    if not profile.cpu.qemu_cpu:
        raise Unavailable(f"qemu has no processor like that of {profile.title}: take another board")
    qemu = find_qemu(profile.cpu.architecture, say, plugins=plugins)
    interpreter = python or arm_python(say, profile.cpu.architecture)
    board = EmulatedBoard(profile, qemu, interpreter, overlay(profile, interpreter, say))
    name = interpreter.bytecode.name
    cache.kept(name, lambda folder: _import_all(board, folder), "importing once, emulated", say)
    return board


def _import_all(board: EmulatedBoard, folder: Path) -> None:
    """Leave the bytecode of what is imported, so that it is compiled once."""
    writing = {"PYTHONPYCACHEPREFIX": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    modules = [name for name in _MODULES if (board.python.site / name.split(".")[0]).exists()]
    process = board.run(["-c", f"import {', '.join(modules)}"], environment=writing)
    if process.returncode != 0:
        raise BuildFailed(
            f"the emulated Python cannot import its packages: {children.last_line(process.stderr)}"
        )
