"""edge-run on live sources, watched from outside: processor time, memory and frames of all its processes."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from edge_common import Closable, EngineError, children
from edge_devices.detection.kernel_files import read_kilobytes

_MOST_S = 300.0  # that it is waited for its decisions


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
    """A run that gives every frame to the network and writes decisions as JSON lines.

    edge_run: its command.  cores: that it and its children are kept to; None: all.
    """

    def __init__(
        self, edge_run: Sequence[str], urls: Sequence[str], cores: int | None = None
    ) -> None:
        command = [*edge_run, "--quiet", "--rate", "all", "--jsonl", "-"]
        for url in urls:
            command += ["--source", url]
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115  # until it is closed
        with on_few_cores(cores) if cores else contextlib.nullcontext():
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._messages
            )
        self._runner = psutil.Process(self._process.pid)
        self._limit = threading.Timer(_MOST_S, self._process.kill)
        self._limit.start()

    def measure(self, frames: int) -> Usage:
        """Of the next so many frames. Raises EngineError if it ends before."""
        started, cpu_s = time.perf_counter(), self._cpu_s()
        by_source: dict[str, _Numbers] = {}
        for _ in range(frames):
            decision = self._decision()
            by_source.setdefault(decision.get("source", ""), _Numbers()).add(decision["frame"])
        wall_s, cpu_s = time.perf_counter() - started, self._cpu_s() - cpu_s
        pss = [_pss_bytes(each) for each in self._all()]
        dropped = sum(numbers.dropped for numbers in by_source.values())
        all_pss = None if None in pss else sum(filter(None, pss))
        return Usage(wall_s, cpu_s, frames, dropped, all_pss, pss[0])

    def close(self) -> None:
        self._limit.cancel()
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()
        self._messages.close()

    def _decision(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._messages.seek(0)
            reason = children.last_line(self._messages.read().decode(errors="replace"))
            raise EngineError(f"edge-run ended before its time ({reason})")
        decision: dict[str, Any] = json.loads(line)
        return decision if "frame" in decision else self._decision()  # it may be a gap

    def _all(self) -> list[psutil.Process]:
        return [self._runner, *self._runner.children(recursive=True)]

    def _cpu_s(self) -> float:
        """Also of those children that have ended."""
        times = [each.cpu_times() for each in self._all()]
        return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def _pss_bytes(process: psutil.Process) -> int | None:
    return read_kilobytes(Path(f"/proc/{process.pid}/smaps_rollup"), "Pss")
