"""How fast the cores are clocked and may be.

Format: the kernel's Documentation/admin-guide/pm/cpufreq.rst, all frequencies in kHz. A policy
is a group of cores that share one clock.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection.kernel_files import children, read_int, read_text, whole_number

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
    """Each policy's clock, limits and governor; empty if the kernel scales none."""
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
    """The processor's cooling devices that are at work; None if there are none to read."""
    devices = children(root / "sys/class/thermal", "cooling_device")
    states = [_read(device) for device in devices]
    of_processor = [each for each in states if each and _PROCESSOR.search(each.name)]
    return tuple(each for each in of_processor if each.state) if of_processor else None


def _read(device: Path) -> Cooling | None:
    name, state = read_text(device / "type"), read_int(device / "cur_state", least=0)
    if name is None or state is None:
        return None
    return Cooling(name, state, read_int(device / "max_state", least=0))


_STATUS = Path("var/lib/nvpmodel/status")
_MODES = Path("etc/nvpmodel.conf")
_MODE = re.compile(r"^\s*<\s*POWER_MODEL\s+ID=(\d{1,4})\s+NAME=([^\s>]+)\s*>", re.MULTILINE)
_CORE_ON = re.compile(r"^\s*CPU_ONLINE\s+CORE_\d+\s+1\s*$", re.MULTILINE)
_MAX_KHZ = re.compile(r"^\s*CPU\w*\s+MAX_FREQ\s+(-?\d{1,9})\s*$", re.MULTILINE)
_NO_LIMIT_KHZ = 10**9


@dataclass(frozen=True)
class PowerMode:
    """One mode.  cores, max_khz: what it leaves; None if the file does not say."""

    number: int
    name: str
    cores: int | None = None
    max_khz: int | None = None

    @property
    def speed(self) -> tuple[bool, int]:
        """Orders modes: without limits first, then by what all cores do together."""
        unlimited = self.name.startswith("MAXN") or self.max_khz == _NO_LIMIT_KHZ
        return unlimited, (self.cores or 0) * (self.max_khz or 0)


@dataclass(frozen=True)
class PowerModes:
    """now: the mode in force, known by number alone if the list of modes cannot be read."""

    now: PowerMode
    modes: tuple[PowerMode, ...] = ()

    @property
    def faster(self) -> PowerMode | None:
        """The mode that lets the processor do most; None if no mode beats the one in force."""
        best = max(self.modes, key=lambda mode: mode.speed, default=self.now)
        return best if self.now in self.modes and best.speed > self.now.speed else None

    @property
    def higher_clocked(self) -> PowerMode | None:
        """The mode that lets single cores run fastest; None if it is the one in force."""
        clocked = [mode for mode in self.modes if mode.max_khz is not None]
        best = max(clocked, key=lambda mode: mode.max_khz or 0, default=self.now)
        return best if (best.max_khz or 0) > (self.now.max_khz or 0) else None


def read_power_modes(root: Path = Path("/")) -> PowerModes | None:
    """The power mode in force and all others; None on a board that has none."""
    number = _number_in_force(read_text(root / _STATUS))
    if number is None:
        return None
    modes = parse_modes(read_text(root / _MODES) or "")
    now = next((mode for mode in modes if mode.number == number), None)
    return PowerModes(now or PowerMode(number, f"mode {number}"), modes)


def parse_modes(text: str) -> tuple[PowerMode, ...]:
    """Each mode that an nvpmodel.conf defines."""
    starts = list(_MODE.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return tuple(
        _mode(int(start[1]), start[2], text[start.end() : end]) for start, end in zip(starts, ends)
    )


def _mode(number: int, name: str, body: str) -> PowerMode:
    clocks = [int(khz) for khz in _MAX_KHZ.findall(body)]
    highest = _NO_LIMIT_KHZ if any(khz <= 0 for khz in clocks) else max(clocks, default=None)
    return PowerMode(number, name, len(_CORE_ON.findall(body)) or None, highest)


def _number_in_force(status: str | None) -> int | None:
    for word in (status or "").split():
        key, _, value = word.partition(":")
        if key == "pmode":
            return whole_number(value, least=0, most=9999)
    return None
