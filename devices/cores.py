"""ARM cores by the numbers of their Main ID Register, as /proc/cpuinfo shows them.

The names are from each core's Technical Reference Manual (MIDR_EL1) and from the Linux
kernel's arch/arm64/include/asm/cputype.h; they stand in `data/arm_cores.json`.
"""

import functools
import json
from importlib import resources
from typing import TypedDict


class Implementer(TypedDict):
    """vendor: who designed the core.  parts: core name by part number, such as `0xd08`."""

    vendor: str
    parts: dict[str, str]


@functools.cache
def implementers() -> dict[str, Implementer]:
    """The shipped table, by implementer number such as `0x41`."""
    text = resources.files("devices").joinpath("data", "arm_cores.json").read_text("utf-8")
    return json.loads(text)


def core_name(implementer: str, part: str, variant: str = "0x0", revision: str = "0") -> str:
    """Name a core from the four fields of /proc/cpuinfo: `ARM Cortex-A72 (r0p3)`.

    Numbers that the table does not hold, or that are none, are named as they stand.
    """
    maker = implementers().get(_hex(implementer, 2))
    name = maker["parts"].get(_hex(part, 3)) if maker else None
    vendor = maker["vendor"] if maker else f"implementer {implementer}"
    return f"{vendor} {name or f'part {part}'}{_release(variant, revision)}"


def _hex(number: str, digits: int) -> str:
    try:
        return f"{int(number, 16):#0{digits + 2}x}"
    except ValueError:
        return number


def _release(variant: str, revision: str) -> str:
    """Arm's rNpM: major revision (variant field) and patch (revision field)."""
    try:
        return f" (r{int(variant, 16)}p{int(revision)})"
    except ValueError:
        return ""
