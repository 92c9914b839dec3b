from pathlib import Path

import pytest

from edge_devices.detection.memory import SwapArea, read_swap
from tests.devices.trees import PI_3B_PLUS, plant

_HEADER = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
_MOUNTS = (
    "21 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n"
    "22 21 179:1 / /mnt/card rw - ext4 /dev/mmcblk0p1 rw\n"
    "23 22 8:1 / /mnt/card/disk rw - ext4 /dev/sda1 rw\n"
)


def test_a_file_on_a_raspberry_pi_s_card(tmp_path: Path) -> None:
    found = read_swap(plant(tmp_path, PI_3B_PLUS))
    assert found == (SwapArea("/var/swap", 2048 * 1024, True, False),)


@pytest.mark.parametrize(
    ("line", "on_card", "compressed"),
    [
        ("/dev/mmcblk0p3 partition 1024 0 -2", True, False),
        ("/dev/nvme0n1p3 partition 1024 0 -2", False, False),
        ("/dev/zram0 partition 507404 7208 5", False, True),
        ("/swapfile file 1024 0 -2", False, False),
        ("/mnt/card/swap file 1024 0 -2", True, False),
        ("/mnt/card/disk/swap file 1024 0 -2", False, False),
        ("/mnt/cardinal/swap file 1024 0 -2", False, False),
    ],
)
def test_where_an_area_lies(tmp_path: Path, line: str, on_card: bool, compressed: bool) -> None:
    tree = {"proc/swaps": f"{_HEADER}{line}\n", "proc/self/mountinfo": _MOUNTS}
    (area,) = read_swap(plant(tmp_path, tree)) or ()
    assert (area.on_memory_card, area.compressed) == (on_card, compressed)


@pytest.mark.parametrize("lines", ["", "torn", "/a file 1 x -2", "/a (deleted) file 1 0 -2"])
def test_no_area_and_lines_that_are_none(tmp_path: Path, lines: str) -> None:
    assert read_swap(plant(tmp_path, {"proc/swaps": _HEADER + lines})) == ()


def test_a_kernel_that_does_not_tell(tmp_path: Path) -> None:
    assert read_swap(tmp_path) is None
