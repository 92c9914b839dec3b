from pathlib import Path

from edge_devices.detection import cpuinfo
from tests.devices.trees import (
    JETSON_NANO,
    LAPTOP,
    ORIN_NANO,
    PI_4,
    PI_5,
    PI_ZERO_2_W,
    Tree,
    arm_cpuinfo,
    plant,
)


def _blocks(root: Path, tree: Tree) -> tuple[cpuinfo.Block, ...]:
    return cpuinfo.read_blocks(plant(root, tree))


def test_a_raspberry_pi_4(tmp_path: Path) -> None:
    blocks = _blocks(tmp_path, PI_4)
    assert cpuinfo.logical_cores(blocks) == 4
    assert cpuinfo.cpu_name(blocks) == "ARM Cortex-A72 (r0p3)"
    assert cpuinfo.board_name(blocks) == "Raspberry Pi 4 Model B Rev 1.4"
    assert cpuinfo.simd_features(blocks) == ("asimd",)
    assert cpuinfo.in_virtual_machine(blocks) is None


def test_the_dot_product_tells_a_pi_5_from_a_pi_4(tmp_path: Path) -> None:
    assert cpuinfo.simd_features(_blocks(tmp_path, PI_5)) == ("asimd", "asimdhp", "asimddp")


def test_a_32_bit_kernel_names_the_architecture_and_we_the_core(tmp_path: Path) -> None:
    blocks = _blocks(tmp_path, PI_ZERO_2_W)
    assert cpuinfo.cpu_name(blocks) == "ARM Cortex-A53 (r0p4)"
    assert cpuinfo.simd_features(blocks) == ("neon",)


def test_jetsons(tmp_path: Path) -> None:
    nano = _blocks(tmp_path / "nano", JETSON_NANO)
    orin = _blocks(tmp_path / "orin", ORIN_NANO)
    assert cpuinfo.cpu_name(nano) == "ARM Cortex-A57 (r1p1)"
    assert cpuinfo.cpu_name(orin) == "ARM Cortex-A78AE (r0p1)"


def test_an_x86_laptop(tmp_path: Path) -> None:
    blocks = _blocks(tmp_path, LAPTOP)
    assert cpuinfo.cpu_name(blocks) == "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz"
    assert cpuinfo.simd_features(blocks)[-3:] == ("avx512f", "avx512bw", "avx512_vnni")
    assert cpuinfo.in_virtual_machine(blocks) is False


def test_two_kinds_of_core_are_both_named(tmp_path: Path) -> None:
    text = arm_cpuinfo(4, "0xd05", "0x2", 0, "asimd") + arm_cpuinfo(4, "0xd0b", "0x4", 0, "asimd")
    blocks = _blocks(tmp_path, {"proc/cpuinfo": text})
    assert cpuinfo.cpu_name(blocks) == "4 x ARM Cortex-A55 (r2p0) + 4 x ARM Cortex-A76 (r4p0)"


def test_a_core_without_an_implementer(tmp_path: Path) -> None:
    blocks = _blocks(tmp_path, {"proc/cpuinfo": "processor\t: 0\nCPU part\t: 0xd08\n\n"})
    assert cpuinfo.cpu_name(blocks) == "CPU part 0xd08"


def test_no_text_at_all(tmp_path: Path) -> None:
    blocks = cpuinfo.read_blocks(tmp_path)
    assert blocks == () and cpuinfo.logical_cores(blocks) == 0
    assert cpuinfo.cpu_name(blocks) is None and cpuinfo.simd_features(blocks) == ()
