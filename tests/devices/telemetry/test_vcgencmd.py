from pathlib import Path

import pytest

from edge_devices.telemetry.temperature import run_vcgencmd


def _install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "vcgencmd"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_a_missing_command_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_vcgencmd("get_throttled") is None


def test_its_output_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, monkeypatch, 'echo "throttled=0x50005 $1 $2"')
    assert run_vcgencmd("get_throttled 0") == "throttled=0x50005 get_throttled 0\n"


def test_a_command_that_fails_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, monkeypatch, "echo no rights; exit 255")
    assert run_vcgencmd("get_throttled") is None


def test_a_file_that_is_no_program_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vcgencmd").write_bytes(b"\x7fELF garbage")
    (tmp_path / "vcgencmd").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_vcgencmd("get_throttled") is None


def test_a_command_that_hangs_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, monkeypatch, "exec /bin/sleep 60")
    assert run_vcgencmd("get_throttled") is None
