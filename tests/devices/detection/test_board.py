from pathlib import Path

import pytest

from edge_devices.detection.detect import compatible, device_tree_model, dmi_product, os_name
from tests.devices.trees import LAPTOP, PI_5, plant


def test_a_device_tree(tmp_path: Path) -> None:
    root = plant(tmp_path, PI_5)
    assert device_tree_model(root) == "Raspberry Pi 5 Model B Rev 1.0"
    assert compatible(root) == ("raspberrypi,5-model-b", "brcm,bcm2712")


def test_a_device_tree_without_its_link_in_proc(tmp_path: Path) -> None:
    root = plant(tmp_path, {"sys/firmware/devicetree/base/model": "Some Board\0"})
    assert device_tree_model(root) == "Some Board"


def test_smbios(tmp_path: Path) -> None:
    root = plant(tmp_path, LAPTOP)
    assert dmi_product(root) == "LENOVO 20XW004LGE"
    assert device_tree_model(root) is None and compatible(root) == ()


@pytest.mark.parametrize("product", ["System Product Name", "To Be Filled By O.E.M.", "\n"])
def test_a_table_that_its_maker_left_empty_names_no_board(tmp_path: Path, product: str) -> None:
    assert dmi_product(plant(tmp_path, {"sys/class/dmi/id/product_name": product})) is None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', "Debian GNU/Linux 12 (bookworm)"),
        ("PRETTY_NAME='Buildroot 2023.02'", "Buildroot 2023.02"),
        ("PRETTY_NAME=Arch", "Arch"),
        ('PRETTY_NAME="torn', "torn"),
    ],
)
def test_the_system_s_name(tmp_path: Path, line: str, name: str) -> None:
    assert os_name(plant(tmp_path, {"usr/lib/os-release": f"ID=x\n{line}\n"})) == name


def test_a_system_without_a_name(tmp_path: Path) -> None:
    assert os_name(tmp_path) is None
