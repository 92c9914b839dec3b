"""For which processor the programs of a system are built, which may be less than its kernel."""

import platform
from pathlib import Path

from devices import cpuinfo
from devices.files import read_start

# a program that every system has, the running Python first
_PROGRAMS = ("proc/self/exe", "bin/sh", "usr/bin/env")
_HEADER_BYTES = 20
# e_machine of the ELF header (elf (5)), as `uname -m` names them
_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


def userland_architecture(root: Path = Path("/"), blocks: tuple[cpuinfo.Block, ...] = ()) -> str:
    """`aarch64`, `armv7l`, `x86_64` or what else `uname -m` would say of the programs.

    A 32-bit system on a 64-bit kernel is `armv7l`. Without a readable program it is what
    /proc/cpuinfo (its `blocks`) tells, and without that this Python's own machine.
    """
    for program in _PROGRAMS:
        machine = elf_machine(read_start(root / program, _HEADER_BYTES))
        if machine is not None:
            return machine
    return cpuinfo.architecture(blocks) or platform.machine()


def elf_machine(header: bytes) -> str | None:
    """The machine of an ELF file by its first 20 bytes; None where they are of none known."""
    if len(header) < _HEADER_BYTES or header[:4] != b"\x7fELF":
        return None
    order = "big" if header[5] == 2 else "little"
    return _MACHINES.get(int.from_bytes(header[18:20], order))
