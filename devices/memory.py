"""Memory of this process, as the kernel accounts it (proc_pid_status (5), proc_pid_smaps (5))."""

import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from devices.files import read_kilobytes

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
