from pathlib import Path

import pytest

from edge_devices.telemetry.temperature import (
    Throttling,
    decode_throttling,
    parse_throttled,
    read_throttling,
)
from tests.devices.trees import JETSON_NANO, PI_4, PI_5, PI_ZERO_2_W, FakeVcgencmd, plant


@pytest.mark.parametrize(
    ("bits", "now", "since_boot"),
    [
        (0x0, (), ()),
        (0x1, ("under-voltage",), ()),
        (0x2, ("frequency capped",), ()),
        (0x4, ("throttled",), ()),
        (0x8, ("soft temperature limit",), ()),
        (0x10000, (), ("under-voltage",)),
        (0x20000, (), ("frequency capped",)),
        (0x40000, (), ("throttled",)),
        (0x80000, (), ("soft temperature limit",)),
        (0x50005, ("under-voltage", "throttled"), ("under-voltage", "throttled")),
        (
            0xE0008,
            ("soft temperature limit",),
            ("frequency capped", "throttled", "soft temperature limit"),
        ),
    ],
)
def test_each_bit_has_its_word(bits: int, now: tuple, since_boot: tuple) -> None:
    assert decode_throttling(bits) == Throttling(now, since_boot)


def test_the_kernel_s_twin_is_hexadecimal_and_nothing_is_started(tmp_path: Path) -> None:
    vcgencmd = FakeVcgencmd()
    found = read_throttling(plant(tmp_path, PI_4), vcgencmd)
    assert found == Throttling(("under-voltage", "throttled"), ("under-voltage", "throttled"))
    assert vcgencmd.asked == []


def test_a_board_that_is_well(tmp_path: Path) -> None:
    assert read_throttling(plant(tmp_path, PI_ZERO_2_W), FakeVcgencmd()) == Throttling()


def test_a_raspberry_pi_5_is_asked_by_command(tmp_path: Path) -> None:
    vcgencmd = FakeVcgencmd(get_throttled="throttled=0x80008\n")
    found = read_throttling(plant(tmp_path, PI_5), vcgencmd)
    assert found == Throttling(("soft temperature limit",), ("soft temperature limit",))
    assert vcgencmd.asked == ["get_throttled"]


def test_the_twin_is_found_under_another_chip_s_name(tmp_path: Path) -> None:
    twin = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    assert read_throttling(plant(tmp_path, {twin: "4\n"})) == Throttling(("throttled",), ())


def test_without_the_command_nothing_is_known(tmp_path: Path) -> None:
    assert read_throttling(plant(tmp_path, PI_5), FakeVcgencmd()) is None


def test_other_boards_are_not_asked(tmp_path: Path) -> None:
    vcgencmd = FakeVcgencmd(get_throttled="throttled=0x0\n")
    assert read_throttling(plant(tmp_path, JETSON_NANO), vcgencmd) is None
    assert vcgencmd.asked == []


@pytest.mark.parametrize(
    "answer",
    [None, "", "throttled=", "throttled=no", "volt=1.0V", 'error=2 error_msg="Invalid"', "0x5"],
)
def test_an_answer_that_is_none(answer: str | None) -> None:
    assert parse_throttled(answer) is None
