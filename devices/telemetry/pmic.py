"""A Raspberry Pi 5's power controller, which measures the rails that it makes.

What it does not see: its own losses and what USB devices and HATs draw from 5 V, so the sum is
below what a meter in the supply line shows. A rail needs a voltage and a current to count;
EXT5V and BATT have a voltage only.
"""

import re
from pathlib import Path

from devices.board import compatible
from devices.telemetry.rails import Power, Rail
from devices.telemetry.vcgencmd import Vcgencmd, run_vcgencmd

_CHIP = "brcm,bcm2712"  # Raspberry Pi 5, 500 and Compute Module 5
# "VDD_CORE_A current(7)=0.88407000A" and "VDD_CORE_V volt(15)=0.86065850V"
_LINE = re.compile(r"(\S+)_([AV]) (?:current|volt)\(\d+\)=(\d{1,4}(?:\.\d{1,12})?)[AV]", re.ASCII)


def read_pmic(root: Path = Path("/"), vcgencmd: Vcgencmd = run_vcgencmd) -> Power | None:
    """Power of all rails; None on other boards and where the firmware does not answer."""
    if _CHIP not in compatible(root):
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
