"""Messages and files, between the board and who asks it."""

import errno
import json
import shutil
import sys
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20
DISK_FULL = "its disk is full: free some space there"


class Refusal(Exception):
    """One line for the user."""


def say(**message: object) -> None:
    """Raises BrokenPipeError if nobody listens any more."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def say_end(exit_code: int, record: bytes | None) -> None:
    """The last message, and the record after it."""
    say(exit=exit_code, record_bytes=None if record is None else len(record))
    sys.stdout.buffer.write(record or b"")
    sys.stdout.buffer.flush()


def receive_line() -> dict[str, Any]:
    """A message. Raises ConnectionError if the connection ended."""
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        raise ConnectionError("the connection ended")
    return json.loads(line)


def receive_files(folder: Path, files: list[tuple[str, int]]) -> None:
    """Write the files, (name, bytes) each, that follow the message which announced them.

    Raises Refusal if they do not fit, ConnectionError if the connection ended.
    """
    total, free = sum(size for _, size in files), shutil.disk_usage(folder).free
    if total > free:
        sizes = f"{total / 1e6:.1f} MB do not fit, {free / 1e6:.1f} MB are free"
        raise Refusal(f"{DISK_FULL} ({sizes})")
    for name, size in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _receive_file(path, size)


def reason(error: OSError) -> str:
    """An error of the board's system as one line."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DISK_FULL
    return f"{error.filename or 'its system'}: {error.strerror or error}"


def _receive_file(path: Path, size: int) -> None:
    with path.open("wb") as stream:
        while size:
            chunk = sys.stdin.buffer.read(min(size, _CHUNK))
            if not chunk:
                raise ConnectionError("the connection ended")
            stream.write(chunk)
            size -= len(chunk)
