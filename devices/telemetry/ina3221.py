"""A Jetson's INA3221: up to three supply rails a chip, voltage and current.

JetPack 5 and 6 use the kernel's hwmon driver (Documentation/hwmon/ina3221.rst: mV and mA).
JetPack 4 has NVIDIA's own iio driver (L4T Developer Guide 32.7, "Software-Based Power
Consumption Modeling": mW), whose files often only root may read. A Jetson Nano 2GB has no chip.
"""

from collections.abc import Iterator
from pathlib import Path

from devices.files import children, read_int, read_text
from devices.telemetry.rails import Power, Rail

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
    counted = [rail for rail in rails if rail.name in _INPUTS][:1] or rails
    if not counted:
        return None
    covers = "INA3221 " + "+".join(rail.name for rail in counted)
    return Power(sum(rail.watts for rail in counted), covers, rails)


def _hwmon_rails(root: Path) -> Iterator[Rail]:
    for chip in children(root / "sys/class/hwmon", "hwmon"):
        if read_text(chip / "name") == "ina3221":
            yield from filter(None, (_hwmon_rail(chip, channel) for channel in _CHANNELS))


def _hwmon_rail(chip: Path, channel: int) -> Rail | None:
    name = read_text(chip / f"in{channel}_label")
    if name is None or name == _NOT_CONNECTED:
        return None
    millivolts = read_int(chip / f"in{channel}_input", least=0, most=_MOST_MILLIVOLTS)
    milliamperes = read_int(
        chip / f"curr{channel}_input", least=-_MOST_MILLIAMPERES, most=_MOST_MILLIAMPERES
    )
    if millivolts is None or milliamperes is None:
        return None
    return Rail(name, millivolts * milliamperes / 1e6)


def _iio_rails(root: Path) -> Iterator[Rail]:
    for chip in children(root / "sys/bus/i2c/drivers/ina3221x"):
        for device in children(chip, "iio:device"):
            for channel in range(len(_CHANNELS)):
                name = read_text(device / f"rail_name_{channel}")
                milliwatts = read_int(
                    device / f"in_power{channel}_input", least=0, most=_MOST_MILLIWATTS
                )
                if name is not None and milliwatts is not None:
                    yield Rail(name, milliwatts / 1000)
