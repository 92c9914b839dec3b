from pathlib import Path

import pytest

from edge_devices.detection import kernel_files as files
from edge_devices.telemetry.temperature import processor_zones_c, read_temperature_c
from tests.devices.trees import BOARDS, JETSON_NANO, LAPTOP, ORIN_NANO, PI_4, plant, zones


@pytest.mark.parametrize(
    ("board", "degrees"),
    [
        ("pi-4", 48.686),
        ("pi-5", 52.35),
        ("pi-zero-2-w", 41.866),
        ("jetson-nano", 34.0),  # not the 100 degrees that its PMIC-Die always shows
        ("orin-nano", 50.812),  # the junction
        ("laptop", 61.0),  # not the wireless card
        ("container", None),
    ],
)
def test_the_hottest_zone_of_the_processor(
    tmp_path: Path, board: str, degrees: float | None
) -> None:
    assert read_temperature_c(plant(tmp_path, BOARDS[board])) == degrees


def test_zones_by_type(tmp_path: Path) -> None:
    assert processor_zones_c(plant(tmp_path, ORIN_NANO)) == {
        "cpu-thermal": 49.687,
        "soc0-thermal": 50.0,
        "soc1-thermal": 50.781,
        "tj-thermal": 50.812,
    }


def test_of_two_sockets_the_hotter(tmp_path: Path) -> None:
    tree = {
        **zones({"x86_pkg_temp": "61000\n"}),
        "sys/class/thermal/thermal_zone1/type": "x86_pkg_temp\n",
        "sys/class/thermal/thermal_zone1/temp": "58000\n",
    }
    assert processor_zones_c(plant(tmp_path, tree)) == {"x86_pkg_temp": 61.0}


def test_zones_that_are_not_the_processor_s_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    original = files.read_bytes

    def remember(path: Path) -> bytes | None:
        read.append(f"{path.parent.name}/{path.name}")
        return original(path)

    monkeypatch.setattr(files, "read_bytes", remember)
    read_temperature_c(plant(tmp_path, JETSON_NANO))
    assert [name for name in read if name.endswith("temp")] == ["thermal_zone1/temp"]


@pytest.mark.parametrize("text", ["", "-256000\n", "n/a\n", "900000\n"])
def test_a_sensor_that_is_off_tells_nothing(tmp_path: Path, text: str) -> None:
    assert read_temperature_c(plant(tmp_path, zones({"cpu-thermal": text}))) is None


def test_hwmon_where_there_are_no_zones(tmp_path: Path) -> None:
    tree = {name: text for name, text in PI_4.items() if "thermal_zone" not in name}
    assert read_temperature_c(plant(tmp_path, tree)) == 48.199


def test_amd_s_offset_reading_gives_way_to_the_real_one(tmp_path: Path) -> None:
    chip = "sys/class/hwmon/hwmon0"
    tree = {
        f"{chip}/name": "k10temp\n",
        f"{chip}/temp1_input": "77000\n",
        f"{chip}/temp1_label": "Tctl\n",
    }
    assert read_temperature_c(plant(tmp_path, tree)) == 77.0
    real = {f"{chip}/temp2_input": "50000\n", f"{chip}/temp2_label": "Tdie\n"}
    assert read_temperature_c(plant(tmp_path, real)) == 50.0


def test_other_chips_of_a_laptop_do_not_count(tmp_path: Path) -> None:
    tree = {
        "sys/class/hwmon/hwmon0/name": "nvme\n",
        "sys/class/hwmon/hwmon0/temp1_input": "80000\n",
        **{name: text for name, text in LAPTOP.items() if "thermal" not in name},
    }
    assert read_temperature_c(plant(tmp_path, tree)) is None
