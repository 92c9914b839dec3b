import pytest
from hypothesis import given, strategies as st

from edge_devices.detection.cpuinfo import core_name, implementers


@pytest.mark.parametrize(
    ("part", "variant", "revision", "name"),
    [
        ("0xd03", "0x0", "4", "ARM Cortex-A53 (r0p4)"),  # Raspberry Pi 3, Zero 2 W
        ("0xd07", "0x1", "1", "ARM Cortex-A57 (r1p1)"),  # Jetson Nano
        ("0xd08", "0x0", "3", "ARM Cortex-A72 (r0p3)"),  # Raspberry Pi 4
        ("0xd0b", "0x4", "1", "ARM Cortex-A76 (r4p1)"),  # Raspberry Pi 5
        ("0xd42", "0x0", "1", "ARM Cortex-A78AE (r0p1)"),  # Jetson Orin
        ("0xb76", "0x0", "7", "ARM ARM1176 (r0p7)"),  # Raspberry Pi 1
    ],
)
def test_the_cores_of_small_boards(part: str, variant: str, revision: str, name: str) -> None:
    assert core_name("0x41", part, variant, revision) == name


def test_cores_of_others() -> None:
    assert core_name("0x4e", "0x004", "0x0", "0") == "NVIDIA Carmel (r0p0)"  # Xavier
    assert core_name("0x61", "0x23", "0x1", "2") == "Apple Firestorm M1 (r1p2)"


def test_unknown_numbers_stand_as_they_are() -> None:
    assert core_name("0x41", "0xfff", "0x1", "0") == "ARM part 0xfff (r1p0)"
    assert core_name("0x99", "0xd08", "0x0", "0") == "implementer 0x99 part 0xd08 (r0p0)"
    assert core_name("0x41", "0xd08", "", "") == "ARM Cortex-A72"


def test_the_table_is_well_formed() -> None:
    for implementer, entry in implementers().items():
        assert implementer == f"{int(implementer, 16):#04x}" and entry["vendor"]
        for part, name in entry["parts"].items():
            assert part == f"{int(part, 16):#05x}" and name


@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_gets_a_name(implementer: str, part: str, variant: str, revision: str) -> None:
    assert core_name(implementer, part, variant, revision)
