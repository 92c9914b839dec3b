"""What is wrong with a machine, and what to do: small checks over one folder tree.

All stand here, in the order in which they are told.
"""

from collections.abc import Callable

from edge_devices.doctor import cameras, place, resources, speed
from edge_devices.doctor.host import Finding, Host, Status

__all__ = ["CHECKS", "Finding", "Host", "Status", "examine"]

# a check gives None if it does not apply, or if the machine does not tell
Check = Callable[[Host], Finding | None]

CHECKS: dict[str, Check] = {
    "board": place.board,
    "profiles": place.profiles,
    "throttling": speed.throttling,
    "cooling": speed.cooling,
    "temperature": speed.temperature,
    "power mode": speed.power_mode,
    "governor": speed.governor,
    "clock limit": speed.clock_limit,
    "cores": resources.cores,
    "memory": resources.memory,
    "swap": resources.swap,
    "free space": resources.space,
    "user land": place.user_land,
    "runtime": place.runtime,
    "numpy": place.numpy,
    "opencv": place.opencv,
    "cameras": cameras.cameras,
    "container": place.container,
    "virtual machine": place.virtual_machine,
}


def examine(host: Host) -> dict[str, Finding]:
    """What each check that applies has found, by its name."""
    findings = ((name, check(host)) for name, check in CHECKS.items())
    return {name: finding for name, finding in findings if finding is not None}
