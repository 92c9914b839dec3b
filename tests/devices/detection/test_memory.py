from pathlib import Path

from edge_devices.detection.memory import ProcessMemory, peak_rss_bytes, read_memory
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
