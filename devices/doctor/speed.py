"""Checks of what takes speed away: heat, a weak supply, a power mode, low clocks."""

from edge_devices.doctor.host import Finding, Host, ok, problem, warning
from edge_devices.telemetry.clocks import ClockPolicy, read_cooling
from edge_devices.telemetry.temperature import read_throttling

# a Raspberry Pi throttles from 80 degrees and more from 85 on; Jetsons and PCs later
_WARM_C, _HOT_C = 75.0, 85.0
_COOL_IT = "add a heat sink or a fan, and let air in"
_ADVICE = {
    "under-voltage": "use the board's own power supply and a short cable, and unplug USB devices",
    "frequency capped": "see under-voltage and temperature: the firmware caps the clock for them",
    "throttled": "see under-voltage and temperature: the firmware throttles for them",
    "soft temperature limit": f"{_COOL_IT} (temp_soft_limit in config.txt moves the limit)",
}


def throttling(host: Host) -> Finding | None:
    """What a Raspberry Pi's firmware reports, now and since boot."""
    state = read_throttling(host.root, host.vcgencmd)
    if state is None:
        return _no_answer(host)
    if state.now:
        return problem(f"{' and '.join(state.now)}, now", _advice(state.now))
    if state.since_boot:
        return warning(
            f"{' and '.join(state.since_boot)} since boot, not now",
            f"{_advice(state.since_boot)}; a reboot clears this note",
        )
    return ok("none now, none since boot")


def _no_answer(host: Host) -> Finding | None:
    if host.profile.telemetry.throttling != "vcgencmd" or host.environment is None:
        return None
    return warning(
        "the firmware does not answer, so throttling and a weak supply stay unseen",
        "install vcgencmd; in a container, hand in /dev/vcio as well",
        "sudo apt install raspi-utils",
    )


def _advice(conditions: tuple[str, ...]) -> str:
    """The causes first; what only follows from them is told if nothing else is."""
    causes = [word for word in conditions if not _ADVICE[word].startswith("see ")]
    return "; ".join(_ADVICE[word] for word in causes or conditions[:1])


def cooling(host: Host) -> Finding | None:
    """Whether the kernel holds the processor's clock down because of heat."""
    devices = read_cooling(host.root)
    if devices is None:
        return None
    if not devices:
        return ok("the kernel does not slow the processor because of heat")
    states = ", ".join(f"{each.name} {_state(each.state, each.most)}" for each in devices)
    return warning(f"the kernel slows the processor because of heat ({states})", _COOL_IT)


def _state(state: int, most: int | None) -> str:
    return f"at {state}" if most is None else f"at {state} of {most}"


def temperature(host: Host) -> Finding | None:
    """How hot the processor is."""
    celsius = host.temperature_c
    if celsius is None:
        return None
    fact = f"{celsius:.0f} degrees Celsius"
    if celsius >= _HOT_C:
        return problem(f"{fact}: most boards are throttled from {_HOT_C:.0f} on", _COOL_IT)
    if celsius >= _WARM_C:
        return warning(f"{fact}: near to where boards are throttled", _COOL_IT)
    return ok(fact)


def power_mode(host: Host) -> Finding | None:
    """Whether a Jetson is in a mode that holds it back."""
    modes = host.power_modes
    if modes is None:
        return None
    if modes.faster is None:
        return ok(modes.now.name)
    return warning(
        f"{modes.now.name}; {modes.faster.name} lets the processor do more",
        "choose that mode, and hold its clocks while you measure",
        f"sudo nvpmodel -m {modes.faster.number} && sudo jetson_clocks",
    )


# these drivers' own `powersave` follows the load (the kernel's intel_pstate.rst, amd-pstate.rst)
_SCALING_THEMSELVES = ("intel_pstate", "amd-pstate-epp", "amd_pstate_epp")
_LATE = ("ondemand", "conservative")
_ALMOST = 0.98  # steps of a clock do not hit a round figure
_SET_GOVERNOR = (
    "echo performance | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor"
)


def governor(host: Host) -> Finding | None:
    """Whether the cores follow the load, late, or not at all."""
    policies = [policy for policy in host.clocks if policy.governor]
    if not policies:
        return None
    slow = [policy for policy in policies if _keeps_lowest(policy)]
    if slow:
        return problem(
            f"powersave on {_cores(slow)}: the lowest clock is kept",
            "let it rise, or keep it at the highest",
            _SET_GOVERNOR,
        )
    late = [policy for policy in policies if policy.governor in _LATE]
    if late:
        return warning(
            f"{late[0].governor} on {_cores(late)}: the clock rises late, after idle times",
            "to measure, and for the shortest frame age, keep it at the highest",
            _SET_GOVERNOR,
        )
    return ok(", ".join(sorted({str(policy.governor) for policy in policies})))


def _keeps_lowest(policy: ClockPolicy) -> bool:
    return policy.governor == "powersave" and policy.driver not in _SCALING_THEMSELVES


def _cores(policies: list[ClockPolicy]) -> str:
    numbers = " ".join(policy.cores or "" for policy in policies).split()
    return f"core{'s' * (len(numbers) != 1)} {' '.join(numbers)}" if numbers else "some cores"


def clock_limit(host: Host) -> Finding | None:
    """Whether the clock may rise as far as the cores, and this board, could."""
    policies = [policy for policy in host.clocks if policy.max_khz]
    if not policies:
        return None
    capped = [policy for policy in policies if _is_capped(policy)]
    if capped:
        worst = min(capped, key=lambda policy: policy.max_khz or 0)
        return warning(
            f"{_mhz(worst.max_khz)} at most on {_cores(capped)}, of {_mhz(worst.hardware_max_khz)}",
            *_raise_it(host),
        )
    highest = max(policy.max_khz or 0 for policy in policies)
    usual_khz = 0 if host.profile.is_generic else host.profile.cpu.clock_mhz * 1000
    if highest < usual_khz * _ALMOST:
        return warning(
            f"{_mhz(highest)} at most; {host.profile.title} does {_mhz(usual_khz)}",
            "look for arm_freq in config.txt, a power mode, or a setting of the firmware",
        )
    return ok(f"up to {_mhz(highest)}")


def _raise_it(host: Host) -> tuple[str, str]:
    """Advice and command."""
    mode = host.power_modes.higher_clocked if host.power_modes else None
    if mode is not None:
        cores = f" on {mode.cores} cores" if mode.cores else ""
        return f"{mode.name} clocks higher{cores}", f"sudo nvpmodel -m {mode.number}"
    return "raise scaling_max_freq: a power mode, a tool such as cpupower, or heat lowered it", ""


def _is_capped(policy: ClockPolicy) -> bool:
    could = policy.hardware_max_khz
    return bool(policy.max_khz and could and policy.max_khz < could * _ALMOST)


def _mhz(khz: int | None) -> str:
    return f"{(khz or 0) / 1000:.0f} MHz"
