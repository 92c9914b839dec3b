"""Cores and memory: how much there is, what control groups leave of it, what this process uses."""

import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from edge_devices.detection.kernel_files import (
    children,
    read_field,
    read_int,
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
    had before it started this one, and serves only if there is no /proc.
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
    """All areas in use for swapping; None if the kernel does not tell."""
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


_MOUNTS = Path("sys/fs/cgroup")
# by controller; "" is version 2, which has all in one folder
_LIMIT_FILES = {
    "": ("memory.max", "cpu.max"),
    "memory": ("memory.limit_in_bytes",),
    "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us"),
}
_MOST_BYTES = 2**60  # version 1 writes more, the largest number of whole pages, for "no limit"

T = TypeVar("T", int, float)


@dataclass(frozen=True)
class ResourceLimits:
    """None: not limited, or not told.  cpus: processor time, in whole cores; may be 1.5."""

    memory_bytes: int | None = None
    cpus: float | None = None


def read_limits(root: Path = Path("/")) -> ResourceLimits:
    """The limits of this process under either version of control groups, or under both."""
    return ResourceLimits(
        memory_bytes=_least(
            (_memory_max, _folders(root, "")), (_limit_in_bytes, _folders(root, "memory"))
        ),
        cpus=_least((_cpu_max, _folders(root, "")), (_cfs_quota, _folders(root, "cpu"))),
    )


def available_bytes(root: Path = Path("/")) -> int | None:
    """What this process may still take of memory, also by its control groups; None: not told."""
    available = read_kilobytes(root / "proc/meminfo", "MemAvailable")
    of_groups = _least((_memory_left, _folders(root, "")))
    return min((each for each in (available, of_groups) if each is not None), default=None)


def limit_files(root: Path = Path("/")) -> list[Path]:
    """Every file that `read_limits` may look at, whether it is there or not."""
    return [
        folder / name
        for controller, names in _LIMIT_FILES.items()
        for folder in _folders(root, controller)
        for name in names
    ]


def _least(*readers: tuple[Callable[[Path], T | None], Iterable[Path]]) -> T | None:
    limits = (limit(folder) for limit, folders in readers for folder in folders)
    return min((limit for limit in limits if limit is not None), default=None)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """This process's group for a controller and all above it; "" is version 2, which has all."""
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        _, _, fields = line.partition(":")
        controllers, _, group = fields.partition(":")
        if controller in controllers.split(","):
            for mount in {"": ("", "unified")}.get(controller, (controllers, controller)):
                yield from _upwards(root / _MOUNTS / mount, group)


def _upwards(mount: Path, group: str) -> Iterator[Path]:
    """A group's folder and those above; a container may see its mount and not its own path."""
    names = PurePosixPath(group.lstrip("/")).parts
    if ".." in names:
        names = ()
    for depth in range(len(names), -1, -1):
        yield mount.joinpath(*names[:depth])


def _memory_max(folder: Path) -> int | None:
    return read_int(folder / "memory.max", least=1)


def _memory_left(folder: Path) -> int | None:
    """Of a limit; pages of files that nobody used lately are given back (memory.stat)."""
    limit, used = _memory_max(folder), read_int(folder / "memory.current", least=0)
    if limit is None or used is None:
        return None
    rows = map(str.split, (read_text(folder / "memory.stat") or "").splitlines())
    statistics = {row[0]: whole_number(row[1]) for row in rows if len(row) == 2}
    return max(0, limit - used + (statistics.get("inactive_file") or 0))


def _limit_in_bytes(folder: Path) -> int | None:
    return read_int(folder / "memory.limit_in_bytes", least=1, most=_MOST_BYTES)


def _cpu_max(folder: Path) -> float | None:
    """`50000 100000` is half a core, `max 100000` no limit."""
    quota_us, _, period_us = (read_text(folder / "cpu.max") or "").partition(" ")
    return _share(whole_number(quota_us, least=1), whole_number(period_us, least=1))


def _cfs_quota(folder: Path) -> float | None:
    quota_us = read_int(folder / "cpu.cfs_quota_us", least=1)  # -1 is no limit
    return _share(quota_us, read_int(folder / "cpu.cfs_period_us", least=1))


def _share(quota_us: int | None, period_us: int | None) -> float | None:
    return quota_us / period_us if quota_us and period_us else None
