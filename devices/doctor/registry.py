"""All checks, in the order in which they are told."""

from collections.abc import Callable

from edge_devices.doctor import clock_checks, heat_and_power, place, software
from edge_devices.doctor import resources as room
from edge_devices.doctor.finding import Finding
from edge_devices.doctor.host import Patient

# a check gives None where it does not apply, or where the machine does not tell
Check = Callable[[Patient], Finding | None]

CHECKS: dict[str, Check] = {
    "board": place.board,
    "profiles": place.profiles,
    "throttling": heat_and_power.throttling,
    "cooling": heat_and_power.cooling,
    "temperature": heat_and_power.temperature,
    "power mode": heat_and_power.power_mode,
    "governor": clock_checks.governor,
    "clock limit": clock_checks.clock_limit,
    "cores": room.cores,
    "memory": room.memory,
    "swap": room.swap,
    "free space": room.space,
    "user land": software.user_land,
    "runtime": software.runtime,
    "numpy": software.numpy,
    "cameras": place.cameras,
    "container": place.container,
    "virtual machine": place.virtual_machine,
}


def examine(patient: Patient) -> dict[str, Finding]:
    """What each check that applies has found, by its name."""
    found = ((name, check(patient)) for name, check in CHECKS.items())
    return {name: finding for name, finding in found if finding is not None}
