"""Which known board this is, and by what it was recognised."""

import platform
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection import cpuinfo, kernel_files
from edge_devices.profiles import Catalogue, Profile, read_catalogue, user_folder

# the profile for boards without one, by architecture; others are measured against a PC
_GENERIC = {
    **dict.fromkeys(("aarch64", "arm64"), "generic-aarch64"),
    **dict.fromkeys(("armv6l", "armv7l", "armv8l"), "generic-armv7l"),
}
_GENERIC_ELSE = "generic-x86-64"


@dataclass(frozen=True)
class Detected:
    """The profile of a machine.

    how: `model`, `compatible`, `cpu`, or `architecture` if no profile fits.  evidence: what
    told it.  board: what the board calls itself; None: nothing.
    """

    profile: Profile
    how: str
    evidence: str
    board: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether a profile of this very board was found."""
        return self.how != "architecture"

    @property
    def statement(self) -> str:
        """One line: how the board was recognised, or that it was not and what to do."""
        if self.is_known:
            return f"recognised by {_HOW[self.how]}: {self.evidence}"
        subject = f"'{self.board}'" if self.board else "this board, which does not name itself"
        return (
            f"no profile for {subject}: using {self.profile.name}; "
            f"add one as {user_folder() / _file_name(self.board)}"
        )


_HOW = {
    "model": "its model",
    "compatible": "its device tree",
    "cpu": "its processor alone",
}


def detect(root: Path = Path("/"), boards: Catalogue | None = None) -> Detected:
    """Find the profile of the machine whose /proc and /sys lie below `root`; never fails.

    Evidence, best first: the device tree's model (or the one that a Raspberry Pi's kernel
    adds to /proc/cpuinfo), a name in the device tree's `compatible`, the processor's part
    number if the board does not name itself, else the architecture of its programs.
    """
    boards = boards or read_catalogue()
    blocks = cpuinfo.read_blocks(root)
    model = device_tree_model(root) or cpuinfo.board_name(blocks)
    names = compatible(root)
    return (
        by_model(boards, model)
        or _by_compatible(boards, names, model)
        or (_by_cpu(boards, blocks) if model is None and not names else None)
        or _by_architecture(boards, root, blocks, model or next(iter(names), None))
    )


def by_model(boards: Catalogue, model: str | None) -> Detected | None:
    """The profile with the longest beginning of the model; the user's own if two have it."""
    fits = [
        (len(start), profile.name in boards.own, profile)
        for profile in boards.profiles.values()
        for start in profile.recognise.models
        if model and model.startswith(start)
    ]
    best = max(fits, key=lambda fit: fit[:2], default=None)
    return Detected(best[2], "model", f"'{model}'", model) if best else None


def _by_compatible(boards: Catalogue, names: Iterable[str], model: str | None) -> Detected | None:
    """The tree names the board before its chip, so its first known name counts."""
    profiles = sorted(boards.profiles.values(), key=lambda profile: profile.name not in boards.own)
    for name in names:
        for profile in profiles:
            if name in profile.recognise.compatible:
                return Detected(profile, "compatible", f"'{name}'", model or name)
    return None


def _by_cpu(boards: Catalogue, blocks: tuple[cpuinfo.Block, ...]) -> Detected | None:
    """The only profile with as many cores of this kind; None if several boards have them."""
    parts = cpuinfo.core_parts(blocks)
    fits = [
        profile
        for profile in boards.profiles.values()
        if parts and set(parts) <= set(profile.recognise.cores) and len(parts) == profile.cpu.cores
    ]
    if len(fits) != 1:
        return None
    return Detected(fits[0], "cpu", f"{len(parts)} x {cpuinfo.cpu_name(blocks)}")


def _by_architecture(
    boards: Catalogue, root: Path, blocks: tuple[cpuinfo.Block, ...], board: str | None
) -> Detected:
    architecture = userland_architecture(root, blocks)
    profile = boards.profiles[_GENERIC.get(architecture, _GENERIC_ELSE)]
    return Detected(profile, "architecture", architecture, board or dmi_product(root))


def _file_name(board: str | None) -> str:
    """`radxa-rock-5b.toml` for `Radxa ROCK 5B`."""
    stem = re.sub(r"[^a-z0-9]+", "-", (board or "").lower()).strip("-")
    return f"{stem[:60] or 'my-board'}.toml"


_DEVICE_TREES = (Path("proc/device-tree"), Path("sys/firmware/devicetree/base"))
_DMI = Path("sys/class/dmi/id")
_OS_RELEASES = (Path("etc/os-release"), Path("usr/lib/os-release"))
# what makers of x86 boards leave in the table when they fill in nothing
_PLACEHOLDERS = ("to be filled by o.e.m.", "system product name", "default string", "none")


def device_tree_model(root: Path = Path("/")) -> str | None:
    """The `model` of the device tree: `Raspberry Pi 5 Model B Rev 1.0`."""
    return next(
        filter(None, (kernel_files.read_text(root / tree / "model") for tree in _DEVICE_TREES)),
        None,
    )


def compatible(root: Path = Path("/")) -> tuple[str, ...]:
    """The device tree's `compatible` names, the board before its chip.

    `("raspberrypi,5-model-b", "brcm,bcm2712")` (Devicetree Specification, 2.3.1).
    """
    content = next(
        filter(
            None, (kernel_files.read_bytes(root / tree / "compatible") for tree in _DEVICE_TREES)
        ),
        b"",
    )
    return tuple(name for name in content.decode(errors="replace").split("\0") if name)


def dmi_product(root: Path = Path("/")) -> str | None:
    """Maker and product of an x86 machine, from its SMBIOS tables."""
    product = kernel_files.read_text(root / _DMI / "product_name")
    if product is None or product.lower() in _PLACEHOLDERS:
        return None
    vendor = kernel_files.read_text(root / _DMI / "sys_vendor") or ""
    return product if vendor.lower() in _PLACEHOLDERS else f"{vendor} {product}".strip()


def os_name(root: Path = Path("/")) -> str | None:
    """`PRETTY_NAME` of os-release (5): `Debian GNU/Linux 12 (bookworm)`."""
    for path in _OS_RELEASES:
        for line in (kernel_files.read_text(root / path) or "").splitlines():
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
        machine = elf_machine(kernel_files.read_start(root / program, _HEADER_BYTES))
        if machine is not None:
            return machine
    return cpuinfo.architecture(blocks) or platform.machine()


def elf_machine(header: bytes) -> str | None:
    """The machine of an ELF file by its first 20 bytes; None if they are of none known."""
    if len(header) < _HEADER_BYTES or header[:4] != b"\x7fELF":
        return None
    return _MACHINES.get(int.from_bytes(header[18:20], "big" if header[5] == 2 else "little"))
