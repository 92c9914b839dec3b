"""Checks of what takes speed away: heat, a weak supply, a power mode."""

from edge_devices.doctor.finding import Finding, ok, problem, warning
from edge_devices.doctor.host import Patient
from edge_devices.telemetry.clocks import read_cooling
from edge_devices.telemetry.throttling import read_throttling

# a Raspberry Pi throttles from 80 degrees and more from 85 on; Jetsons and PCs later
_WARM_C, _HOT_C = 75.0, 85.0
_COOL_IT = "add a heat sink or a fan, and let air in"
_ADVICE = {
    "under-voltage": "use the board's own power supply and a short cable, and unplug USB devices",
    "frequency capped": "see under-voltage and temperature: the firmware caps the clock for them",
    "throttled": "see under-voltage and temperature: the firmware throttles for them",
    "soft temperature limit": f"{_COOL_IT} (temp_soft_limit in config.txt moves the limit)",
}


def throttling(patient: Patient) -> Finding | None:
    """What a Raspberry Pi's firmware reports, now and since boot."""
    found = read_throttling(patient.root, patient.vcgencmd)
    if found is None:
        return _no_answer(patient)
    if found.now:
        return problem(f"{' and '.join(found.now)}, now", _advice(found.now))
    if found.since_boot:
        return warning(
            f"{' and '.join(found.since_boot)} since boot, not now",
            f"{_advice(found.since_boot)}; a reboot clears this note",
        )
    return ok("none now, none since boot")


def _no_answer(patient: Patient) -> Finding | None:
    if patient.profile.telemetry.throttling != "vcgencmd" or patient.surroundings is None:
        return None
    return warning(
        "the firmware does not answer, so throttling and a weak supply stay unseen",
        "install vcgencmd; in a container, hand in /dev/vcio as well",
        "sudo apt install raspi-utils",
    )


def _advice(conditions: tuple[str, ...]) -> str:
    """The causes first; what only follows from them is told where nothing else is."""
    causes = [word for word in conditions if not _ADVICE[word].startswith("see ")]
    return "; ".join(_ADVICE[word] for word in causes or conditions[:1])


def cooling(patient: Patient) -> Finding | None:
    """Whether the kernel holds the processor's clock down because of heat."""
    found = read_cooling(patient.root)
    if found is None:
        return None
    if not found:
        return ok("the kernel does not slow the processor because of heat")
    states = ", ".join(f"{each.name} {_state(each.state, each.most)}" for each in found)
    return warning(f"the kernel slows the processor because of heat ({states})", _COOL_IT)


def _state(state: int, most: int | None) -> str:
    return f"at {state}" if most is None else f"at {state} of {most}"


def temperature(patient: Patient) -> Finding | None:
    """How hot the processor is."""
    celsius = patient.temperature_c
    if celsius is None:
        return None
    what = f"{celsius:.0f} degrees Celsius"
    if celsius >= _HOT_C:
        return problem(f"{what}: most boards are throttled from {_HOT_C:.0f} on", _COOL_IT)
    if celsius >= _WARM_C:
        return warning(f"{what}: near to where boards are throttled", _COOL_IT)
    return ok(what)


def power_mode(patient: Patient) -> Finding | None:
    """Whether a Jetson is in a mode that holds it back."""
    modes = patient.power_modes
    if modes is None:
        return None
    if modes.faster is None:
        return ok(modes.now.name)
    return warning(
        f"{modes.now.name}; {modes.faster.name} lets the processor do more",
        "choose that mode, and hold its clocks while you measure",
        f"sudo nvpmodel -m {modes.faster.number} && sudo jetson_clocks",
    )
