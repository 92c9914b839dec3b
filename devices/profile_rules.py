"""Which values the keys of a profile may have, beyond their types."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from devices.tables import TableError

if TYPE_CHECKING:
    from devices.profile import Profile

ARCHITECTURES = ("aarch64", "armv7l", "x86_64")
THROTTLING = ("vcgencmd", "cooling", "none")
POWER = ("none", "pmic", "ina3221", "rapl")
_MOST = 1_000_000  # cores, MHz and KiB alike


def check_values(profile: "Profile", stem: str) -> None:
    """Raise TableError naming the first key whose value cannot be; stem: of the file's name."""
    cpu, memory, run, telemetry = profile.cpu, profile.memory, profile.run, profile.telemetry
    _demand(profile.name == stem, f"name '{profile.name}' differs from the file's, '{stem}'")
    for key, value, least in (
        ("cpu.cores", cpu.cores, 1),
        ("cpu.clock_mhz", cpu.clock_mhz, 1),
        ("cpu.l1d_kib", cpu.l1d_kib, 0),
        ("cpu.l2_kib", cpu.l2_kib, 0),
        ("cpu.l3_kib", cpu.l3_kib, 0),
        ("memory.size_mib", min(memory.size_mib, default=0), 1),
        ("run.threads", run.threads, 1),
    ):
        _demand(value >= least, f"key '{key}' should be at least {least}, not {value}")
        _demand(value <= _MOST, f"key '{key}' should be at most {_MOST}, not {value}")
    for key, rate in (
        ("memory.bandwidth_gb_s", memory.bandwidth_gb_s),
        ("memory.measured_bandwidth_gb_s", memory.measured_bandwidth_gb_s),
    ):
        _demand(rate is None or 0 < rate < 1e6, f"key '{key}' should be above 0, not {rate}")
    for key, word, words in (
        ("cpu.architecture", cpu.architecture, ARCHITECTURES),
        ("telemetry.throttling", telemetry.throttling, THROTTLING),
        ("telemetry.power", telemetry.power, POWER),
    ):
        _demand(word in words, f"key '{key}' should be one of {', '.join(words)}, not '{word}'")
    _demand(run.threads <= cpu.cores, f"key 'run.threads' should be at most cpu.cores, {cpu.cores}")
    for path in telemetry.temperature:
        inside = not path.startswith("/") and ".." not in PurePosixPath(path).parts
        _demand(inside, f"key 'telemetry.temperature' should be below /, without '..': '{path}'")
    outside = [core for core in run.affinity if not 0 <= core < cpu.cores]
    _demand(not outside, f"key 'run.affinity' names core {outside[:1]} of 0 to {cpu.cores - 1}")


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise TableError(message)
