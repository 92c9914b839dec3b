"""Which machine a figure was measured on."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import psutil

_DEVICE_TREE_MODEL = Path("proc/device-tree/model")
_CPUINFO = Path("proc/cpuinfo")


@dataclass(frozen=True)
class Machine:
    """What has to agree before two latencies may be compared."""

    board: str
    cpu: str
    architecture: str
    cores: int
    memory_bytes: int
    kernel: str
    python: str


def this_machine(root: Path = Path("/")) -> Machine:
    """Describe this machine; `root` is where its /proc is read from."""
    return Machine(
        board=_board(root),
        cpu=_cpu(root),
        architecture=platform.machine(),
        cores=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        kernel=platform.release(),
        python=platform.python_version(),
    )


def _board(root: Path) -> str:
    try:
        return (root / _DEVICE_TREE_MODEL).read_bytes().rstrip(b"\0").decode(errors="replace")
    except OSError:
        return "generic"


def _cpu(root: Path) -> str:
    try:
        lines = (root / _CPUINFO).read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    fields = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    return fields.get("model name") or fields.get("CPU part") or "unknown"
