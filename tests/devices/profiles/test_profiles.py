"""The shipped profiles: each is whole, says where its figures are from, and knows its board."""

from pathlib import Path

import pytest

from edge_devices.detection import cpuinfo
from edge_devices.detection.detect import detect
from edge_devices.profiles.catalogue import profiles
from tests.devices.trees import plant

NAMES = (
    *("generic-aarch64", "generic-armv7l", "generic-x86-64"),
    *("jetson-nano", "jetson-orin-nano", "jetson-xavier-nx"),
    *("pi-3b-plus", "pi-4", "pi-5", "pi-zero-2w"),
)
GENERIC = NAMES[:3]
BOARDS = NAMES[3:]
SHIPPED = profiles()


def _blocks(name: str, folder: Path) -> tuple[cpuinfo.Block, ...]:
    return cpuinfo.read_blocks(plant(folder, {"proc/cpuinfo": SHIPPED[name].cpu.cpuinfo}))


def test_these_are_shipped() -> None:
    assert tuple(SHIPPED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_figures_have_sources(name: str) -> None:
    assert SHIPPED[name].sources and SHIPPED[name].is_generic == (name in GENERIC)


@pytest.mark.parametrize("name", BOARDS)
def test_a_core_copies_less_than_the_bus_carries(name: str) -> None:
    memory = SHIPPED[name].memory
    assert memory.measured_bandwidth_gb_s is not None
    assert 0 < memory.measured_bandwidth_gb_s < memory.bandwidth_gb_s


@pytest.mark.parametrize("name", [*BOARDS, "generic-aarch64", "generic-armv7l"])
def test_the_cpuinfo_text_agrees_with_the_figures(name: str, tmp_path: Path) -> None:
    cpu, blocks = SHIPPED[name].cpu, _blocks(name, tmp_path)
    assert cpuinfo.logical_cores(blocks) == cpu.cores
    assert cpuinfo.architecture(blocks) == cpu.architecture
    assert ("asimddp" in cpuinfo.simd_features(blocks)) == cpu.dot_product


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_known_by_each_of_its_signs(name: str, tmp_path: Path) -> None:
    recognise = SHIPPED[name].recognise
    for sign, key in (("model", "models"), ("compatible", "compatible")):
        for value in getattr(recognise, key):
            root = plant(tmp_path / sign, {f"proc/device-tree/{sign}": f"{value}\0"})
            assert (detect(root).profile.name, detect(root).how) == (name, sign)
    parts = set(cpuinfo.core_parts(_blocks(name, tmp_path / "cpu")))
    assert parts == set(recognise.cores)


@pytest.mark.parametrize(
    ("name", "cores", "mhz", "processor", "dot_product"),
    [
        ("pi-zero-2w", 4, 1000, "cortex-a53", False),
        ("pi-3b-plus", 4, 1400, "cortex-a53", False),
        ("pi-4", 4, 1500, "cortex-a72", False),
        ("pi-5", 4, 2400, "cortex-a76", True),
        ("jetson-nano", 4, 1430, "cortex-a57", False),
        ("jetson-xavier-nx", 6, 1900, "carmel", False),
        ("jetson-orin-nano", 6, 1510, "cortex-a76", True),
    ],
)
def test_the_processors(name: str, cores: int, mhz: int, processor: str, dot_product: bool) -> None:
    cpu = SHIPPED[name].cpu
    assert (cpu.cores, cpu.clock_mhz, cpu.dot_product) == (cores, mhz, dot_product)
    assert cpu.microarchitecture == processor
    assert cpu.qemu_cpu == ("" if processor == "carmel" else processor)
