from pathlib import Path

import pytest

from edge_devices.telemetry.clocks import Cooling, read_cooling
from tests.devices.trees import PI_4, XAVIER_NX, Tree, plant

_DEVICE = "sys/class/thermal/cooling_device"


def _device(kind: str, state: str, most: str = "5\n") -> Tree:
    return {
        f"{_DEVICE}0/type": kind,
        f"{_DEVICE}0/cur_state": state,
        f"{_DEVICE}0/max_state": most,
    }


def test_a_board_that_is_cool(tmp_path: Path) -> None:
    assert read_cooling(plant(tmp_path, XAVIER_NX)) == ()


def test_a_board_that_tells_nothing(tmp_path: Path) -> None:
    assert read_cooling(plant(tmp_path, PI_4)) is None


@pytest.mark.parametrize(
    "kind", ["cpufreq-cpu0", "thermal-cpufreq-0", "thermal-cpufreq-policy4", "Processor"]
)
def test_a_processor_held_down(tmp_path: Path, kind: str) -> None:
    assert read_cooling(plant(tmp_path, _device(kind, "2\n"))) == (Cooling(kind, 2, 5),)


@pytest.mark.parametrize("kind", ["pwm-fan", "gpio-fan", "Fan", "intel_powerclamp", "gpu-balanced"])
def test_a_fan_at_work_is_no_throttling(tmp_path: Path, kind: str) -> None:
    assert read_cooling(plant(tmp_path, _device(kind, "2\n"))) is None


def test_half_a_device(tmp_path: Path) -> None:
    assert read_cooling(plant(tmp_path, _device("cpufreq-cpu0", "no\n"))) is None
    root = plant(tmp_path, _device("cpufreq-cpu0", "1\n", "\0"))
    assert read_cooling(root) == (Cooling("cpufreq-cpu0", 1, None),)
