"""Everything that a machine tells about its state, read once."""

from dataclasses import dataclass
from pathlib import Path

from devices.cgroup import Limits, read_limits
from devices.memory import ProcessMemory, read_memory
from devices.telemetry.clocks import ClockPolicy, read_clocks
from devices.telemetry.power import read_power
from devices.telemetry.rails import Power
from devices.telemetry.temperature import read_temperature_c
from devices.telemetry.throttling import Throttling, read_throttling
from devices.telemetry.vcgencmd import Vcgencmd, run_vcgencmd


@dataclass(frozen=True)
class Snapshot:
    """The state of a machine and of this process on it. None or empty: not told.

    temperature_c: degrees Celsius.  power: now; x86 counts energy over time only.
    """

    temperature_c: float | None
    clocks: tuple[ClockPolicy, ...]
    throttling: Throttling | None
    power: Power | None
    memory: ProcessMemory
    limits: Limits


def read_snapshot(
    root: Path = Path("/"), vcgencmd: Vcgencmd = run_vcgencmd, *, with_pss: bool = False
) -> Snapshot:
    """Read all sensors once.

    with_pss: also the proportional set size, which takes the kernel long to count.
    """
    return Snapshot(
        temperature_c=read_temperature_c(root),
        clocks=read_clocks(root),
        throttling=read_throttling(root, vcgencmd),
        power=read_power(root, vcgencmd),
        memory=read_memory(root, with_pss=with_pss),
        limits=read_limits(root),
    )
