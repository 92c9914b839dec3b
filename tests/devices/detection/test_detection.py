from pathlib import Path

import pytest

from edge_devices.detection.detect import detect
from tests.devices import trees
from tests.devices.profiles.own_profiles import OwnProfiles
from tests.devices.trees import Tree, arm_cpuinfo, plant

pytestmark = pytest.mark.usefixtures("own")
_V8 = "fp asimd evtstrm crc32 cpuid"
_MODEL, _COMPATIBLE = "proc/device-tree/model", "proc/device-tree/compatible"


def _elf(machine: int, bits_class: int) -> bytes:
    return b"\x7fELF" + bytes([bits_class, 1, 1]) + bytes(11) + machine.to_bytes(2, "little")


@pytest.mark.parametrize(
    ("board", "name"),
    [
        ("pi-3b-plus", "pi-3b-plus"),
        ("pi-4", "pi-4"),
        ("pi-5", "pi-5"),
        ("pi-zero-2-w", "pi-zero-2w"),
        ("jetson-nano", "jetson-nano"),
        ("xavier-nx", "jetson-xavier-nx"),
        ("orin-nano", "jetson-orin-nano"),
        ("laptop", "generic-x86-64"),
        ("container", "generic-x86-64"),
    ],
)
def test_recorded_boards(tmp_path: Path, board: str, name: str) -> None:
    found = detect(plant(tmp_path, trees.BOARDS[board]))
    assert found.profile.name == name and found.is_known == (not name.startswith("generic"))


def test_the_model_is_the_best_evidence(tmp_path: Path) -> None:
    found = detect(plant(tmp_path, {**trees.PI_4, _COMPATIBLE: "brcm,bcm2712\0"}))
    assert (found.profile.name, found.how) == ("pi-4", "model")
    assert found.statement == "recognised by its model: 'Raspberry Pi 4 Model B Rev 1.4'"


def test_without_a_known_model_the_device_tree_s_names_count(tmp_path: Path) -> None:
    found = detect(plant(tmp_path, {_MODEL: "New Pi\0", _COMPATIBLE: "x,y\0brcm,bcm2711\0"}))
    assert (found.profile.name, found.how, found.board) == ("pi-4", "compatible", "New Pi")
    assert found.statement == "recognised by its device tree: 'brcm,bcm2711'"


def test_a_container_on_a_board_sees_only_the_processor(tmp_path: Path) -> None:
    found = detect(plant(tmp_path, {"proc/cpuinfo": arm_cpuinfo(4, "0xd08", "0x0", 3, _V8)}))
    assert (found.profile.name, found.how) == ("pi-4", "cpu")
    assert found.statement == "recognised by its processor alone: 4 x ARM Cortex-A72 (r0p3)"


@pytest.mark.parametrize(
    "tree",
    [
        {"proc/cpuinfo": arm_cpuinfo(4, "0xd03", "0x0", 4, _V8)},  # Zero 2 W and 3B+ have them
        {"proc/cpuinfo": arm_cpuinfo(16, "0xd08", "0x0", 3, _V8)},  # a server
        {"proc/cpuinfo": arm_cpuinfo(4, "0xd05", "0x1", 0, _V8)},  # a core of no profile
        {
            _MODEL: "Rock 64\0",
            "proc/cpuinfo": arm_cpuinfo(4, "0xd08", "0x0", 3, _V8),
        },  # names itself
    ],
)
def test_a_processor_that_fits_no_board_alone(tmp_path: Path, tree: Tree) -> None:
    assert detect(plant(tmp_path, tree)).profile.name == "generic-aarch64"


def test_an_unknown_board_says_so_and_where_to_add_it(tmp_path: Path, own: OwnProfiles) -> None:
    tree = {_MODEL: "Radxa ROCK 5B\0", "proc/cpuinfo": arm_cpuinfo(8, "0xd0b", "0x4", 0, _V8)}
    assert detect(plant(tmp_path, tree)).statement == (
        "no profile for 'Radxa ROCK 5B': using generic-aarch64; "
        f"add one as {own.folder}/radxa-rock-5b.toml"
    )


@pytest.mark.parametrize("model", ["../../etc/passwd", "/", "é ü", "x" * 5000, "\x01\x02"])
def test_a_strange_name_becomes_a_plain_file_name(tmp_path: Path, model: str) -> None:
    told = detect(plant(tmp_path, {_MODEL: model})).statement.rpartition("/")[2]
    assert told.endswith(".toml") and len(told) <= 65 and ".." not in told


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (_elf(40, 1), "generic-armv7l"),  # a 32-bit system on a 64-bit kernel
        (_elf(183, 2), "generic-aarch64"),
        (_elf(62, 2), "generic-x86-64"),
        (_elf(9999, 2), "generic-aarch64"),  # then the processor's features tell
        (b"\x7fELF", "generic-aarch64"),
        (b"#!/bin/sh", "generic-aarch64"),
    ],
)
def test_an_unknown_board_goes_by_its_programs(tmp_path: Path, program: bytes, name: str) -> None:
    cpu = arm_cpuinfo(8, "0xd05", "0x1", 0, _V8)
    found = detect(plant(tmp_path, {"proc/cpuinfo": cpu, "proc/self/exe": program}))
    assert found.profile.name == name


def test_a_32_bit_kernel(tmp_path: Path) -> None:
    text = "processor\t: 0\nFeatures\t: half thumb neon vfpv4\nCPU part\t: 0xc07\n"
    assert detect(plant(tmp_path, {"proc/cpuinfo": text})).profile.name == "generic-armv7l"


def test_a_board_of_the_user_s_own(tmp_path: Path, own: OwnProfiles) -> None:
    own.add("rock-5b", "Radxa ROCK 5B", model="Radxa ROCK 5")
    assert detect(plant(tmp_path / "root", {_MODEL: "Radxa ROCK 5B\0"})).profile.name == "rock-5b"


def test_the_longest_beginning_of_a_model_wins(tmp_path: Path, own: OwnProfiles) -> None:
    own.add("pi-any", "Some Pi", model="Raspberry Pi")
    own.add("cm4", "Compute Module", model="Raspberry Pi Compute Module 4")
    root = plant(tmp_path / "root", {_MODEL: "Raspberry Pi Compute Module 4 Rev 1.0\0"})
    assert detect(root).profile.name == "cm4"
    assert detect(plant(tmp_path / "pi", trees.PI_4)).profile.name == "pi-4"


def test_the_user_s_own_board_wins_where_two_fit_alike(tmp_path: Path, own: OwnProfiles) -> None:
    own.add("zz-4", "Mine", model="Raspberry Pi 4 Model", compatible="brcm,bcm2711")
    own.add("aa-5", "Mine", compatible="brcm,bcm2712")
    assert detect(plant(tmp_path / "4", trees.PI_4)).profile.name == "zz-4"
    chip = plant(tmp_path / "5", {_COMPATIBLE: "x,y\0brcm,bcm2712\0"})
    assert detect(chip).profile.name == "aa-5"


def test_an_empty_tree_goes_by_this_python(tmp_path: Path) -> None:
    found = detect(tmp_path / "missing")
    assert found.profile.is_generic and found.board is None
    assert "this board, which does not name itself" in found.statement
