"""Files stand under their name whole, on disk, with their rights; and one process at a time changes one."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge_common.errors import SinkError
from edge_common.files import locked, only_writer, put_in_place, whole_file, whole_path, write_whole

HOLD = """
import sys
from pathlib import Path
from edge_common.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def rights(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was put on disk, and renamed, in that order."""
    log: list[str] = []
    fsync, replace = os.fsync, os.replace

    def log_sync(handle: int) -> None:
        fsync(handle)
        log.append(f"sync {'folder' if stat.S_ISDIR(os.fstat(handle).st_mode) else 'file'}")

    def log_replace(source: Path, target: Path) -> None:
        replace(source, target)
        log.append(f"name {Path(target).name}")

    monkeypatch.setattr(os, "fsync", log_sync)
    monkeypatch.setattr(os, "replace", log_replace)
    return log


def test_a_file_is_on_disk_before_its_name_and_the_name_before_it_is_done(
    tmp_path: Path, synced: list[str]
) -> None:
    for write in (
        lambda path: write_whole(path, b"x"),
        lambda path: _write_by_name(path),
    ):
        synced.clear()
        write(tmp_path / "a.json")
        assert synced == ["sync file", "name a.json", "sync folder"]


def _write_by_name(path: Path) -> None:
    with whole_path(path) as partial:
        assert partial.name == path.name and partial != path
        partial.write_bytes(b"x")


def test_a_new_file_heeds_the_umask_and_what_is_asked(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"x")
        with whole_file(tmp_path / "b", 0o600):
            pass
        _write_by_name(tmp_path / "c")
    finally:
        os.umask(before)
    assert [rights(tmp_path / name) for name in "abc"] == ["0o640", "0o600", "0o640"]


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o640])
def test_a_replaced_file_keeps_its_rights(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a"
    for write in (lambda: write_whole(path, b"new"), lambda: _write_by_name(path)):
        path.write_bytes(b"old")
        path.chmod(mode)
        write()
        assert path.read_bytes() != b"old" and rights(path) == oct(mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    write_whole(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_hidden_names_cannot_be_foreseen_and_links_are_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    link = tmp_path / "a"
    link.symlink_to(precious)
    for write in (lambda: write_whole(link, b"x"), lambda: _write_by_name(link)):
        write()
        assert precious.read_bytes() == b"mine"
    (tmp_path / ".b.lock").symlink_to(precious)
    with pytest.raises(OSError), locked(tmp_path / "b"):
        pass
    assert precious.read_bytes() == b"mine"


def test_nothing_is_left_if_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as stream:
        stream.write(b"new")
        stream.write(bytes([1 // 0]))
    with pytest.raises(ZeroDivisionError), whole_path(path) as partial:
        partial.write_bytes(bytes([1 // 0]))
    assert [file.name for file in tmp_path.iterdir()] == ["a"] and path.read_bytes() == b"old"


def test_put_in_place_keeps_what_the_file_has(tmp_path: Path) -> None:
    partial = tmp_path / ".partial"
    partial.write_bytes(b"x")
    partial.chmod(0o751)
    put_in_place(partial, tmp_path / "a")
    assert rights(tmp_path / "a") == "0o751"


def test_a_lock_holds_against_other_processes_and_dies_with_them(tmp_path: Path) -> None:
    path = tmp_path / "people.npz"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(BlockingIOError), locked(path, wait=False):
        pass
    holder.kill()
    holder.communicate()
    with locked(path, wait=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_second_writer_is_refused(tmp_path: Path) -> None:
    with only_writer(tmp_path / "a"), only_writer(None), only_writer(tmp_path / "b"):
        message = "a is being written by another run: give every run a name of its own"
        with pytest.raises(SinkError, match=message), only_writer(tmp_path / "a"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_link_and_its_file_have_one_lock(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "file")
    with locked(tmp_path / "file"), pytest.raises(BlockingIOError), locked(link, wait=False):
        pass
