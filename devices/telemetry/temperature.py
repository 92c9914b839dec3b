"""How hot the processor is.

Formats: the kernel's Documentation/driver-api/thermal/sysfs-api.rst and hwmon/sysfs-interface.rst;
both give thousandths of a degree Celsius.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_common.children import run_captured
from edge_devices.detection.detect import compatible
from edge_devices.detection.kernel_files import children, read_int, read_text, whole_number

# by zone type: cpu-thermal (Raspberry Pi, Orin), CPU-therm (Jetson Nano), soc0-thermal and
# tj-thermal (Orin; the junction is the hottest of all), x86_pkg_temp, bigcore0-thermal
_PROCESSOR_ZONE = re.compile(r"cpu|soc|core|x86_pkg|^tj", re.IGNORECASE)
_PROCESSOR_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal")
# a sensor outside of this is off or broken; a Jetson's absent engines say -256
_LEAST_MILLIDEGREES, _MOST_MILLIDEGREES = -60_000, 150_000


def read_temperature_c(root: Path = Path("/"), places: Iterable[str] = ()) -> float | None:
    """The hottest thermal zone of the processor or its chip, else of its hwmon sensors.

    Other zones are not read: an Orin Nano's zones of engines that it lacks answer EAGAIN.
    places: files below `root`, as a board's profile names them, if neither tells.
    """
    zones = processor_zones_c(root).values()
    if zones:
        return max(zones)
    at_places = (c for c in (_degrees(root / place) for place in places) if c is not None)
    return max(_hwmon_c(root) or at_places, default=None)


def processor_zones_c(root: Path = Path("/")) -> dict[str, float]:
    """Temperature of each thermal zone that is the processor's, by the zone's type.

    Of several zones of one type, as on two sockets, the hottest.
    """
    by_type: dict[str, float] = {}
    for zone in children(root / "sys/class/thermal", "thermal_zone"):
        kind = read_text(zone / "type") or ""
        degrees = _degrees(zone / "temp") if _PROCESSOR_ZONE.search(kind) else None
        if degrees is not None:
            by_type[kind] = max(degrees, by_type.get(kind, degrees))
    return by_type


def _hwmon_c(root: Path) -> list[float]:
    chips = children(root / "sys/class/hwmon", "hwmon")
    return [
        c for chip in chips if read_text(chip / "name") in _PROCESSOR_CHIPS for c in _chip(chip)
    ]


def _chip(chip: Path) -> list[float]:
    """A chip's temperatures; k10temp's Tctl carries an offset and counts only when alone."""
    inputs = [file for file in children(chip, "temp") if file.name.endswith("_input")]
    labels = [read_text(file.with_name(file.name.replace("_input", "_label"))) for file in inputs]
    real = [file for file, label in zip(inputs, labels) if label != "Tctl"] or inputs
    return [degrees for degrees in map(_degrees, real) if degrees is not None]


def _degrees(file: Path) -> float | None:
    value = read_int(file, least=_LEAST_MILLIDEGREES, most=_MOST_MILLIDEGREES)
    return None if value is None else value / 1000


_TIMEOUT_S = 2.0

# a command and its arguments in, its output out; None if it cannot be asked
Vcgencmd = Callable[[str], str | None]


def run_vcgencmd(command: str) -> str | None:
    """Run `vcgencmd COMMAND`; None if it is not installed, fails, or hangs."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        process = run_captured([program, *command.split()], timeout_s=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout if process.returncode == 0 else None


_CONDITIONS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
_SINCE_BOOT_SHIFT = 16
_MOST_BITS = 2**32 - 1


@dataclass(frozen=True)
class Throttling:
    """The conditions that hold now and those that have held since boot, in words."""

    now: tuple[str, ...] = ()
    since_boot: tuple[str, ...] = ()


def decode_throttling(bits: int) -> Throttling:
    """Words for the firmware's bits: 0x50005 is under-voltage and throttled, now and before."""
    return Throttling(_conditions(bits), _conditions(bits >> _SINCE_BOOT_SHIFT))


def read_throttling(root: Path = Path("/"), vcgencmd: Vcgencmd = run_vcgencmd) -> Throttling | None:
    """Read the kernel's twin, else ask the firmware; None on boards of other makers."""
    bits = next((bits for bits in map(_twin, _chips(root)) if bits is not None), None)
    if bits is None and any(name.startswith("raspberrypi,") for name in compatible(root)):
        bits = parse_throttled(vcgencmd("get_throttled"))
    return None if bits is None else decode_throttling(bits)


def parse_throttled(answer: str | None) -> int | None:
    """The bits of `throttled=0x50005`, the answer to `vcgencmd get_throttled`."""
    key, _, value = (answer or "").strip().partition("=")
    return whole_number(value, base=16, least=0, most=_MOST_BITS) if key == "throttled" else None


def _chips(root: Path) -> list[Path]:
    return children(root / "sys/devices/platform", "soc")


def _twin(chip: Path) -> int | None:
    return read_int(chip / f"{chip.name}:firmware/get_throttled", base=16, least=0, most=_MOST_BITS)


def _conditions(bits: int) -> tuple[str, ...]:
    return tuple(word for bit, word in enumerate(_CONDITIONS) if bits >> bit & 1)
