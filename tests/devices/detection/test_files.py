import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from edge_devices.detection.kernel_files import (
    children,
    read_bytes,
    read_field,
    read_int,
    read_kilobytes,
    read_text,
    whole_number,
)


def test_a_number_is_read_without_the_white_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "temp").write_text("48686\n")
    (tmp_path / "bits").write_text("50005\n")
    assert read_int(tmp_path / "temp") == 48686
    assert read_int(tmp_path / "bits", base=16) == 0x50005


def test_a_number_out_of_range_is_none(tmp_path: Path) -> None:
    (tmp_path / "temp").write_text("-256000\n")
    assert read_int(tmp_path / "temp", least=-60_000) is None


@pytest.mark.parametrize("text", ["", "\n", "n/a", "1.5", "0x", "9" * 5000, "1 2"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert whole_number(text) is None


def test_missing_folder_empty_and_refused_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert read_text(tmp_path / "missing") is None
    assert read_text(tmp_path) is None
    assert read_text(tmp_path / "empty") is None
    assert read_bytes(tmp_path / "a\0b") is None
    assert children(tmp_path / "missing") == children(tmp_path / "empty") == []


def test_a_pipe_that_nobody_writes_to_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_text(tmp_path / "pipe") is None


def test_a_driver_that_is_not_ready_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a Jetson Orin's zones of absent engines answer."""

    def not_ready(file: int, length: int) -> bytes:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    (tmp_path / "temp").write_text("1\n")
    monkeypatch.setattr(os, "read", not_ready)
    assert read_text(tmp_path / "temp") is None


def test_a_file_may_come_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("x" * 200_000)
    assert len(read_text(tmp_path / "cpuinfo") or "") == 200_000


def test_fields_are_found_by_their_whole_name(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotalX: 1 kB\nMemTotal:   3884352 kB\n")
    assert read_field(tmp_path / "meminfo", "MemTotal") == "3884352 kB"
    assert read_kilobytes(tmp_path / "meminfo", "MemTotal") == 3_977_576_448
    assert read_kilobytes(tmp_path / "meminfo", "SwapTotal") is None


def test_children_are_sorted_and_chosen_by_prefix(tmp_path: Path) -> None:
    for name in ("zone1", "zone0", "cooling0"):
        (tmp_path / name).touch()
    assert [path.name for path in children(tmp_path, "zone")] == ["zone0", "zone1"]


@given(st.text(max_size=30), st.sampled_from([10, 16]))
def test_any_text_is_a_number_or_none(text: str, base: int) -> None:
    found = whole_number(text, base=base)
    assert found is None or -(2**63) <= found < 2**63
