"""A process that has imported what conversions need, and forks a child for each job.

TensorFlow takes seconds to import; a fork has it at once, and shares its memory. The server runs
nothing of it, and is started before anybody does: no fork has the threads that TensorFlow begins.
"""

import atexit
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

from edge_common import SinkError, write_whole
from edge_common.children import Child

_POLL_S = 0.01


@dataclass
class ForkedProcess:
    """A child of the server, as `subprocess.Popen` has one.

    pid: of its process group.  status: the file in which its exit code will stand.
    """

    pid: int
    status: Path
    returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, once there is one."""
        if self.returncode is None:
            was_there = self._is_there()
            if self.status.exists():
                self.returncode = int(self.status.read_text())
            elif not was_there:  # and nobody is left to write its status
                self.returncode = -signal.SIGKILL
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() >= end:
                raise subprocess.TimeoutExpired([str(self.status)], timeout or 0.0)
            time.sleep(_POLL_S)
        return int(self.returncode or 0)

    def kill(self) -> None:
        """End it, and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _is_there(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


class ForkServer:
    """Forks children that run `main` of a module which this process has imported."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self._lock = threading.Lock()
        self._connection, servers_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(servers_end, self._connection))
        self._process.start()
        servers_end.close()
        atexit.register(self.close)  # before multiprocessing waits for it

    def start(self, module: str, arguments: Sequence[str | Path], log: Path) -> Child:
        """As `edge_common.children.start`. Raises OSError or EOFError if the server is gone."""
        status = log.with_suffix(".status")
        log.touch()  # whoever waits reads it
        with self._lock:
            self._connection.send((module, [str(each) for each in arguments], log, status))
            pid = self._connection.recv()
        return Child(ForkedProcess(pid, status), log)

    def close(self) -> None:
        """Children at work go on."""
        self._connection.close()


_servers: list[ForkServer] = []  # of this process, one at most


def launch() -> None:
    """Start the server, if this system forks as it should; call it before TensorFlow computes anything."""
    if sys.platform == "linux" and not _servers:
        _servers.append(ForkServer())


def start(module: str, arguments: Sequence[str | Path], log: Path) -> Child | None:
    """A forked child; None if no server runs."""
    for server in list(_servers):
        try:
            return server.start(module, arguments, log)
        except (OSError, EOFError):
            _servers.remove(server)
    return None


def _serve(connection: Connection, clients_end: Connection) -> None:
    clients_end.close()  # so that the connection ends with the client
    _servers.clear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the client ends its children
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who ended is not there any more
    context = multiprocessing.get_context("fork")
    with contextlib.suppress(EOFError):
        while True:
            keeper = context.Process(target=_keep, args=connection.recv())
            keeper.start()
            os.setpgid(keeper.pid or 0, keeper.pid or 0)
            connection.send(keeper.pid)


def _keep(module: str, arguments: Sequence[str], log: Path, status: Path) -> None:
    """Let a child do it, and note how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = multiprocessing.get_context("fork").Process(target=_work, args=(module, arguments, log))
    child.start()
    child.join()
    with contextlib.suppress(SinkError):  # the folder is gone, and with it who asked
        write_whole(status, str(child.exitcode).encode())


def _work(module: str, arguments: Sequence[str], log: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with log.open("ab") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    import_module(module).main(*arguments)
