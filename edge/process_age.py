"""How long this process has been running, to the tick.

`psutil.Process().create_time()` counts from the boot time that /proc/stat gives in whole
seconds, so that it is wrong by a constant of up to a second.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

_START_TIME = 22  # which field of proc_pid_stat (5) it is, counted from 1
_FIRST_AFTER_NAME = 3  # a program's name may hold spaces and parentheses


def process_age_s(
    stat: Path = Path("/proc/self/stat"), boot_clock: Callable[[], float] | None = None
) -> float:
    """Seconds since this process was started; on Linux within 10 ms.

    boot_clock: seconds since boot, sleep included; the system's unless given.
    """
    try:
        fields = stat.read_text(errors="replace").rpartition(")")[2].split()
    except OSError:  # no Linux
        return time.time() - psutil.Process().create_time()
    ticks = int(fields[_START_TIME - _FIRST_AFTER_NAME])
    now_s = boot_clock() if boot_clock else time.clock_gettime(time.CLOCK_BOOTTIME)
    return now_s - ticks / os.sysconf("SC_CLK_TCK")
