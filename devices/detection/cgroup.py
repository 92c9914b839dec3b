"""How much memory and processor time the control groups of this process allow it.

Formats: the kernel's Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst and
scheduler/sched-bwc.rst, and cgroups (7) for /proc/self/cgroup. A group's limit holds for
all below it, so the smallest on the way to the root counts.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from edge_devices.detection.kernel_files import read_int, read_text, whole_number

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
class Limits:
    """None: not limited, or not told.  cpus: processor time, in whole cores; may be 1.5."""

    memory_bytes: int | None = None
    cpus: float | None = None


def read_limits(root: Path = Path("/")) -> Limits:
    """The limits of this process under either version of control groups, or under both."""
    return Limits(
        memory_bytes=_least(
            (_memory_max, _folders(root, "")), (_limit_in_bytes, _folders(root, "memory"))
        ),
        cpus=_least((_cpu_max, _folders(root, "")), (_cfs_quota, _folders(root, "cpu"))),
    )


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
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
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
