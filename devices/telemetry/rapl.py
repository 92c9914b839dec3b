"""Energy counters of x86 processors (Running Average Power Limit).

Format: the kernel's Documentation/power/powercap/powercap.rst, in microjoules. Counted are the
packages and, where they have counters of their own, their memories; a package holds its
cores and graphics already, `psys` and the `intel-rapl-mmio` twins would count it again. Since
kernel 5.10 only root may read a counter (CVE-2020-8694).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devices.files import children, read_int, read_text

_ZONES = Path("sys/class/powercap")


@dataclass(frozen=True)
class EnergyCounter:
    """A counter that starts again at 0 after `range_uj`.  zone: its folder's name."""

    zone: str
    name: str
    energy_uj: int
    range_uj: int


def read_counters(root: Path = Path("/")) -> tuple[EnergyCounter, ...]:
    """All counters that may be read; empty where there are none."""
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
