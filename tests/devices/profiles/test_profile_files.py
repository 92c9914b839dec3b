"""A profile file that is wrong: the file, the key and what to write instead are named."""

import os
from importlib import resources
from pathlib import Path

import pytest

from edge_common.errors import DeviceError
from edge_devices.profiles.profile import read_profile

PI_4 = resources.files("edge_devices").joinpath("profiles", "pi-4.toml").read_text("utf-8")


def _reason(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DeviceError) as error:
        read_profile(path)
    told = str(error.value)
    assert told.startswith(f"{path}: ") and "\n" not in told
    return told.removeprefix(f"{path}: ")


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pi-4.toml"
    path.write_text(PI_4)
    assert read_profile(path).cpu.clock_mhz == 1500


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("clock_mhz = 1500\n", "", "key 'cpu.clock_mhz' is missing"),
        (
            "clock_mhz = 1500",
            "clock_mz = 1500",
            "unknown key 'cpu.clock_mz'; did you mean 'clock_mhz'?",
        ),
        ('name = "pi-4"', 'nmae = "pi-4"', "unknown key 'nmae'; did you mean 'name'?"),
        ("[telemetry]", "[telemetri]", "unknown key 'telemetri'; did you mean 'telemetry'?"),
        ("[run]", "[zzz]", "unknown key 'zzz'"),
        ("cores = 4", 'cores = "4"', "key 'cpu.cores' should be a whole number, not '4'"),
        ("cores = 4", "cores = true", "key 'cpu.cores' should be a whole number, not True"),
        ("cores = 4", "cores = 4.0", "key 'cpu.cores' should be a whole number, not 4.0"),
        ("dot_product = false", "dot_product = 0", "should be true or false, not 0"),
        ("= 12.8", '= "fast"', "key 'memory.bandwidth_gb_s' should be a number, not 'fast'"),
        ("= 12.8", "= nan", "key 'memory.bandwidth_gb_s' should be a number, not nan"),
        ("= 12.8", "= -1", "key 'memory.bandwidth_gb_s' should be above 0, not -1.0"),
        ("affinity = []", "affinity = 0", "key 'run.affinity' should be a list, [...], not 0"),
        ("affinity = []", 'affinity = ["0"]', "'run.affinity[0]' should be a whole number"),
        ("affinity = []", "affinity = [0, 4]", "key 'run.affinity' names core [4] of 0 to 3"),
        ("threads = 4", "threads = 5", "key 'run.threads' should be at most cpu.cores, 4"),
        ("threads = 4", "threads = 0", "key 'run.threads' should be at least 1, not 0"),
        ("= 1500", "= 9999999999", "key 'cpu.clock_mhz' should be at most 1000000"),
        ("cores = 4", "cores = -4", "key 'cpu.cores' should be at least 1, not -4"),
        ("[1024, 2048, 4096, 8192]", "[]", "key 'memory.size_mib' should be at least 1, not 0"),
        ('power = "none"', 'power = "sun"', "one of none, pmic, ina3221, rapl, not 'sun'"),
        ('"aarch64"', '"arm"', "one of aarch64, armv7l, x86_64, not 'arm'"),
        ('name = "pi-4"', 'name = "pi-9"', "name 'pi-9' differs from the file's, 'pi-4'"),
        ("schema = 1", "schema = 2\nnew_key = 1", "schema 2 is not the one read here, 1"),
        ("schema = 1", "", "key 'schema' is missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in PI_4
    assert reason in _reason(tmp_path / "pi-4.toml", PI_4.replace(old, new, 1))


def test_a_table_in_the_place_of_a_value_and_the_other_way_round(tmp_path: Path) -> None:
    path = tmp_path / "pi-4.toml"
    assert "key 'cpu' should be a table, {...}, not 3" in _reason(
        path,
        PI_4.replace("[recognise]", "cpu = 3\n[recognise]", 1)
        .replace("[cpu]", "[cpu2]", 1)
        .replace("[cpu2]", "[recognise.x]", 1),
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "key 'schema' is missing"),
        (b"schema = ", "is not TOML: "),
        (b"{}", "is not TOML: "),
        (b"name = '\xff\xfe'", "is not UTF-8 text: byte 8 cannot be decoded"),
        (b"\x7fELF\x02\x01\x01\x00", "is not TOML: "),
        (b"# " + b"x" * 2**21, "is larger than 1 MiB"),
        (b"x = " + b"[" * 5000, "is not TOML that can be read: it is nested too deeply"),
        (b"a = 1\na = 2", "is not TOML: "),
    ],
)
def test_what_is_no_profile_at_all(tmp_path: Path, content: bytes, reason: str) -> None:
    assert _reason(tmp_path / "x.toml", content).startswith(reason)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    for name, reason in (
        ("folder", "is no file"),
        ("pipe", "is no file"),
        ("loop", "cannot be read: Too many levels of symbolic links"),
        ("missing", "cannot be read: No such file or directory"),
    ):
        with pytest.raises(DeviceError, match=f"{name}.toml: {reason}"):
            read_profile(tmp_path / f"{name}.toml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights(tmp_path: Path) -> None:
    path = tmp_path / "pi-4.toml"
    path.write_text(PI_4)
    path.chmod(0)
    with pytest.raises(DeviceError, match="cannot be read: Permission denied"):
        read_profile(path)
