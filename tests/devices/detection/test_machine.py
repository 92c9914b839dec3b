import dataclasses
import json
from pathlib import Path

import pytest

from edge_common.data import decode, encode
from edge_devices.detection.machine import Machine, differences, this_machine
from tests.devices import trees
from tests.devices.trees import plant

PI_4 = Machine(
    board="Raspberry Pi 4 Model B Rev 1.4",
    cpu="ARM Cortex-A72 (r0p3)",
    architecture="aarch64",
    cores=4,
    memory_bytes=3_977_576_448,
    kernel="6.6.31+rpt-rpi-v8",
    python="3.11.2",
    physical_cores=4,
    usable_cores=4.0,
    max_khz=(1_800_000,),
    governor="ondemand",
    features=("asimd",),
    pointer_bits=64,
)


def test_a_raspberry_pi_4(tmp_path: Path) -> None:
    machine = this_machine(plant(tmp_path, trees.PI_4))
    ours = {"architecture": "aarch64", "python": "3.11.2", "pointer_bits": 64, "libc": None}
    assert dataclasses.replace(machine, **ours) == dataclasses.replace(
        PI_4, os="Debian GNU/Linux 12 (bookworm)"
    )


def test_a_laptop_has_two_threads_a_core(tmp_path: Path) -> None:
    machine = this_machine(plant(tmp_path, trees.LAPTOP))
    assert machine.board == "LENOVO 20XW004LGE"
    assert (machine.cores, machine.physical_cores, machine.usable_cores) == (4, 2, 4.0)
    assert machine.max_khz == (4_200_000, 4_200_000) and machine.governor == "powersave"
    assert machine.hypervisor is False


def test_a_container_may_use_part_of_its_host(tmp_path: Path) -> None:
    machine = this_machine(plant(tmp_path, trees.CONTAINER))
    assert (machine.board, machine.cpu) == ("generic", "AMD EPYC")
    assert (machine.cores, machine.usable_cores) == (8, 1.5)
    assert machine.memory_bytes == 32_768_000_000 and machine.memory_limit_bytes == 536_870_912
    assert (machine.hypervisor, machine.governor, machine.max_khz) == (True, None, ())


def test_affinity_limits_the_usable_cores(tmp_path: Path) -> None:
    status = {"proc/self/status": "Cpus_allowed_list:\t0,2-3\n"}
    assert repr(this_machine(plant(tmp_path, {**trees.PI_4, **status})).usable_cores) == "3.0"


def test_a_board_is_known_without_its_device_tree(tmp_path: Path) -> None:
    machine = this_machine(plant(tmp_path, trees.PI_ZERO_2_W))
    assert machine.board == "Raspberry Pi Zero 2 W Rev 1.0"
    assert machine.cpu == "ARM Cortex-A53 (r0p4)"


def test_an_empty_tree_still_has_cores_and_memory(tmp_path: Path) -> None:
    machine = this_machine(tmp_path)
    assert machine.board == "generic" and machine.cpu
    assert machine.cores >= 1 and machine.memory_bytes > 1e8


@pytest.mark.parametrize("board", trees.BOARDS)
def test_a_machine_comes_back_from_json(tmp_path: Path, board: str) -> None:
    machine = this_machine(plant(tmp_path, trees.BOARDS[board]))
    assert decode(Machine, json.loads(json.dumps(encode(machine)))) == machine


def test_a_machine_of_an_older_record_lacks_the_newer_facts() -> None:
    old = ["generic", "a cpu", "x86_64", 2, 8_000_000_000, "6.1", "3.11.7"]
    names = [field.name for field in dataclasses.fields(Machine)]
    assert decode(Machine, dict(zip(names, old))) == Machine(*old)


def test_a_machine_equals_itself_whatever_the_patch_level() -> None:
    patched = dataclasses.replace(
        PI_4, kernel="6.6.74+rpt-rpi-v8", python="3.11.9", os="other", libc="glibc 2.40"
    )
    assert differences(PI_4, PI_4) == differences(PI_4, patched) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"board": "Pi 5"}, "board: Raspberry Pi 4 Model B Rev 1.4 and Pi 5"),
        ({"cpu": "other"}, "CPU: ARM Cortex-A72 (r0p3) and other"),
        ({"architecture": "armv7l"}, "architecture: aarch64 and armv7l"),
        ({"pointer_bits": 32}, "pointer bits: 64 and 32"),
        ({"features": ("asimd", "asimddp")}, "SIMD features: asimd and asimd asimddp"),
        ({"cores": 2}, "cores: 4 and 2"),
        ({"physical_cores": 2}, "physical cores: 4 and 2"),
        ({"usable_cores": 1.5}, "usable cores: 4 and 1.5"),
        ({"max_khz": (1_500_000,)}, "highest clock in MHz: 1800 and 1500"),
        ({"governor": "performance"}, "governor: ondemand and performance"),
        ({"kernel": "6.12.1"}, "kernel: 6.6 and 6.12"),
        ({"python": "3.12.0"}, "Python: 3.11 and 3.12"),
        ({"memory_bytes": 2_000_000_000}, "memory: 3978 MB and 2000 MB"),
        ({"memory_limit_bytes": 500_000_000}, "memory: 3978 MB and 500 MB"),
    ],
)
def test_what_changes_speed_is_said(change: dict, words: str) -> None:
    assert differences(PI_4, dataclasses.replace(PI_4, **change)) == (words,)


def test_differences_are_named_from_the_first_to_the_second() -> None:
    other = dataclasses.replace(PI_4, board="Pi 5", governor="performance")
    assert differences(other, PI_4) == (
        "board: Pi 5 and Raspberry Pi 4 Model B Rev 1.4",
        "governor: performance and ondemand",
    )


def test_what_one_side_does_not_tell_is_no_difference() -> None:
    silent = dataclasses.replace(PI_4, governor=None, max_khz=(), features=(), usable_cores=None)
    assert differences(PI_4, silent) == ()


def test_a_firmware_that_keeps_more_memory_is_the_same_board() -> None:
    assert differences(PI_4, dataclasses.replace(PI_4, memory_bytes=3_850_000_000)) == ()
