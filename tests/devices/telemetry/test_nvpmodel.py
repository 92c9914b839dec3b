from pathlib import Path

import pytest

from edge_devices.telemetry.clocks import PowerMode, parse_modes, read_power_modes
from tests.devices import trees
from tests.devices.trees import JETSON_NANO, NVPMODEL_NANO, XAVIER_NX, plant

_STATUS = "var/lib/nvpmodel/status"
_ORIN = "< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n"


def test_a_nano_s_modes() -> None:
    assert parse_modes(NVPMODEL_NANO) == (
        PowerMode(0, "MAXN", 4, 10**9),
        PowerMode(1, "5W", 2, 918_000),
    )


def test_the_mode_in_force(tmp_path: Path) -> None:
    found = read_power_modes(plant(tmp_path, XAVIER_NX))
    assert found is not None and found.now == PowerMode(2, "MODE_15W_6CORE", 6, 1_420_800)
    # two cores at 1907 MHz do less than six at 1420
    assert found.faster is None


def test_a_faster_mode_is_named(tmp_path: Path) -> None:
    found = read_power_modes(plant(tmp_path, {**JETSON_NANO, _STATUS: "pmode:0001 fmode:cool\n"}))
    assert found is not None and found.faster == PowerMode(0, "MAXN", 4, 10**9)


@pytest.mark.parametrize(("number", "faster"), [("0000", "MAXN_SUPER"), ("0002", None)])
def test_maxn_is_fastest_where_the_file_tells_names_only(
    tmp_path: Path, number: str, faster: str | None
) -> None:
    tree = {"etc/nvpmodel.conf": _ORIN, _STATUS: f"pmode:{number}"}
    found = read_power_modes(plant(tmp_path, tree))
    assert found is not None and (found.faster.name if found.faster else None) == faster


@pytest.mark.parametrize("conf", ["", "garbage", "< POWER_MODEL ID=0 NAME=MAXN >"])
def test_a_number_without_a_name(tmp_path: Path, conf: str) -> None:
    found = read_power_modes(plant(tmp_path, {"etc/nvpmodel.conf": conf, _STATUS: "pmode:0007"}))
    assert found is not None and found.now.name == "mode 7" and found.faster is None


@pytest.mark.parametrize("status", ["", "pmode", "pmode:", "pmode:x", "pmode:-1", "fmode:quiet"])
def test_a_status_that_is_none(tmp_path: Path, status: str) -> None:
    assert read_power_modes(plant(tmp_path, {_STATUS: status})) is None


def test_other_boards_have_no_modes(tmp_path: Path) -> None:
    assert read_power_modes(plant(tmp_path, trees.PI_4)) is None
