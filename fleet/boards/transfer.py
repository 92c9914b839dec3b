"""Files of boards brought home: listed over ssh, and those that are not here sent as one tar a board.

A file is here whole or not at all, with its time: what was interrupted goes on with those that are
missing. Names come from boards, which somebody may have changed: nothing is written outside of the
board's own folder, and nothing that was not asked for.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from edge_benchmarks.remote.board import Board
from edge_benchmarks.remote.link import not_started
from edge_common import children, console, slug, whole_file
from edge_fleet.boards.ansible import SSH_OPTIONS
from edge_fleet.boards.inventory import FleetBoard

_SSH_FAILED = 255
_LISTED = re.compile(r"(\d{1,15})\t(\d{1,12}(?:\.\d{1,10})?)\t(/.+)", re.DOTALL)
_MOST_LISTING = 256 << 20
_CHUNK = 1 << 20
_CHANGED_MEANWHILE = 1  # tar's code if a file grew while it was read


@dataclass(frozen=True)
class BoardFile:
    """size: bytes.  changed_at: seconds since 1970, whole ones."""

    path: str
    size: int
    changed_at: int


@dataclass
class Collected:
    """files, size_bytes: that came.  present: files that were here already.  problem: "" if all are here."""

    files: int = 0
    size_bytes: int = 0
    present: int = 0
    problem: str = ""


class TransferFailed(Exception):
    """One line that says why a board's files are not all here."""


@dataclass(frozen=True)
class Remote:
    """How a shell's command runs on a board, by what Ansible's variables say of its connection."""

    board: FleetBoard

    def command(self, script: str) -> list[str]:
        """The command here; root there unless `edge_become` says else."""
        become = str(self._variable("edge_become", "True")).lower() in ("true", "yes", "1")
        remote = f"{'sudo -n ' if become else ''}sh -c {shlex.quote(script)}"
        if self._variable("ansible_connection") == "local":
            return ["sh", "-c", remote]
        host, port, user = self.board.address
        words = ["ssh", "-T"]
        for option in (*SSH_OPTIONS, "LogLevel=INFO"):
            words += ["-o", option]
        for key in ("common", "extra"):
            words += shlex.split(self._variable(f"ansible_ssh_{key}_args"))
        key_file = self._variable("ansible_ssh_private_key_file") or self._variable(
            "ansible_private_key_file"
        )
        words += ["-i", os.path.expanduser(key_file)] if key_file else []
        words += ["-p", port] if port else []
        words += ["-l", user] if user else []
        return [*words, "--", host, remote]

    def failure(self, code: int, stderr: str) -> TransferFailed:
        host, port, _ = self.board.address
        if code == _SSH_FAILED:
            board = Board(host, int(port) if port.isdecimal() else None)
            return TransferFailed(str(not_started(board, code, stderr)))
        if "password is required" in stderr:
            return TransferFailed(
                "sudo asks for a password there: allow it without (NOPASSWD in sudoers), or "
                "edge_become: false"
            )
        return TransferFailed(children.last_line(stderr))

    def _variable(self, name: str, usual: str = "") -> str:
        value = self.board.variables.get(name)
        return usual if value is None else str(value)


def collect(
    boards: Iterable[FleetBoard], output: Path, at_once: int, progress: console.Progress
) -> dict[str, Collected]:
    """Of each board how many files came, into output/BOARD. Raises OSError if nothing can be written."""
    output.mkdir(parents=True, exist_ok=True, mode=0o700)
    listed = list(boards)
    finished, lock = dict[str, Collected](), threading.Lock()
    with progress.steps() as on_step, ThreadPoolExecutor(at_once) as pool:

        def one(board: FleetBoard) -> None:
            result = collect_one(board, output / slug(board.name))
            with lock:
                finished[board.name] = result
                on_step(len(finished), len(listed))

        list(pool.map(one, listed))
    return {board.name: finished[board.name] for board in listed}


