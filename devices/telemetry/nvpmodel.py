"""A Jetson's power mode, which limits its clocks and may switch cores off.

Files: NVIDIA's Jetson Linux Developer Guide, "Power Mode Controls": /etc/nvpmodel.conf holds a
section a mode, `< POWER_MODEL ID=0 NAME=MAXN >`, with `CPU_ONLINE CORE_1 1` and
`CPU_A57 MAX_FREQ 918000` (kHz; -1 for no limit); /var/lib/nvpmodel/status the mode in force,
`pmode:0002 fmode:quiet`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection.kernel_files import read_text, whole_number

_STATUS = Path("var/lib/nvpmodel/status")
_MODES = Path("etc/nvpmodel.conf")
_MODE = re.compile(r"^\s*<\s*POWER_MODEL\s+ID=(\d{1,4})\s+NAME=([^\s>]+)\s*>", re.MULTILINE)
_CORE_ON = re.compile(r"^\s*CPU_ONLINE\s+CORE_\d+\s+1\s*$", re.MULTILINE)
_MAX_KHZ = re.compile(r"^\s*CPU\w*\s+MAX_FREQ\s+(-?\d{1,9})\s*$", re.MULTILINE)
_NO_LIMIT_KHZ = 10**9


@dataclass(frozen=True)
class PowerMode:
    """One mode.  cores, max_khz: what it leaves; None where the file does not say."""

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
    """now: the mode in force, known by number alone where the list of modes cannot be read."""

    now: PowerMode
    modes: tuple[PowerMode, ...] = ()

    @property
    def faster(self) -> PowerMode | None:
        """The mode that lets the processor do most; None where no mode beats the one in force."""
        best = max(self.modes, key=lambda mode: mode.speed, default=self.now)
        return best if self.now in self.modes and best.speed > self.now.speed else None

    @property
    def higher_clocked(self) -> PowerMode | None:
        """The mode that lets single cores run fastest; None where it is the one in force."""
        told = [mode for mode in self.modes if mode.max_khz is not None]
        best = max(told, key=lambda mode: mode.max_khz or 0, default=self.now)
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
