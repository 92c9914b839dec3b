"""Which machine a figure was measured on, and whether two may be compared."""

import os
import platform
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection import cpuinfo, detect, kernel_files, memory
from edge_devices.telemetry.clocks import read_clocks

_SAME_MEMORY = 0.95  # kernel and firmware keep different shares of the same memory for themselves


@dataclass(frozen=True)
class Machine:
    """What has to agree before two latencies may be compared. None or empty: not told.

    cores: logical ones on line.  usable_cores: what affinity and control group leave of them
    to this process; may be 1.5.  memory_limit_bytes: the control group's.
    max_khz: the limit in force of each group of cores with one clock.  governor: of each such
    group, named once.  features: SIMD, as /proc/cpuinfo calls them.
    pointer_bits: 32 is a 32-bit Python, on whatever kernel.
    """

    board: str
    cpu: str
    architecture: str
    cores: int
    memory_bytes: int
    kernel: str
    python: str
    physical_cores: int | None = None
    usable_cores: float | None = None
    memory_limit_bytes: int | None = None
    max_khz: tuple[int, ...] = ()
    governor: str | None = None
    features: tuple[str, ...] = ()
    pointer_bits: int | None = None
    hypervisor: bool | None = None
    os: str | None = None
    libc: str | None = None


def this_machine(root: Path = Path("/")) -> Machine:
    """Describe this machine; `root` is where its /proc, /sys and /etc are read from."""
    blocks = cpuinfo.read_blocks(root)
    cores = cpuinfo.logical_cores(blocks) or os.cpu_count() or 1
    limits, clocks = memory.read_limits(root), read_clocks(root)
    return Machine(
        board=_board(root, blocks),
        cpu=cpuinfo.cpu_name(blocks) or platform.processor() or "unknown",
        architecture=platform.machine(),
        cores=cores,
        memory_bytes=memory.memory_bytes(root) or _memory_told_by_psutil(),
        kernel=kernel_files.read_text(root / "proc/sys/kernel/osrelease") or platform.release(),
        python=platform.python_version(),
        physical_cores=memory.physical_cores(root),
        usable_cores=float(min(cores, memory.allowed_cores(root) or cores, limits.cpus or cores)),
        memory_limit_bytes=limits.memory_bytes,
        max_khz=tuple(policy.max_khz for policy in clocks if policy.max_khz is not None),
        governor=", ".join(sorted({p.governor for p in clocks if p.governor})) or None,
        features=cpuinfo.simd_features(blocks),
        pointer_bits=struct.calcsize("P") * 8,
        hypervisor=cpuinfo.in_virtual_machine(blocks),
        os=detect.os_name(root),
        libc=" ".join(platform.libc_ver()).strip() or None,
    )


def _memory_told_by_psutil() -> int:
    """If there is no /proc; importing it costs a command 10 ms."""
    import psutil

    return int(psutil.virtual_memory().total)


def _board(root: Path, blocks: tuple[cpuinfo.Block, ...]) -> str:
    return (
        detect.device_tree_model(root)
        or cpuinfo.board_name(blocks)
        or detect.dmi_product(root)
        or "generic"
    )


def differences(a: Machine, b: Machine) -> tuple[str, ...]:
    """The facts that change speed and differ, in words; what one of the two does not tell is not.

    `("governor: performance and powersave", "usable cores: 4 and 2")`. Of kernel and Python only
    major and minor version count, of memory a difference of more than 5 %.
    """
    facts = [(name, fact(a), fact(b)) for name, fact in _FACTS.items()]
    texts = [
        f"{name}: {first} and {second}"
        for name, first, second in facts
        if first and second and first != second
    ]
    less, more = sorted((_memory(a), _memory(b)))
    if less < _SAME_MEMORY * more:
        texts.append(f"memory: {_memory(a) / 1e6:.0f} MB and {_memory(b) / 1e6:.0f} MB")
    return tuple(texts)


def _memory(machine: Machine) -> int:
    return min(machine.memory_bytes, machine.memory_limit_bytes or machine.memory_bytes)


def _version(text: str) -> str:
    """Major and minor: 6.1 of 6.1.0-18-arm64."""
    return ".".join(text.split("-")[0].split(".")[:2])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


_FACTS: dict[str, Callable[[Machine], str]] = {
    "board": lambda machine: machine.board,
    "CPU": lambda machine: machine.cpu,
    "architecture": lambda machine: machine.architecture,
    "pointer bits": lambda machine: _number(machine.pointer_bits),
    "SIMD features": lambda machine: " ".join(machine.features),
    "cores": lambda machine: _number(machine.cores),
    "physical cores": lambda machine: _number(machine.physical_cores),
    "usable cores": lambda machine: _number(machine.usable_cores),
    "highest clock in MHz": lambda machine: ", ".join(_number(k / 1000) for k in machine.max_khz),
    "governor": lambda machine: machine.governor or "",
    "hypervisor": lambda machine: {True: "yes", False: "no", None: ""}[machine.hypervisor],
    "kernel": lambda machine: _version(machine.kernel),
    "Python": lambda machine: _version(machine.python),
}
