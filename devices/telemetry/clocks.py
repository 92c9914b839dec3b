"""How fast the cores are clocked and may be.

Format: the kernel's Documentation/admin-guide/pm/cpufreq.rst, all frequencies in kHz. A policy
is a group of cores that share one clock.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection.kernel_files import children, read_int, read_text

_POLICIES = Path("sys/devices/system/cpu/cpufreq")


@dataclass(frozen=True)
class ClockPolicy:
    """One group of cores. None: not told.

    min_khz, max_khz: the limits in force, which a power mode or a cooling driver may lower.
    hardware_max_khz: what the core could do.  driver: of the kernel, whose own `powersave`
    may be no lowest clock (intel_pstate.rst).
    """

    name: str
    cores: str | None = None
    current_khz: int | None = None
    min_khz: int | None = None
    max_khz: int | None = None
    hardware_max_khz: int | None = None
    governor: str | None = None
    driver: str | None = None


def read_clocks(root: Path = Path("/")) -> tuple[ClockPolicy, ...]:
    """Each policy's clock, limits and governor; empty where the kernel scales none."""
    return tuple(
        ClockPolicy(
            name=policy.name,
            cores=read_text(policy / "affected_cpus"),
            current_khz=_khz(policy / "scaling_cur_freq"),
            min_khz=_khz(policy / "scaling_min_freq"),
            max_khz=_khz(policy / "scaling_max_freq"),
            hardware_max_khz=_khz(policy / "cpuinfo_max_freq"),
            governor=read_text(policy / "scaling_governor"),
            driver=read_text(policy / "scaling_driver"),
        )
        for policy in _policies(root)
    )


def read_frequency_khz(root: Path = Path("/")) -> int | None:
    """The fastest core's clock now."""
    clocks = (_khz(policy / "scaling_cur_freq") for policy in _policies(root))
    return max((khz for khz in clocks if khz is not None), default=None)


def _policies(root: Path) -> list[Path]:
    return children(root / _POLICIES, "policy")


def _khz(file: Path) -> int | None:
    return read_int(file, least=1, most=100_000_000)


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
