"""Whether the kernel lowers the processor's clock because of heat.

Format: the kernel's Documentation/driver-api/thermal/sysfs-api.rst; state 0 is no cooling. The
firmware of a Raspberry Pi throttles by itself, see `throttling`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from devices.files import children, read_int, read_text

# cpufreq-cpu0, thermal-cpufreq-0, thermal-cpufreq-policy4, cpu-balanced; and x86's Processor
_PROCESSOR = re.compile(r"cpu|^Processor$")


@dataclass(frozen=True)
class Cooling:
    """A cooling device at work, its state of `most` states."""

    name: str
    state: int
    most: int | None


def read_cooling(root: Path = Path("/")) -> tuple[Cooling, ...] | None:
    """The processor's cooling devices that are at work; None where there are none to read."""
    devices = children(root / "sys/class/thermal", "cooling_device")
    found = [_read(device) for device in devices]
    of_processor = [each for each in found if each and _PROCESSOR.search(each.name)]
    return tuple(each for each in of_processor if each.state) if of_processor else None


def _read(device: Path) -> Cooling | None:
    name, state = read_text(device / "type"), read_int(device / "cur_state", least=0)
    if name is None or state is None:
        return None
    return Cooling(name, state, read_int(device / "max_state", least=0))
