"""The files that an emulated board shows: our own readers recognise it by them."""

from pathlib import Path

import pytest

from edge_devices.detection.detect import detect
from edge_devices.emulation.arm_python import ArmPython, board_files, overlay, seen
from edge_devices.profiles.catalogue import profile_named, profiles
from edge_devices.telemetry.clocks import read_clocks

EMULATED = sorted(name for name, profile in profiles().items() if profile.cpu.qemu_cpu)


def plant(name: str, root: Path) -> Path:
    for path, text in board_files(profile_named(name)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.mark.parametrize("name", [name for name in EMULATED if not name.startswith("generic")])
def test_each_board_is_recognised_by_its_model(name: str, tmp_path: Path) -> None:
    found = detect(plant(name, tmp_path))
    assert (found.profile.name, found.how) == (name, "model")
    assert found.board.endswith("emulated by qemu")


@pytest.mark.parametrize("name", EMULATED)
def test_it_has_temperature_clock_and_processor(name: str, tmp_path: Path) -> None:
    root, profile = plant(name, tmp_path), profile_named(name)
    assert (root / "proc/cpuinfo").read_text() == profile.cpu.cpuinfo.lstrip("\n")
    assert [clock.max_khz for clock in read_clocks(root)] == [profile.cpu.clock_mhz * 1000]
    for zone in profile.telemetry.temperature:
        assert (root / zone).read_text() == "48000\n"


def python(folder: Path, architecture: str = "aarch64") -> ArmPython:
    root, site = folder / "root", folder / "site-1"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/python3.11").touch()
    (root / "usr/bin/python3").symlink_to("python3.11")
    site.mkdir()
    return ArmPython(architecture, root, site)


def test_the_system_lies_behind_the_boards_files(cache: Path, tmp_path: Path) -> None:
    folder = overlay(profile_named("pi-4"), python(tmp_path), lambda step: None)
    assert (folder / "usr/bin/python3.11").is_file()
    assert (folder / "site").resolve() == tmp_path / "site-1"
    assert (folder / "proc/device-tree/model").read_text().startswith("Raspberry Pi 4 ")


def test_a_program_sees_nothing_of_the_cache(cache: Path, tmp_path: Path) -> None:
    paths = seen(python(tmp_path))
    assert (paths.program, paths.site, paths.bytecode) == (
        "/usr/bin/python3.11",
        "/site",
        "/bytecode",
    )


def test_a_32_bit_one_needs_real_paths(cache: Path, tmp_path: Path) -> None:
    assert seen(python(tmp_path, "armv7l")).site == str(tmp_path / "site-1")
