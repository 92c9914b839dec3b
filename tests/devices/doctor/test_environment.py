import json
import platform
from dataclasses import asdict
from pathlib import Path

import pytest

from edge_devices.doctor.environment import (
    RECORDED,
    Environment,
    FirmwareReply,
    Package,
    VideoDevice,
    is_here,
    parse_environment,
    read_environment,
    vcgencmd_of,
)
from edge_devices.telemetry.temperature import run_vcgencmd

FOUND = Environment(
    python="3.11.2",
    packages=(Package("numpy", "1.26.4"),),
    cameras=(VideoDevice("/dev/video0", False),),
    free_bytes=5_000_000,
    vcgencmd=(FirmwareReply("get_throttled", "throttled=0x0\n"),),
)


def test_here() -> None:
    found = read_environment()
    assert found is not None and found.python == platform.python_version()
    assert found.version("numpy") and found.version("no-such") is None
    assert found.free_bytes and vcgencmd_of(Path("/")) is run_vcgencmd


def test_a_recorded_tree(tmp_path: Path) -> None:
    (tmp_path / RECORDED).write_text(json.dumps(asdict(FOUND)))
    assert read_environment(tmp_path) == FOUND
    assert vcgencmd_of(tmp_path)("get_throttled") == "throttled=0x0\n"
    assert vcgencmd_of(tmp_path)("pmic_read_adc") is None


def test_a_tree_without_a_record_asks_nobody(tmp_path: Path) -> None:
    assert read_environment(tmp_path) is None
    assert vcgencmd_of(tmp_path)("get_throttled") is None


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"python": 3}',
        b'{"python": "3", "x": 1}',
        b"\xff",
        b"[" * 9999,
    ],
)
def test_a_damaged_record_is_none(content: bytes | None) -> None:
    assert parse_environment(content) is None


def test_a_link_to_the_root_is_here(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")
    assert is_here(tmp_path / "link") and not is_here(tmp_path)
