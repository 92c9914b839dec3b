"""Cores and memory: how much there is, what this process uses, and where it is swapped to."""

import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection.kernel_files import (
    children,
    read_field,
    read_kilobytes,
    read_text,
    whole_number,
)


def memory_bytes(root: Path = Path("/")) -> int | None:
    """All memory that the kernel manages (proc_meminfo (5)); None: not told."""
    return read_kilobytes(root / "proc/meminfo", "MemTotal")


def physical_cores(root: Path = Path("/")) -> int | None:
    """Cores on line, hardware threads of one counted once; None: not told."""
    cores = children(root / "sys/devices/system/cpu", "cpu")
    siblings = {read_text(core / "topology/thread_siblings_list") for core in cores} - {None}
    return len(siblings) or None


def allowed_cores(root: Path = Path("/")) -> int | None:
    """How many logical cores the scheduler may put this process on: `0-3,6` is five."""
    allowed = read_field(root / "proc/self/status", "Cpus_allowed_list")
    return sum(map(_length, allowed.split(","))) or None if allowed else None


def _length(numbers: str) -> int:
    """How many numbers a range such as `0-3` or `6` holds; 0 if it is none."""
    low, _, high = numbers.partition("-")
    first, last = whole_number(low, least=0), whole_number(high or low, least=0)
    return max(0, last - first + 1) if first is not None and last is not None else 0


_SELF = Path("proc/self")


@dataclass(frozen=True)
class ProcessMemory:
    """None: the machine does not tell.

    rss_bytes: pages in memory, shared ones counted in full.  pss_bytes: shared pages
    divided among those who share them.  peak_rss_bytes: the largest rss_bytes so far.
    """

    rss_bytes: int | None = None
    pss_bytes: int | None = None
    peak_rss_bytes: int | None = None


def read_memory(root: Path = Path("/"), *, with_pss: bool = True) -> ProcessMemory:
    """Read this process's memory.

    with_pss: the kernel walks each mapping for it, about 1 ms for 60 MB.
    """
    status = root / _SELF / "status"
    return ProcessMemory(
        rss_bytes=read_kilobytes(status, "VmRSS"),
        pss_bytes=read_kilobytes(root / _SELF / "smaps_rollup", "Pss") if with_pss else None,
        peak_rss_bytes=read_kilobytes(status, "VmHWM"),
    )


def peak_rss_bytes(status: Path = Path("/proc/self/status")) -> int:
    """Peak resident set size of this process.

    `VmHWM` starts anew with each program; `ru_maxrss` also counts what the parent
    had before it started this one, and serves only where there is no /proc.
    """
    peak = read_kilobytes(status, "VmHWM")
    if peak is not None:
        return peak
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


_MMC_MAJOR = "179"


@dataclass(frozen=True)
class SwapArea:
    """name: a device or a file.  on_memory_card: SD or eMMC.  compressed: in memory (zram)."""

    name: str
    used_bytes: int
    on_memory_card: bool
    compressed: bool


def read_swap(root: Path = Path("/")) -> tuple[SwapArea, ...] | None:
    """All areas in use for swapping; None where the kernel does not tell."""
    lines = (read_text(root / "proc/swaps") or "").splitlines()
    if not lines:
        return None
    areas = (_area(root, line.split()) for line in lines[1:])
    return tuple(area for area in areas if area)


def _area(root: Path, fields: list[str]) -> SwapArea | None:
    """`/dev/mmcblk0p3 partition 102396 0 -2`: name, kind, size and use in KiB, priority."""
    used_kib = whole_number(fields[3], least=0) if len(fields) == 5 else None
    if used_kib is None:
        return None
    name, kind = fields[:2]
    is_card = _is_card_file(root, name) if kind == "file" else "/mmcblk" in name
    return SwapArea(name, used_kib * 1024, is_card, "/zram" in name)


def _is_card_file(root: Path, name: str) -> bool:
    """Whether the file system with the longest mount point above a file is on MMC."""
    points = [
        (fields[4].rstrip("/"), fields[2])
        for fields in map(str.split, (read_text(root / "proc/self/mountinfo") or "").splitlines())
        if len(fields) > 4
    ]
    above = [(point, device) for point, device in points if name.startswith(f"{point}/")]
    device = max(above, key=lambda each: len(each[0]), default=("", ""))[1]
    return device.partition(":")[0] == _MMC_MAJOR
