"""Files brought home, through a shell in place of ssh: whole, resumable, and nothing beside them."""

import io
import os
import shlex
import tarfile
from pathlib import Path
from typing import Any

import pytest

from edge_common import console
from edge_fleet.boards import transfer
from edge_fleet.boards.inventory import FleetBoard

QUIET = console.Progress(quiet=True)


def local(name: str, **variables: Any) -> FleetBoard:
    usual = {"ansible_connection": "local", "edge_become": False}
    return FleetBoard(name, address=(name, "22", ""), variables=usual | variables)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "board" / "un sure"
    (folder / "clip1").mkdir(parents=True)
    (folder / "clip1" / "0000.png").write_bytes(b"first")
    (folder / "clips.csv").write_bytes(b"clip,action\n")
    (folder / ".clips.csv.half").write_bytes(b"clip,")
    return folder


def at_home(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.rglob("*") if path.is_file()}


def test_what_is_kept_comes_home_once(kept: Path, tmp_path: Path) -> None:
    board, output = local("door", edge_kept=[str(kept), "/nothing/there"]), tmp_path / "home"
    first = transfer.collect([board], output, 2, QUIET)["door"]
    assert (first.files, first.size_bytes, first.present, first.problem) == (2, 17, 0, "")
    assert at_home(output) == {"0000.png": b"first", "clips.csv": b"clip,action\n"}
    copy = next(output.rglob("0000.png"))
    assert copy.stat().st_mode & 0o777 == 0o600
    (kept / "clips.csv").write_bytes(b"clip,action\nclip1,wave\n")
    second = transfer.collect([board], output, 2, QUIET)["door"]
    assert (second.files, second.present) == (1, 1)
    assert at_home(output)["clips.csv"].endswith(b"wave\n")


def test_a_connection_that_breaks_keeps_whole_files_and_goes_on(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept / "big").write_bytes(os.urandom(300_000))
    board, home = local("door", edge_kept=[str(kept)]), tmp_path / "home"
    whole = transfer.Remote.command

    def cut(remote: transfer.Remote, script: str) -> list[str]:
        command = whole(remote, script)
        if not script.startswith("tar"):
            return command
        return ["sh", "-c", f"{shlex.join(command)} | head -c 200000; exit 255"]

    monkeypatch.setattr(transfer.Remote, "command", cut)
    broken = transfer.collect_one(board, home)
    assert broken.problem and "big" not in at_home(home)
    monkeypatch.setattr(transfer.Remote, "command", whole)
    again = transfer.collect_one(board, home)
    assert not again.problem and again.files + again.present == 3
    assert at_home(home)["big"] == (kept / "big").read_bytes()


def hostile(*members: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return stream.getvalue()


def test_nothing_is_written_that_was_not_asked_for(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tarfile.TarInfo(str(kept / "clips.csv").lstrip("/"))
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    members = [tarfile.TarInfo(name) for name in ("../../evil", "/evil", "other")]
    (tmp_path / "tar").write_bytes(hostile(*members, link))
    whole = transfer.Remote.command

    def other(remote: transfer.Remote, script: str) -> list[str]:
        return ["cat", str(tmp_path / "tar")] if script.startswith("tar") else whole(remote, script)

    monkeypatch.setattr(transfer.Remote, "command", other)
    result = transfer.collect_one(local("door", edge_kept=[str(kept)]), tmp_path / "home")
    assert "2 files changed or went" in result.problem
    assert at_home(tmp_path / "home") == {}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "edge_kept, a list of folders, is missing"),
        ({"edge_kept": "/var"}, "edge_kept, a list of folders"),
        ({"edge_kept": ["var"]}, "is no whole path"),
        ({"edge_kept": ["/var/../etc"]}, "is no whole path"),
    ],
)
def test_wrong_folders_are_one_line(variables: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in transfer.collect_one(local("door", **variables), tmp_path / "home").problem


def test_the_command_is_what_the_inventory_says() -> None:
    board = FleetBoard(
        "door", address=("10.0.0.3", "2222", "pi"),
        variables={"ansible_ssh_private_key_file": "/keys/a b", "ansible_ssh_common_args": "-J gate"},
    )  # fmt: skip
    command = transfer.Remote(board).command("echo 'a'")
    assert command[-1] == "sudo -n sh -c 'echo '\"'\"'a'\"'\"''"
    assert command[command.index("-J") :][:-1] == [
        "-J", "gate", "-i", "/keys/a b", "-p", "2222", "-l", "pi", "--", "10.0.0.3",
    ]  # fmt: skip
    assert "BatchMode=yes" in command and "StrictHostKeyChecking=no" not in command
