"""Messages and files between the board and the user, and commands that end with the connection."""

import codecs
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
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


GRACE_S = 20  # for an interrupted edge-bench to write its record


def interrupt_on_stdin() -> None:
    """From now on whatever comes on stdin, or its end, is Ctrl-C in the main thread.

    A lost connection ends no process of its own accord: sshd only closes the pipes.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
    threading.Thread(target=_wait_for_stdin, daemon=True).start()


def run_collecting(command: list[str], folder: Path) -> tuple[int, str]:
    """Run in `folder`; the exit code and all output."""
    output: list[str] = []
    environment = {**os.environ, "TMPDIR": str(folder)}  # /tmp may be a small part of the memory
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    code = run_supervised(command, output.append, cwd=folder, env=environment, **streams)
    return code, "".join(output)


def run_supervised(command: list[str], show: Callable[[str], object], **popen: Any) -> int:
    """Run to the end; an interruption is passed on, and raised once the command has ended.

    show: gets what it says on the one stream that `popen` makes a pipe.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **popen)
    try:
        return _follow(child, show)
    except KeyboardInterrupt:
        os.killpg(child.pid, signal.SIGINT)
        say(step="interrupted there; Ctrl-C again stops waiting for its record")
        patience = threading.Timer(GRACE_S, os.killpg, (child.pid, signal.SIGKILL))
        patience.start()
        try:
            _follow(child, show)
        finally:
            patience.cancel()
        raise
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _follow(child: "subprocess.Popen[bytes]", show: Callable[[str], object]) -> int:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    stream = child.stdout or child.stderr
    assert stream  # one of them is a pipe
    while chunk := os.read(stream.fileno(), 1 << 16):
        show(decoder.decode(chunk))
    return child.wait()


def _wait_for_stdin() -> None:
    sys.stdin.buffer.readline()
    main = threading.main_thread().ident
    assert main is not None  # it runs
    signal.pthread_kill(main, signal.SIGINT)
