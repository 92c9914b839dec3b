from pathlib import Path

from devices.machine import this_machine
from devices.memory import peak_rss_bytes


def test_peak_memory_is_what_the_kernel_says(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  900 kB\nVmHWM:\t  1234 kB\nVmRSS:\t 5 kB\n")
    assert peak_rss_bytes(status) == 1234 * 1024


def test_peak_memory_without_proc_is_still_plausible(tmp_path: Path) -> None:
    assert 5e6 < peak_rss_bytes(tmp_path / "none") < 1e12
    assert 5e6 < peak_rss_bytes() < 1e12


def test_a_board_is_read_from_its_device_tree(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nCPU part\t: 0xd08\n\n")
    machine = this_machine(tmp_path)
    assert (machine.board, machine.cpu) == ("Raspberry Pi 4 Model B Rev 1.4", "0xd08")


def test_a_machine_without_a_device_tree_is_generic(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("model name\t: AMD EPYC\n")
    machine = this_machine(tmp_path)
    assert (machine.board, machine.cpu) == ("generic", "AMD EPYC")
    assert machine.cores >= 1 and machine.memory_bytes > 1e8
