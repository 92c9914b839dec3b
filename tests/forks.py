"""Children of edge-convert as forks of one process that has tensorflow already.

Each conversion starts several children, and each of them would import tensorflow anew: half of the time
of all tests. `TESTS_FORK=0` starts them as users do; tests that call an installed command always do.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_common import children
from tests.wheels import ROOT

PRELOADED = (
    "tensorflow", "keras", "tf_keras.layers", "litert_quantizer.quantizer",
    "edge_convert.precision.worker", "edge_convert.precision.biases",
    "edge_convert.precision.quantiser", "edge_convert.sources.libraries",
    "edge_convert.sources.keras_2", "edge_convert.sources.keras_layers",
    "edge_convert.sources.saved_model", "edge_convert.sources.custom_keras",
)  # fmt: skip
FORKED = ("edge_convert.", "edge_models.")


class Fork:
    """What `subprocess.Popen` is to its caller, of a child of the server."""

    def __init__(self, connection: socket.socket, command: Sequence[str]) -> None:
        self._connection, self.args = connection, command
        self.pid = int(self._line())
        self.returncode: int | None = None

    def _line(self) -> str:
        text = b""
        while not text.endswith(b"\n"):
            received = self._connection.recv(64)
            if not received:
                raise ConnectionError("the server of forks is gone")
            text += received
        return text.decode()

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                self.returncode = int(self._line())
            except (TimeoutError, BlockingIOError) as error:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from error
            self._connection.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit code, if there is one yet."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class Forks:
    """Stands for the module `subprocess` in `edge_common.children`.

    runs: whether somebody else started the server at that address, and will end it.
    """

    def __init__(self, address: str, runs: bool = False) -> None:
        self._address, self._runs = address, runs
        self._server: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, command: list[str], **options: Any) -> Any:
        """A fork if it is a child of edge-convert and writes into a file; else a process."""
        arguments = _arguments(command) if hasattr(options.get("stdout"), "name") else []
        if not arguments:
            return subprocess.Popen(command, **options)
        return self._fork(arguments, options["env"], Path.cwd(), options["stdout"].name)

    def run_python(
        self, arguments: Sequence[str], folder: Path
    ) -> "subprocess.CompletedProcess[str]":
        """What `python ARGUMENTS` prints there, be it `-m MODULE` or `PROGRAM.py`."""
        if os.environ.get("TESTS_FORK", "1") != "1":
            command, streams = [sys.executable, *arguments], (subprocess.PIPE, subprocess.STDOUT)
            return subprocess.run(
                command, cwd=folder, stdout=streams[0], stderr=streams[1], text=True
            )
        with tempfile.NamedTemporaryFile("r") as log:
            words = [word for word in arguments if word != "-m"]
            code = self._fork(words, os.environ, folder, log.name).wait()
            return subprocess.CompletedProcess(words, code, log.read())

    def _fork(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, log: str
    ) -> Fork:
        with self._starting:  # jobs start children from several threads
            self._start()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        job = {
            "arguments": arguments,
            "environment": dict(environment),
            "folder": str(folder),
            "log": log,
        }
        connection.sendall(json.dumps(job).encode() + b"\n")
        return Fork(connection, arguments)

    def _start(self) -> None:
        if self._server is None and not self._runs:
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"}
            program = [sys.executable, "-W", "ignore", "-m", "tests.forks", self._address]
            self._server = subprocess.Popen(
                program, stdout=subprocess.PIPE, env=environment, cwd=ROOT
            )
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == b"ready\n"

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()


def _arguments(command: list[str]) -> list[str]:
    """The module and its arguments, if it is one that imports tensorflow."""
    for position, word in enumerate(command):
        if word.endswith("run_module.py") and command[0] == sys.executable:
            rest = command[position + 1 :]
            return rest if rest[0].startswith(FORKED) else []
    return []


def install(folder: Path) -> Forks:
    """Let `edge_common.children` fork what it would start."""
    forks = Forks(str(folder / "forks.sock"))
    if os.environ.get("TESTS_FORK", "1") == "1":
        children.subprocess = forks  # type: ignore[assignment]
    return forks


def serve(address: str) -> None:
    """Import what is heavy, then fork for each connection until killed."""
    for name in PRELOADED:
        try:
            __import__(name)
        except ImportError as error:
            warnings.warn(str(error), stacklevel=1)
    sys.modules["triton"] = None  # of torch: it crashes where tensorflow is loaded
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    os.write(1, b"ready\n")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection = listener.accept()[0]
        if os.fork() == 0:
            children.subprocess = Forks(address, runs=True)  # type: ignore[assignment]
            _supervise(connection)
        connection.close()


def _supervise(connection: socket.socket) -> None:
    """Fork the job, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    job = json.loads(connection.makefile().readline())
    child = os.fork()
    if child == 0:
        connection.close()
        _work(job)
    connection.sendall(f"{child}\n".encode())
    status = os.waitpid(child, 0)[1]
    try:
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    finally:
        os._exit(0)


def _work(job: dict[str, Any]) -> None:
    """Be the child: its environment, folder, log and arguments."""
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    log = os.open(job["log"], os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = job["arguments"]
    code = 1
    try:
        sys.modules["__main__"] = types.ModuleType("__main__")
        if sys.argv[0].endswith(".py"):
            runpy.run_path(sys.argv[0], run_name="__main__")
        else:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does at its top
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
