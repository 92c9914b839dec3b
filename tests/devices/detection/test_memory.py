from pathlib import Path

import pytest

from edge_devices.detection.memory import (
    ProcessMemory,
    available_bytes,
    peak_rss_bytes,
    read_memory,
)
from tests.devices.trees import PI_4, plant


def test_peak_memory_is_what_the_kernel_says(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  900 kB\nVmHWM:\t  1234 kB\nVmRSS:\t 5 kB\n")
    assert peak_rss_bytes(status) == 1234 * 1024


def test_peak_memory_without_proc_is_still_plausible(tmp_path: Path) -> None:
    assert 5e6 < peak_rss_bytes(tmp_path / "none") < 1e12
    assert 5e6 < peak_rss_bytes() < 1e12


def test_memory_of_a_process(tmp_path: Path) -> None:
    root = plant(tmp_path, PI_4)
    assert read_memory(root) == ProcessMemory(40_960_000, 30_720_000, 41_984_000)
    assert read_memory(root, with_pss=False).pss_bytes is None


def test_this_process_shares_some_of_its_memory() -> None:
    memory = read_memory()
    assert memory.rss_bytes and memory.pss_bytes and memory.peak_rss_bytes
    assert 1e6 < memory.pss_bytes <= memory.rss_bytes * 1.1


def test_a_machine_that_does_not_tell(tmp_path: Path) -> None:
    assert read_memory(tmp_path) == ProcessMemory(None, None, None)


@pytest.mark.parametrize(
    ("used", "left"), [("100000000", 200_000_000), ("160000000", 190_000_000), ("max", 200_000_000)]
)
def test_the_least_that_is_left_counts(tmp_path: Path, used: str, left: int) -> None:
    """A limit of 300 MB, of which 50 MB are pages that can be given back; 200 MB of the machine."""
    tree = {
        "proc/meminfo": "MemTotal: 500000 kB\nMemAvailable: 195312 kB\n",
        "proc/self/cgroup": "0::/a\n",
        "sys/fs/cgroup/a/memory.max": "300000000\n",
        "sys/fs/cgroup/a/memory.current": used,
        "sys/fs/cgroup/a/memory.stat": "anon 70000000\ninactive_file 50000000\n",
    }
    assert available_bytes(plant(tmp_path, tree)) == pytest.approx(left, rel=1e-4)


def test_memory_that_is_left_may_be_unknown(tmp_path: Path) -> None:
    assert available_bytes(tmp_path) is None
    assert available_bytes()
