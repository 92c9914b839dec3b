"""Commands on the board that end when their user wants it or is gone."""

import codecs
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_benchmarks.remote.agent.talk import say

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
    while chunk := os.read(stream.fileno(), 1 << 16):
        show(decoder.decode(chunk))
    return child.wait()


def _wait_for_stdin() -> None:
    sys.stdin.buffer.readline()
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
