"""Checks of how fast the cores may run."""

from edge_devices.doctor.finding import Finding, ok, problem, warning
from edge_devices.doctor.host import Patient
from edge_devices.telemetry.clocks import ClockPolicy

# these drivers' own `powersave` follows the load (the kernel's intel_pstate.rst, amd-pstate.rst)
_SCALING_THEMSELVES = ("intel_pstate", "amd-pstate-epp", "amd_pstate_epp")
_LATE = ("ondemand", "conservative")
_ALMOST = 0.98  # steps of a clock do not hit a round figure
_SET_GOVERNOR = (
    "echo performance | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor"
)


def governor(patient: Patient) -> Finding | None:
    """Whether the cores follow the load, late, or not at all."""
    told = [policy for policy in patient.clocks if policy.governor]
    if not told:
        return None
    slow = [policy for policy in told if _keeps_lowest(policy)]
    if slow:
        return problem(
            f"powersave on {_cores(slow)}: the lowest clock is kept",
            "let it rise, or keep it at the highest",
            _SET_GOVERNOR,
        )
    late = [policy for policy in told if policy.governor in _LATE]
    if late:
        return warning(
            f"{late[0].governor} on {_cores(late)}: the clock rises late, after idle times",
            "to measure, and for the shortest frame age, keep it at the highest",
            _SET_GOVERNOR,
        )
    return ok(", ".join(sorted({str(policy.governor) for policy in told})))


def _keeps_lowest(policy: ClockPolicy) -> bool:
    return policy.governor == "powersave" and policy.driver not in _SCALING_THEMSELVES


def _cores(policies: list[ClockPolicy]) -> str:
    numbers = " ".join(policy.cores or "" for policy in policies).split()
    return f"core{'s' * (len(numbers) != 1)} {' '.join(numbers)}" if numbers else "some cores"


def clock_limit(patient: Patient) -> Finding | None:
    """Whether the clock may rise as far as the cores, and this board, could."""
    told = [policy for policy in patient.clocks if policy.max_khz]
    if not told:
        return None
    capped = [policy for policy in told if _is_capped(policy)]
    if capped:
        worst = min(capped, key=lambda policy: policy.max_khz or 0)
        return warning(
            f"{_mhz(worst.max_khz)} at most on {_cores(capped)}, of {_mhz(worst.hardware_max_khz)}",
            *_raise_it(patient),
        )
    highest = max(policy.max_khz or 0 for policy in told)
    usual_khz = 0 if patient.profile.is_generic else patient.profile.cpu.clock_mhz * 1000
    if highest < usual_khz * _ALMOST:
        return warning(
            f"{_mhz(highest)} at most; {patient.profile.title} does {_mhz(usual_khz)}",
            "look for arm_freq in config.txt, a power mode, or a setting of the firmware",
        )
    return ok(f"up to {_mhz(highest)}")


def _raise_it(patient: Patient) -> tuple[str, str]:
    """Advice and command."""
    mode = patient.power_modes.higher_clocked if patient.power_modes else None
    if mode is not None:
        cores = f" on {mode.cores} cores" if mode.cores else ""
        return f"{mode.name} clocks higher{cores}", f"sudo nvpmodel -m {mode.number}"
    return "raise scaling_max_freq: a power mode, a tool such as cpupower, or heat lowered it", ""


def _is_capped(policy: ClockPolicy) -> bool:
    could = policy.hardware_max_khz
    return bool(policy.max_khz and could and policy.max_khz < could * _ALMOST)


def _mhz(khz: int | None) -> str:
    return f"{(khz or 0) / 1000:.0f} MHz"
