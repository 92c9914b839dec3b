"""edge-run on live sources, watched from outside: processor time, memory and frames of all its processes."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from edge_common import Closable, EngineError, children
from edge_devices.detection.kernel_files import read_kilobytes

_MOST_S, _POLL_S = 60.0, 0.02  # that it is waited for a decision


@contextlib.contextmanager
def on_few_cores(count: int) -> Iterator[None]:
    """This thread, and what it starts, on so many cores: two busy ones slow each other down."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[-count:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@dataclass(frozen=True)
class Usage:
    """Of some time of a run, all sources together.

    cpu_s: user and system, of edge-run and its children.
    frames: that led to decisions.  dropped: by their numbers.
    pss_bytes: of all processes at its end.  runner_pss_bytes: of edge-run itself; None: not told.
    """

    wall_s: float
    cpu_s: float
    frames: int
    dropped: int
    pss_bytes: int | None
    runner_pss_bytes: int | None


@dataclass
class _Numbers:
    """Of the frames of one source that were decided on."""

    first: int | None = None
    newest: int = 0
    count: int = 0

    def add(self, number: int) -> None:
        self.first = number if self.first is None else self.first
        self.newest = number
        self.count += 1

    @property
    def dropped(self) -> int:
        return 0 if self.first is None else self.newest - self.first + 1 - self.count


class LiveRun(Closable):
    """A run that gives every frame to the network and writes decisions as JSON lines into a file.

    A pipe would make it wait for who reads it.
    edge_run: its command.  cores: that it and its children are kept to; None: all.
    """

    def __init__(
        self, edge_run: Sequence[str], urls: Sequence[str], cores: int | None = None
    ) -> None:
        self._stack = contextlib.ExitStack()
        self._lines, self._messages = (
            self._stack.enter_context(file())
            for file in (tempfile.NamedTemporaryFile, tempfile.TemporaryFile)
        )
        command = [*edge_run, "--quiet", "--rate", "all", "--jsonl", self._lines.name]
        for url in urls:
            command += ["--source", url]
        with on_few_cores(cores) if cores else contextlib.nullcontext():
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._messages,
            )
        self._runner, self._rest = psutil.Process(self._process.pid), b""

    def measure(self, frames: int) -> Usage:
        """Of the next so many frames, or a few more. Raises EngineError if it ends before."""
        self._decisions()
        started, cpu_s = time.perf_counter(), self._cpu_s()
        by_source: dict[str, _Numbers] = {}
        count = 0
        while count < frames:
            for decision in self._decisions():
                by_source.setdefault(decision.get("source", ""), _Numbers()).add(decision["frame"])
                count += 1
        wall_s, cpu_s = time.perf_counter() - started, self._cpu_s() - cpu_s
        pss = [_pss_bytes(each) for each in self._all()]
        dropped = sum(numbers.dropped for numbers in by_source.values())
        all_pss = None if None in pss else sum(filter(None, pss))
        return Usage(wall_s, cpu_s, count, dropped, all_pss, pss[0])

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait()
        self._stack.close()

    def _decisions(self) -> list[dict[str, Any]]:
        """All that came since, as soon as there is one."""
        end = time.monotonic() + _MOST_S
        while not (content := self._lines.read()):
            if self._process.poll() is not None or time.monotonic() > end:
                self._messages.seek(0)
                reason = children.last_line(self._messages.read().decode(errors="replace"))
                raise EngineError(f"edge-run gave no more decisions ({reason})")
            time.sleep(_POLL_S)
        *lines, self._rest = (self._rest + content).split(b"\n")
        return [decision for decision in map(json.loads, lines) if "frame" in decision]  # not a gap

    def _all(self) -> list[psutil.Process]:
        return [self._runner, *self._runner.children(recursive=True)]

    def _cpu_s(self) -> float:
        """Also of those children that have ended."""
        times = [each.cpu_times() for each in self._all()]
        return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def _pss_bytes(process: psutil.Process) -> int | None:
    return read_kilobytes(Path(f"/proc/{process.pid}/smaps_rollup"), "Pss")
