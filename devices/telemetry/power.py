"""Power now, from whichever sensor the board has."""

from pathlib import Path

from devices.telemetry.ina3221 import read_ina3221
from devices.telemetry.pmic import read_pmic
from devices.telemetry.rails import Power
from devices.telemetry.vcgencmd import Vcgencmd, run_vcgencmd


def read_power(root: Path = Path("/"), vcgencmd: Vcgencmd = run_vcgencmd) -> Power | None:
    """A Jetson's INA3221, else a Raspberry Pi 5's power controller; None without either.

    x86 has counters of energy in place of a sensor: see `EnergyMeter`.
    """
    return read_ina3221(root) or read_pmic(root, vcgencmd)
