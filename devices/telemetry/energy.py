"""Energy over time: from counters exactly, from power sensors by the trapezoidal rule."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection.kernel_files import children, read_int, read_text
from edge_devices.telemetry.power import read_power
from edge_devices.telemetry.temperature import Vcgencmd, run_vcgencmd

_ZONES = Path("sys/class/powercap")


@dataclass(frozen=True)
class EnergyCounter:
    """A counter that starts again at 0 after `range_uj`.  zone: its folder's name."""

    zone: str
    name: str
    energy_uj: int
    range_uj: int


def read_counters(root: Path = Path("/")) -> tuple[EnergyCounter, ...]:
    """All counters that may be read; empty if there are none."""
    return tuple(_counters(root))


def _counters(root: Path) -> Iterator[EnergyCounter]:
    for zone in children(root / _ZONES, "intel-rapl:"):
        name = read_text(zone / "name") or ""
        if not name.startswith("package-") and name != "dram":
            continue
        energy_uj = read_int(zone / "energy_uj", least=0)
        range_uj = read_int(zone / "max_energy_range_uj", least=1)
        if energy_uj is not None and range_uj is not None:
            yield EnergyCounter(zone.name, name, energy_uj, range_uj)


def consumed_uj(before: tuple[EnergyCounter, ...], after: tuple[EnergyCounter, ...]) -> int | None:
    """Microjoules between two readings; None if a counter came or went.

    Each counter may have started again once: 262 kJ, the usual range, last 43 minutes at 100 W.
    """
    if not before or [c.zone for c in before] != [c.zone for c in after]:
        return None
    return sum(_advance(old, new) for old, new in zip(before, after))


def _advance(old: EnergyCounter, new: EnergyCounter) -> int:
    step = new.energy_uj - old.energy_uj
    return step if step >= 0 else step + new.range_uj


class CounterEnergy:
    """Adds up what energy counters advanced between readings."""

    def __init__(self) -> None:
        self.consumed_uj = 0
        self.measured_s = 0.0
        self._last: tuple[float, tuple[EnergyCounter, ...]] | None = None

    def add(self, seconds: float, counters: tuple[EnergyCounter, ...]) -> float | None:
        """Take a reading at a time; the mean watts since the last one, None at the first.

        A reading that lacks a counter is left out; the next whole one covers its time.
        """
        if self._last is None:
            self._last = (seconds, counters) if counters else None
            return None
        before_s, before = self._last
        step_uj = consumed_uj(before, counters)
        if step_uj is None or seconds <= before_s:
            return None
        self._last = (seconds, counters)
        self.consumed_uj += step_uj
        self.measured_s += seconds - before_s
        return step_uj / 1e6 / (seconds - before_s)

    @property
    def joules(self) -> float:
        return self.consumed_uj / 1e6


class SensorEnergy:
    """Integrates readings of power, each two joined by a straight line."""

    def __init__(self) -> None:
        self.joules = 0.0
        self.measured_s = 0.0
        self._last: tuple[float, float] | None = None

    def add(self, seconds: float, watts: float | None) -> float | None:
        """Take a reading at a time and give it back; None is left out and bridged."""
        if watts is None:
            return None
        if self._last is not None and seconds > self._last[0]:
            step_s = seconds - self._last[0]
            self.joules += step_s * (watts + self._last[1]) / 2
            self.measured_s += step_s
        self._last = (seconds, watts)
        return watts


class EnergyMeter:
    """Energy since `start()`, from the best source that the machine has.

    The more samples, the finer a power sensor is followed; counters need one before they
    start again. A machine that has no source costs nothing to sample.
    """

    def __init__(
        self,
        root: Path = Path("/"),
        vcgencmd: Vcgencmd = run_vcgencmd,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._vcgencmd, self._clock = root, vcgencmd, clock
        self._energy: CounterEnergy | SensorEnergy | None = None
        self.covers: str | None = None

    def start(self) -> None:
        """Look for a source, forget what was measured, and take the first reading."""
        self._energy, self.covers = None, None
        counters = read_counters(self._root)
        power = None if counters else read_power(self._root, self._vcgencmd)
        if counters:
            self._energy = CounterEnergy()
            self.covers = "RAPL " + "+".join(counter.name for counter in counters)
        elif power:
            self._energy, self.covers = SensorEnergy(), power.covers
        self.sample()

    def sample(self) -> float | None:
        """Take a reading; watts now of a sensor, since the last reading of counters."""
        if isinstance(self._energy, CounterEnergy):
            return self._energy.add(self._clock(), read_counters(self._root))
        if isinstance(self._energy, SensorEnergy):
            power = read_power(self._root, self._vcgencmd)
            return self._energy.add(self._clock(), power.watts if power else None)
        return None

    @property
    def joules(self) -> float | None:
        """Energy over `measured_s`; None until there are two readings, and without a source."""
        return self._energy.joules if self._energy and self.measured_s else None

    @property
    def measured_s(self) -> float:
        """How much time `joules` covers."""
        return self._energy.measured_s if self._energy else 0.0
