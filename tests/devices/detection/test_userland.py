import platform
from pathlib import Path

import pytest

from edge_devices.detection import cpuinfo
from edge_devices.detection.detect import elf_machine, userland_architecture
from tests.devices.trees import PI_4, PI_ZERO_2_W, plant


def _header(machine: int, order: str = "little") -> bytes:
    start = b"\x7fELF\x01" + (b"\x01" if order == "little" else b"\x02") + bytes(12)
    return start + machine.to_bytes(2, order)


@pytest.mark.parametrize(
    ("machine", "name"),
    [(40, "armv7l"), (183, "aarch64"), (62, "x86_64"), (3, "i686"), (243, "riscv64")],
)
def test_machines(machine: int, name: str) -> None:
    assert elf_machine(_header(machine)) == elf_machine(_header(machine, "big")) == name


@pytest.mark.parametrize("header", [b"", b"\x7fELF", b"MZ" + bytes(30), _header(0xFFFF)])
def test_what_is_no_program_known(header: bytes) -> None:
    assert elf_machine(header) is None


def test_the_running_python_s_own() -> None:
    assert userland_architecture() == platform.machine()


def test_the_first_program_that_can_be_read_tells(tmp_path: Path) -> None:
    root = plant(tmp_path, {"bin/sh": _header(40), "usr/bin/env": _header(183)})
    assert userland_architecture(root) == "armv7l"


@pytest.mark.parametrize(("tree", "name"), [(PI_4, "aarch64"), (PI_ZERO_2_W, "armv7l")])
def test_without_a_program_the_kernel_tells(tmp_path: Path, tree: dict, name: str) -> None:
    root = plant(tmp_path, tree)
    assert userland_architecture(root, cpuinfo.read_blocks(root)) == name
