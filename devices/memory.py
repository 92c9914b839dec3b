"""Memory of this process, as the kernel accounts it."""

import resource
import sys
from pathlib import Path


def peak_rss_bytes(status: Path = Path("/proc/self/status")) -> int:
    """Peak resident set size of this process.

    `VmHWM` starts anew with each program; `ru_maxrss` also counts what the parent
    had before it started this one, and serves only where there is no /proc.
    """
    try:
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
