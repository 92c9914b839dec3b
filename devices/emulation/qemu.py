"""qemu's user mode: the machine's own, or Debian's unpacked into the cache without root."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from edge_common.children import run_captured
from edge_common.errors import BuildFailed, Unavailable
from edge_devices.emulation.apt import Packages, distribution, machine_architecture, unpack
from edge_devices.emulation.cache import Say, kept, key

INSTALL = "apt-get install qemu-user"
_PACKAGES = Packages(("qemu-user",))
_NO_FILE = "/nonexistent"
_QEMU_NAMES = {"armv7l": "arm"}


@dataclass(frozen=True)
class Qemu:
    """program: runs one Linux program of another architecture.

    libraries: folders of what it is linked to; () where the system has them.
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
        said = self._said("-plugin", _NO_FILE, _NO_FILE)
        return bool(said) and "unknown option" not in said

    def version(self) -> str:
        """`qemu-aarch64 version 7.2.22 (Debian ...)`; "" where it does not start."""
        return next(iter(self._said("--version").splitlines()), "")

    def _said(self, *arguments: str) -> str:
        try:
            process = run_captured(
                [self.program, *arguments], environment={**os.environ, **self.environment()}
            )
        except OSError:
            return ""
        return (process.stdout + process.stderr).lower()


def find_qemu(architecture: str, say: Say, *, plugins: bool = False) -> Qemu:
    """The qemu that runs programs of an architecture, as `uname -m` calls it.

    plugins: it has to load them. Raises Unavailable, with the command that installs it.
    """
    program = f"qemu-{_QEMU_NAMES.get(architecture, architecture)}"
    found = shutil.which(program) or (None if plugins else shutil.which(f"{program}-static"))
    if found and (not plugins or Qemu(Path(found)).loads_plugins()):
        return Qemu(Path(found))
    own = _unpacked(program, say)
    if plugins and not own.loads_plugins():
        raise Unavailable(
            f"{own.version() or program} loads no plugins, which counting needs: "
            f"use Debian 12 and {INSTALL}"
        )
    return own


def _unpacked(program: str, say: Say) -> Qemu:
    try:
        folder = kept(
            f"qemu-user-{key(distribution())}",
            lambda part: unpack(
                _PACKAGES, machine_architecture(), part / "root", beside_installed=True
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
