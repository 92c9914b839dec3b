"""Power now: single supply rails and all that a sensor sees, from whichever sensor the board has."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection import detect, kernel_files
from edge_devices.telemetry.temperature import Vcgencmd, run_vcgencmd


@dataclass(frozen=True)
class Rail:
    """One supply and what flows through it."""

    name: str
    watts: float


@dataclass(frozen=True)
class Power:
    """Power now.  covers: the sensor and the rails that `watts` is of, for people to read."""

    watts: float
    covers: str
    rails: tuple[Rail, ...]


_CHIP = "brcm,bcm2712"  # Raspberry Pi 5, 500 and Compute Module 5
# "VDD_CORE_A current(7)=0.88407000A" and "VDD_CORE_V volt(15)=0.86065850V"
_LINE = re.compile(r"(\S+)_([AV]) (?:current|volt)\(\d+\)=(\d{1,4}(?:\.\d{1,12})?)[AV]", re.ASCII)


def read_pmic(root: Path = Path("/"), vcgencmd: Vcgencmd = run_vcgencmd) -> Power | None:
    """Power of all rails; None on other boards and if the firmware does not answer."""
    if _CHIP not in detect.compatible(root):
        return None
    rails = parse_rails(vcgencmd("pmic_read_adc") or "")
    if not rails:
        return None
    return Power(sum(rail.watts for rail in rails), f"PMIC, {len(rails)} rails", rails)


def parse_rails(answer: str) -> tuple[Rail, ...]:
    """The rails in the answer to `vcgencmd pmic_read_adc`, in its order."""
    readings = {(rail, unit): float(value) for rail, unit, value in _LINE.findall(answer)}
    return tuple(
        Rail(rail, amperes * readings[rail, "V"])
        for (rail, unit), amperes in readings.items()
        if unit == "A" and (rail, "V") in readings
    )


_CHANNELS = (1, 2, 3)
_NOT_CONNECTED = "NC"
# the module's own supply: Orin Nano and Xavier NX, Nano with JetPack 4
_INPUTS = frozenset({"VDD_IN", "POM_5V_IN"})
_MOST_MILLIVOLTS, _MOST_MILLIAMPERES, _MOST_MILLIWATTS = 32_000, 100_000, 1_000_000


def read_ina3221(root: Path = Path("/")) -> Power | None:
    """Power of the module's supply, which feeds the other rails, else of all rails together.

    None: no chip that may be read.
    """
    rails = tuple(_hwmon_rails(root)) or tuple(_iio_rails(root))
    inputs = [rail for rail in rails if rail.name in _INPUTS][:1] or rails
    if not inputs:
        return None
    covers = "INA3221 " + "+".join(rail.name for rail in inputs)
    return Power(sum(rail.watts for rail in inputs), covers, rails)


def _hwmon_rails(root: Path) -> Iterator[Rail]:
    for chip in kernel_files.children(root / "sys/class/hwmon", "hwmon"):
        if kernel_files.read_text(chip / "name") == "ina3221":
            yield from filter(None, (_hwmon_rail(chip, channel) for channel in _CHANNELS))


def _hwmon_rail(chip: Path, channel: int) -> Rail | None:
    name = kernel_files.read_text(chip / f"in{channel}_label")
    if name is None or name == _NOT_CONNECTED:
        return None
    millivolts = kernel_files.read_int(chip / f"in{channel}_input", least=0, most=_MOST_MILLIVOLTS)
    milliamperes = kernel_files.read_int(
        chip / f"curr{channel}_input", least=-_MOST_MILLIAMPERES, most=_MOST_MILLIAMPERES
    )
    if millivolts is None or milliamperes is None:
        return None
    return Rail(name, millivolts * milliamperes / 1e6)


def _iio_rails(root: Path) -> Iterator[Rail]:
    for chip in kernel_files.children(root / "sys/bus/i2c/drivers/ina3221x"):
        for device in kernel_files.children(chip, "iio:device"):
            for channel in range(len(_CHANNELS)):
                name = kernel_files.read_text(device / f"rail_name_{channel}")
                milliwatts = kernel_files.read_int(
                    device / f"in_power{channel}_input", least=0, most=_MOST_MILLIWATTS
                )
                if name is not None and milliwatts is not None:
                    yield Rail(name, milliwatts / 1000)


def read_power(root: Path = Path("/"), vcgencmd: Vcgencmd = run_vcgencmd) -> Power | None:
    """A Jetson's INA3221, else a Raspberry Pi 5's power controller; None without either.

    x86 has counters of energy in place of a sensor: see `EnergyMeter`.
    """
    return read_ina3221(root) or read_pmic(root, vcgencmd)
