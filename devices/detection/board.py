"""Which board a folder tree belongs to, and which system runs on it."""

import platform
import shlex
from pathlib import Path

from edge_devices.detection import cpuinfo
from edge_devices.detection.kernel_files import read_bytes, read_start, read_text

_DEVICE_TREES = (Path("proc/device-tree"), Path("sys/firmware/devicetree/base"))
_DMI = Path("sys/class/dmi/id")
_OS_RELEASES = (Path("etc/os-release"), Path("usr/lib/os-release"))
# what makers of x86 boards leave in the table when they fill in nothing
_PLACEHOLDERS = ("to be filled by o.e.m.", "system product name", "default string", "none")


def device_tree_model(root: Path = Path("/")) -> str | None:
    """The `model` of the device tree: `Raspberry Pi 5 Model B Rev 1.0`."""
    return next(filter(None, (read_text(root / tree / "model") for tree in _DEVICE_TREES)), None)


def compatible(root: Path = Path("/")) -> tuple[str, ...]:
    """The device tree's `compatible` names, the board before its chip.

    `("raspberrypi,5-model-b", "brcm,bcm2712")` (Devicetree Specification, 2.3.1).
    """
    content = next(
        filter(None, (read_bytes(root / tree / "compatible") for tree in _DEVICE_TREES)), b""
    )
    return tuple(name for name in content.decode(errors="replace").split("\0") if name)


def dmi_product(root: Path = Path("/")) -> str | None:
    """Maker and product of an x86 machine, from its SMBIOS tables."""
    product = read_text(root / _DMI / "product_name")
    if product is None or product.lower() in _PLACEHOLDERS:
        return None
    vendor = read_text(root / _DMI / "sys_vendor") or ""
    return product if vendor.lower() in _PLACEHOLDERS else f"{vendor} {product}".strip()


def os_name(root: Path = Path("/")) -> str | None:
    """`PRETTY_NAME` of os-release (5): `Debian GNU/Linux 12 (bookworm)`."""
    for path in _OS_RELEASES:
        for line in (read_text(root / path) or "").splitlines():
            if line.startswith("PRETTY_NAME="):
                return _unquoted(line.split("=", 1)[1])
    return None


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value.strip("\"'")


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
    """The machine of an ELF file by its first 20 bytes; None if they are of none known."""
    if len(header) < _HEADER_BYTES or header[:4] != b"\x7fELF":
        return None
    return _MACHINES.get(int.from_bytes(header[18:20], "big" if header[5] == 2 else "little"))
