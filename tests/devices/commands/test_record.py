"""A recorded tree tells what the machine itself tells, and nothing about its owner."""

from pathlib import Path

import pytest

from edge_common.errors import DeviceError
from edge_devices.doctor import Host, examine
from edge_devices.doctor.environment import record
from edge_devices.doctor.host import State, read_state
from edge_devices.telemetry.energy import EnergyMeter
from tests.devices import trees
from tests.devices.trees import PI_3B_PLUS, PI_4, FakeVcgencmd, plant


def _told(root: Path) -> State:
    return read_state(Host(root))


@pytest.mark.parametrize("board", trees.BOARDS)
def test_it_tells_the_same(tmp_path: Path, board: str) -> None:
    root, copy = plant(tmp_path / "root", trees.BOARDS[board]), tmp_path / "copy"
    saved = record(copy, root)
    assert saved == sum(path.is_file() for path in copy.rglob("*"))
    assert _told(copy) == _told(root)
    assert examine(Host(copy)) == examine(Host(root))
    assert _energy_covers(copy) == _energy_covers(root)


def _energy_covers(root: Path) -> str | None:
    meter = EnergyMeter(root, FakeVcgencmd())
    meter.start()
    return meter.covers


def test_this_machine(tmp_path: Path) -> None:
    assert record(tmp_path / "copy") > 5
    here, copy = _told(Path("/")), _told(tmp_path / "copy")
    for field in ("board", "cpu", "cores", "usable_cores", "kernel", "os", "architecture"):
        assert getattr(copy, field) == getattr(here, field)
    assert (copy.python, copy.snapshot.limits) == (here.python, here.snapshot.limits)


def test_nothing_personal_is_kept(tmp_path: Path) -> None:
    tree = {
        **PI_3B_PLUS,
        "proc/self/status": "Name:\tsecret-tool\nUid:\t1000\nVmRSS:\t 400 kB\n"
        "Cpus_allowed_list:\t0-3\n",
        "proc/self/mountinfo": "21 1 179:2 / / rw - ext4 /dev/root rw\n"
        "30 21 0:40 / /home/alice/private rw - fuse alice@host rw\n",
        "proc/device-tree/serial-number": "10000000abcdef03\0",
        "run/.containerenv": 'name="alice"\n',
        "etc/hostname": "alice-pi\n",
        "proc/self/environ": "USER=alice\0",
    }
    copy = tmp_path / "copy"
    record(copy, plant(tmp_path / "root", tree))
    kept = b"".join(path.read_bytes() for path in copy.rglob("*") if path.is_file())
    for word in (b"alice", b"abcdef03", b"secret-tool", b"Uid", b"Serial"):
        assert word not in kept
    assert b"Raspberry Pi 3 Model B Plus" in kept and b"179:2" in kept
    assert (copy / "run/.containerenv").read_bytes() == b""


def test_half_a_tree_is_recorded_as_far_as_it_goes(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", PI_4)
    (root / "proc/meminfo").unlink()
    (root / "proc/meminfo").mkdir()
    record(tmp_path / "copy", root)
    assert _told(tmp_path / "copy") == _told(root) and _told(root).memory_bytes is None


def test_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(DeviceError, match="is not empty: name a new folder"):
        record(tmp_path, plant(tmp_path / "root", PI_4))
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceError, match="Not a directory; name another folder"):
        record(tmp_path / "file" / "copy", plant(tmp_path / "root", PI_4))
