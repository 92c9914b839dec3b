"""Where memory is swapped to.

Formats: proc_swaps (5), proc_pid_mountinfo (5); block devices of major number 179 are MMC, SD
cards and eMMC (the kernel's Documentation/admin-guide/devices.txt).
"""

from dataclasses import dataclass
from pathlib import Path

from devices.files import read_text, whole_number

_MMC_MAJOR = "179"


@dataclass(frozen=True)
class SwapArea:
    """name: a device or a file.  on_memory_card: SD or eMMC.  compressed: in memory (zram)."""

    name: str
    used_bytes: int
    on_memory_card: bool
    compressed: bool


def read_swap(root: Path = Path("/")) -> tuple[SwapArea, ...] | None:
    """All areas in use for swapping; None where the kernel does not tell."""
    lines = (read_text(root / "proc/swaps") or "").splitlines()
    if not lines:
        return None
    areas = (_area(root, line.split()) for line in lines[1:])
    return tuple(area for area in areas if area)


def _area(root: Path, fields: list[str]) -> SwapArea | None:
    """`/dev/mmcblk0p3 partition 102396 0 -2`: name, kind, size and use in KiB, priority."""
    used_kib = whole_number(fields[3], least=0) if len(fields) == 5 else None
    if used_kib is None:
        return None
    name, kind = fields[:2]
    is_card = _is_card_file(root, name) if kind == "file" else "/mmcblk" in name
    return SwapArea(name, used_kib * 1024, is_card, "/zram" in name)


def _is_card_file(root: Path, name: str) -> bool:
    """Whether the file system with the longest mount point above a file is on MMC."""
    points = [
        (fields[4].rstrip("/"), fields[2])
        for fields in map(str.split, (read_text(root / "proc/self/mountinfo") or "").splitlines())
        if len(fields) > 4
    ]
    above = [(point, device) for point, device in points if name.startswith(f"{point}/")]
    device = max(above, key=lambda each: len(each[0]), default=("", ""))[1]
    return device.partition(":")[0] == _MMC_MAJOR
