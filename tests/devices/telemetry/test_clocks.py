from pathlib import Path

from edge_devices.telemetry.clocks import ClockPolicy, read_clocks, read_frequency_khz
from tests.devices.trees import CONTAINER, ORIN_NANO, PI_4, plant

_POLICY = "sys/devices/system/cpu/cpufreq/policy0"


def test_a_raspberry_pi_4_has_one_clock(tmp_path: Path) -> None:
    root = plant(tmp_path, PI_4)
    assert read_clocks(root) == (
        ClockPolicy("policy0", "0 1 2 3", 1_500_000, 600_000, 1_800_000, 1_800_000, "ondemand"),
    )
    assert read_frequency_khz(root) == 1_500_000


def test_an_orin_nano_has_two_and_the_fastest_counts(tmp_path: Path) -> None:
    root = plant(tmp_path, ORIN_NANO)
    assert [policy.current_khz for policy in read_clocks(root)] == [1_510_400, 729_600]
    assert read_frequency_khz(root) == 1_510_400


def test_a_limit_below_the_hardware_s_shows(tmp_path: Path) -> None:
    (policy,) = read_clocks(plant(tmp_path, {**PI_4, f"{_POLICY}/scaling_max_freq": "1000000\n"}))
    assert (policy.max_khz, policy.hardware_max_khz) == (1_000_000, 1_800_000)


def test_a_machine_without_scaling(tmp_path: Path) -> None:
    root = plant(tmp_path, CONTAINER)
    assert read_clocks(root) == () and read_frequency_khz(root) is None


def test_a_half_readable_policy(tmp_path: Path) -> None:
    tree = {f"{_POLICY}/scaling_cur_freq": "<unknown>\n", f"{_POLICY}/scaling_max_freq": "0\n"}
    assert read_clocks(plant(tmp_path, tree)) == (ClockPolicy("policy0"),)