def collect_one(board: FleetBoard, folder: Path) -> Collected:
    """Its folders of edge_kept, as far as they are not here."""
    result, remote = Collected(), Remote(board)
    folders = board.variables.get("edge_kept") or ()
    try:
        if not isinstance(folders, Sequence) or isinstance(folders, str) or not folders:
            raise TransferFailed("edge_kept, a list of folders, is missing in the inventory")
        listing = list_files(remote, list(map(str, folders)))
        missing = [each for each in listing if not _is_here(each, folder)]
        result.present = len(listing) - len(missing)
        for each in _fetch(remote, missing, folder) if missing else ():
            result.files += 1
            result.size_bytes += each.size
        if result.files < len(missing):
            result.problem = (
                f"{len(missing) - result.files} files changed or went while they were sent: again"
            )
    except TransferFailed as error:
        result.problem = " ".join(str(error).split())
    except OSError as error:
        result.problem = f"{error.filename or folder}: {error.strerror or error}"
    return result


def list_files(remote: Remote, folders: Sequence[str]) -> list[BoardFile]:
    """Raises TransferFailed. A folder that is not there has no files."""
    for folder in folders:
        if not PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts:
            raise TransferFailed(f"edge_kept: {folder} is no whole path")
    words = " ".join(map(shlex.quote, folders))
    script = (
        f"for f in {words}; do "
        'if [ -e "$f" ]; then find "$f" -type f ! -name ".*" -printf "%s\\t%T@\\t%p\\0"; fi; done'
    )
    process = subprocess.run(
        remote.command(script), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if process.returncode:
        raise remote.failure(process.returncode, process.stderr.decode(errors="replace"))
    if len(process.stdout) > _MOST_LISTING:
        raise TransferFailed("its list of files has more than 256 MiB")
    texts = process.stdout.decode("utf-8", "surrogateescape").split("\0")
    return [_parsed(text) for text in texts if text]


def _parsed(text: str) -> BoardFile:
    match = _LISTED.fullmatch(text)
    if match is None or ".." in PurePosixPath(match[3]).parts:
        raise TransferFailed("its list of files cannot be read: is `find` that of GNU or busybox?")
    return BoardFile(match[3], int(match[1]), int(float(match[2])))


def _place(path: str, folder: Path) -> Path:
    return folder / path.lstrip("/")


def _is_here(each: BoardFile, folder: Path) -> bool:
    try:
        status = _place(each.path, folder).lstat()
    except OSError:
        return False
    return status.st_size == each.size and int(status.st_mtime) == each.changed_at


def _fetch(remote: Remote, files: Sequence[BoardFile], folder: Path) -> Iterator[BoardFile]:
    """Each file once it is on disk. Raises TransferFailed, OSError."""
    by_name = {each.path.lstrip("/"): each for each in files}
    names = "".join(f"{name}\0" for name in by_name).encode("utf-8", "surrogateescape")
    command = remote.command("tar -c -f - -C / --null -T -")
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
        assert process.stdin and process.stdout  # both are pipes
        threading.Thread(target=_send, args=(process.stdin, names), daemon=True).start()
        broken = ""
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                for member in tar:
                    file = by_name.get(member.name)
                    content = tar.extractfile(member) if file and member.isfile() else None
                    if file and content:
                        _write(content, member, _place(file.path, folder))
                        yield file
        except tarfile.TarError as error:
            broken = f"the connection broke ({error})"
        finally:
            process.stdout.close()
            if sys.exc_info()[0] is not None:  # a full disk, an interrupt
                process.kill()
            code = process.wait()
        if broken or code not in (0, _CHANGED_MEANWHILE):
            stderr.seek(0)
            raise remote.failure(code, stderr.read().decode(errors="replace") or broken)


def _send(stream: IO[bytes], names: bytes) -> None:
    with contextlib.suppress(OSError), stream:  # who does not read says why on stderr
        stream.write(names)


def _write(content: IO[bytes], member: tarfile.TarInfo, path: Path) -> None:
    """For its owner alone: these are recordings of people."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with whole_file(path, 0o600) as stream:
        shutil.copyfileobj(content, stream, _CHUNK)
    os.utime(path, (member.mtime, member.mtime))
