"""Programs of ours on the workers of a Dask cluster: files go there, files come back.

A worker runs each as a child in a folder of its own, since a converter or a runtime may end its process.
If the worker is lost Dask runs the program on another one, and the child of the lost one ends itself.
"""

# mypy: allow-untyped-calls
# of Dask, which has no types

import hashlib
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_common import ConfigError, EdgeError, children, in_one_line, locked

if TYPE_CHECKING:
    from distributed import Client

_POLL_S = 0.1
_MOST_LOG_BYTES = 1 << 16
_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"}


@dataclass(frozen=True)
class Program:
    """A module of these rooms with its arguments, as `python -m` takes them.

    outputs: names of the files that come back, if they are there; like the names of inputs relative to
    the folder that it is started in.  folder: an existing one; "": a new one, which is removed afterwards.
    alone: no other such program runs on the same machine meanwhile.
    """

    module: str
    arguments: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    folder: str = ""
    alone: bool = False


@dataclass(frozen=True)
class ProgramResult:
    """exit_code: negative if a signal ended it.  outputs: by name.  log: the end of its stderr."""

    exit_code: int
    outputs: Mapping[str, bytes] = field(repr=False)
    log: str = ""

    @property
    def reason(self) -> str:
        """Why it failed, in one line; "" if it did not."""
        if self.exit_code == 0:
            return ""
        if self.exit_code < 0:
            return f"it was ended by {children.signal_name(-self.exit_code)}"
        if not self.log.strip():
            return f"ended with exit code {self.exit_code}"
        return children.last_line(self.log).removeprefix("Error: ")


class SchedulerLost(EdgeError):
    """The scheduler that programs were given to does not answer any more."""

    def __init__(self) -> None:
        super().__init__("the scheduler was lost, or this was cancelled: run the same again")


class ProgramRun:
    """A program that a cluster was asked for."""

    def __init__(self, future: Any) -> None:
        self._future = future

    def result(self, timeout_s: float | None = None) -> ProgramResult | None:
        """How it ended; None if it did not yet.

        Raises ConfigError if the cluster cannot run it, SchedulerLost.
        """
        from distributed import KilledWorker, wait

        try:
            with suppress(TimeoutError):
                wait([self._future], timeout=timeout_s)
            result: ProgramResult | None = self._future.result() if self._future.done() else None
        except CancelledError as error:
            raise SchedulerLost from error
        except KilledWorker as error:
            raise ConfigError(f"{in_one_line(error)}: look into that worker's log") from error
        except (OSError, ImportError) as error:
            raise ConfigError(f"a worker cannot run it: {in_one_line(error)}") from error
        return result

    def cancel(self) -> None:
        """End it, wherever it runs."""
        with suppress(OSError, RuntimeError):  # the scheduler is gone, and the workers notice
            self._future.cancel(force=True)


class WorkerPrograms:
    """Programs for the workers of a client, which get each file once."""

    def __init__(self, client: "Client") -> None:
        self.client = client
        self._files: dict[str, Any] = {}
        self._lock = threading.Lock()

    def start(self, program: Program, files: Mapping[str, bytes], host: str = "") -> ProgramRun:
        """Run it with these files before it.

        host: the machine that is to do so, as `hosts` names it; "": any.  Raises SchedulerLost.
        """
        from distributed.client import ClosedClientError

        workers = [host] if host else None
        try:
            inputs = {name: self._sent(content) for name, content in files.items()}
            future = self.client.submit(run_program, program, inputs, pure=False, workers=workers)
        except (ClosedClientError, OSError, RuntimeError) as error:
            raise SchedulerLost from error
        return ProgramRun(future)

    def hosts(self) -> dict[str, str]:
        """The address of a worker on each machine, by the machine's. Raises SchedulerLost."""
        return {description["host"]: address for address, description in self._workers().items()}

    def worker_count(self) -> int:
        """Programs that can run at once. Raises SchedulerLost."""
        return sum(description["nthreads"] for description in self._workers().values())

    def _workers(self) -> dict[str, Any]:
        try:
            workers: dict[str, Any] = self.client.scheduler_info(n_workers=-1)["workers"]
        except (KeyError, OSError, RuntimeError) as error:  # dask says so in each of these
            raise SchedulerLost from error
        return workers

    def _sent(self, content: bytes) -> Any:
        """Made by a task, so that the scheduler has it again if the worker that held it is lost."""
        key = f"edge-file-{hashlib.sha256(content).hexdigest()}"
        with self._lock:
            if key not in self._files:
                self._files[key] = self.client.submit(_unchanged, content, key=key)
            return self._files[key]


def _unchanged(content: bytes) -> bytes:
    return content


def run_program(program: Program, files: Mapping[str, bytes]) -> ProgramResult:
    """Run it here, on a worker, until it ends or nobody wants it any more. Raises OSError."""
    is_wanted = _wanted()
    with ExitStack() as stack:
        folder = Path(program.folder or stack.enter_context(_new_folder()))
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if program.alone:
            stack.enter_context(_only_one_here(is_wanted))
        log = stack.enter_context(tempfile.TemporaryFile())
        exit_code = _run(program, folder, log, is_wanted)
        size = log.seek(0, os.SEEK_END)
        log.seek(max(size - _MOST_LOG_BYTES, 0))
        outputs = {
            name: path.read_bytes() for name in program.outputs if (path := folder / name).exists()
        }
        return ProgramResult(exit_code, outputs, log.read().decode(errors="replace"))


def _run(program: Program, folder: Path, log: Any, is_wanted: Callable[[], bool]) -> int:
    if not is_wanted():
        return -signal.SIGKILL
    command = children.module_command(
        __name__, program.module, *program.arguments, flags=("-W", "ignore")
    )
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,  # which ends with this worker
        stdout=subprocess.DEVNULL,
        stderr=log,
        env=_environment(),
        start_new_session=True,
    )
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL_S)
            if not is_wanted():
                return -signal.SIGKILL
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()


def _environment() -> dict[str, str]:
    """Without what Dask sets for its workers alone, such as one thread for each library."""
    from dask import config

    own = config.get("distributed.nanny.pre-spawn-environ", {})
    kept = {name: text for name, text in os.environ.items() if text != str(own.get(name))}
    return {**kept, **_ENVIRONMENT}


def _new_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="edge-run-")


def _wanted() -> Callable[[], bool]:
    """Whether the task that this thread runs was not cancelled since, nor its worker closed."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        is_open = worker.status.name not in ("closing", "closed", "failed")
        return is_open and task is not None and task.state in ("executing", "long-running")

    return is_wanted


@contextmanager
def _only_one_here(is_wanted: Callable[[], bool]) -> Iterator[None]:
    """Wait for what others of this user's workers measure on this machine, for whomever."""
    path = Path(tempfile.gettempdir()) / f"edge-run-alone-{os.getuid()}"
    with ExitStack() as stack:
        while is_wanted():
            try:
                stack.enter_context(locked(path, wait=False))
                break
            except BlockingIOError:
                time.sleep(_POLL_S)
        yield


def main() -> None:
    """`MODULE ARGUMENT ...`: that program, which is killed with its children when stdin ends."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_stdin() -> None:
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
