from pathlib import Path

import pytest

from edge_devices.telemetry.power import Power, Rail, parse_rails, read_power
from tests.devices import trees
from tests.devices.trees import FakeVcgencmd, plant

_HWMON = "sys/class/hwmon/hwmon1"


def test_a_jetson_nano_shows_milliwatts_and_its_input_is_all(tmp_path: Path) -> None:
    assert read_power(plant(tmp_path, trees.JETSON_NANO)) == Power(
        3.561,
        "INA3221 POM_5V_IN",
        (Rail("POM_5V_IN", 3.561), Rail("POM_5V_GPU", 0.04), Rail("POM_5V_CPU", 1.204)),
    )


def test_an_orin_nano_shows_millivolts_and_milliamperes(tmp_path: Path) -> None:
    power = read_power(plant(tmp_path, trees.ORIN_NANO))
    assert power is not None and power.covers == "INA3221 VDD_IN"
    assert power.watts == pytest.approx(5.064 * 0.960)
    # the chip's sum of shunt voltages is no rail
    assert [rail.name for rail in power.rails] == ["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"]


def test_rails_without_a_common_input_are_added_and_unconnected_ones_left_out(
    tmp_path: Path,
) -> None:
    tree = {
        f"{_HWMON}/name": "ina3221\n",
        f"{_HWMON}/in1_label": "VDD_GPU_SOC\n",
        f"{_HWMON}/in1_input": "5000\n",
        f"{_HWMON}/curr1_input": "400\n",
        f"{_HWMON}/in2_label": "NC\n",
        f"{_HWMON}/in2_input": "5000\n",
        f"{_HWMON}/curr2_input": "9000\n",
        f"{_HWMON}/in3_label": "VDD_CPU_CV\n",
        f"{_HWMON}/in3_input": "5000\n",
        f"{_HWMON}/curr3_input": "100\n",
    }
    power = read_power(plant(tmp_path, tree))
    assert power is not None and power.watts == 2.5
    assert power.covers == "INA3221 VDD_GPU_SOC+VDD_CPU_CV"


def test_a_rail_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    power = read_power(plant(tmp_path, {**trees.ORIN_NANO, f"{_HWMON}/curr3_input": ""}))
    assert power is not None and len(power.rails) == 2


def test_a_chip_whose_files_only_root_may_read(tmp_path: Path) -> None:
    tree = {name: "" if "in_power" in name else text for name, text in trees.JETSON_NANO.items()}
    assert read_power(plant(tmp_path, tree)) is None


def test_a_raspberry_pi_5_adds_up_the_rails_that_have_both_readings(tmp_path: Path) -> None:
    vcgencmd = FakeVcgencmd(pmic_read_adc=trees.PMIC_ANSWER)
    power = read_power(plant(tmp_path, trees.PI_5), vcgencmd)
    assert power is not None and power.covers == "PMIC, 2 rails"
    assert power.watts == pytest.approx(0.1 * 3.7 + 2.0 * 0.8)
    assert [rail.name for rail in power.rails] == ["3V7_WL_SW", "VDD_CORE"]


def test_a_raspberry_pi_4_has_no_such_chip_and_is_not_asked(tmp_path: Path) -> None:
    vcgencmd = FakeVcgencmd(pmic_read_adc=trees.PMIC_ANSWER)
    assert read_power(plant(tmp_path, trees.PI_4), vcgencmd) is None
    assert vcgencmd.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        "",
        'error=1 error_msg="Command not registered"\n',
        "VDD_CORE_A current(7)=2.0A\n",
        "VDD_CORE_A current(7)=nanA\nVDD_CORE_V volt(15)=0.8V\n",
        "VDD_CORE_A current(7)=1.2.3A\nVDD_CORE_V volt(15)=0.8V\n",
    ],
)
def test_answers_that_name_no_whole_rail(answer: str) -> None:
    assert parse_rails(answer) == ()


def test_a_firmware_that_does_not_answer(tmp_path: Path) -> None:
    assert read_power(plant(tmp_path, trees.PI_5), FakeVcgencmd()) is None
