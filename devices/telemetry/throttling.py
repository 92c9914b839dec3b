"""What a Raspberry Pi's firmware holds against its speed, and how it is asked."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_common.children import run_captured
from edge_devices.detection.board import compatible
from edge_devices.detection.kernel_files import children, read_int, whole_number

_TIMEOUT_S = 2.0

# a command and its arguments in, its output out; None where it cannot be asked
Vcgencmd = Callable[[str], str | None]


def run_vcgencmd(command: str) -> str | None:
    """Run `vcgencmd COMMAND`; None where it is not installed, fails, or hangs."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        process = run_captured([program, *command.split()], timeout_s=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout if process.returncode == 0 else None


_CONDITIONS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
_SINCE_BOOT_SHIFT = 16
_MOST_BITS = 2**32 - 1


@dataclass(frozen=True)
class Throttling:
    """The conditions that hold now and those that have held since boot, in words."""

    now: tuple[str, ...] = ()
    since_boot: tuple[str, ...] = ()


def decode_throttling(bits: int) -> Throttling:
    """Words for the firmware's bits: 0x50005 is under-voltage and throttled, now and before."""
    return Throttling(_conditions(bits), _conditions(bits >> _SINCE_BOOT_SHIFT))


def read_throttling(root: Path = Path("/"), vcgencmd: Vcgencmd = run_vcgencmd) -> Throttling | None:
    """Read the kernel's twin, else ask the firmware; None on boards of other makers."""
    bits = next((bits for bits in map(_twin, _chips(root)) if bits is not None), None)
    if bits is None and any(name.startswith("raspberrypi,") for name in compatible(root)):
        bits = parse_throttled(vcgencmd("get_throttled"))
    return None if bits is None else decode_throttling(bits)


def parse_throttled(answer: str | None) -> int | None:
    """The bits of `throttled=0x50005`, the answer to `vcgencmd get_throttled`."""
    key, _, value = (answer or "").strip().partition("=")
    return whole_number(value, base=16, least=0, most=_MOST_BITS) if key == "throttled" else None


def _chips(root: Path) -> list[Path]:
    return children(root / "sys/devices/platform", "soc")


def _twin(chip: Path) -> int | None:
    return read_int(chip / f"{chip.name}:firmware/get_throttled", base=16, least=0, most=_MOST_BITS)


def _conditions(bits: int) -> tuple[str, ...]:
    return tuple(word for bit, word in enumerate(_CONDITIONS) if bits >> bit & 1)
