"""edge-run with a settings file, as a child process that is started again where it ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.edge.sinks import brokers
from tests.faults.fault import PromiseBroken, check
from tests.signals import heed_interrupts

START = "import sys; from edge.cli import main; main(prog_name='edge-run')"
RESTART_S = 1.0  # as RestartSec of the unit
ALERT = {"name": "somebody", "for_s": 0.3, "clear_s": 0.5}


def until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> float:
    """The monotonic time at which it holds. Raises PromiseBroken if it never does."""
    if not brokers.until(condition, seconds):
        raise PromiseBroken(f"{what}: not within {seconds:g} s")
    return time.monotonic()


def toml(value: object) -> str:
    """A value as TOML has it; tables inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


class Appliance:
    """The shipped default looks at one camera, with an alert, JSON lines and further outputs.

    outputs: tables of `[[output]]`.  keys: of the settings file, such as `web`.
    environment: variables besides those of this process.  limit: called in the child before it begins.
    supervised: whether it is started again where it ends, as the unit has it.
    """

    def __init__(
        self,
        folder: Path,
        camera: str | Sequence[str],
        outputs: Sequence[Mapping[str, object]] = (),
        keys: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        limit: Callable[[], None] = lambda: None,
        supervised: bool = False,
        lines: Path | None = None,
    ) -> None:
        self.folder, self.settings = folder, folder / "run.toml"
        self.day, self.log_file = lines or folder / "day.jsonl", folder / "log.txt"
        self._cameras = [camera] if isinstance(camera, str) else list(camera)
        self._outputs = [{"kind": "jsonl", "target": str(self.day)}, *outputs]
        self.keys: dict[str, object] = dict(keys or {})
        self._environment, self._limit = {**os.environ, **(environment or {})}, limit
        self._supervised, self._ending = supervised, threading.Event()
        self.starts, self._process = 0, None
        self._threads: list[threading.Thread] = []
        self.write_settings()

    _process: "subprocess.Popen[bytes] | None"

    def write_settings(self, alert: Mapping[str, object] = ALERT) -> None:
        rows = [f"{key} = {toml(value)}" for key, value in self.keys.items()]
        for name, tables in (
            ("camera", [{"name": f"camera {n}", "source": c} for n, c in enumerate(self._cameras)]),
            ("output", self._outputs),
            ("alert", [alert]),
        ):
            for table in tables:
                rows += ["", f"[[{name}]]", *(f"{k} = {toml(v)}" for k, v in table.items())]
        self.settings.write_text("\n".join(rows) + "\n")

    def __enter__(self) -> "Appliance":
        self._start()
        if self._supervised:
            thread = threading.Thread(target=self._supervise, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *details: object) -> None:
        self._ending.set()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                if details[0] is None:
                    raise PromiseBroken("SIGTERM did not end it within 20 s") from None

    def _start(self) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, "--config", str(self.settings)],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._environment, preexec_fn=self._prepare,
            )  # fmt: skip
        self.starts += 1

    def _prepare(self) -> None:
        heed_interrupts()
        self._limit()

    def _supervise(self) -> None:
        while not self._ending.is_set():
            self.process.wait()
            if not self._ending.wait(RESTART_S):
                self._start()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process
        return self._process

    def children(self) -> list[psutil.Process]:
        """Of the appliance: what captures its frames."""
        return psutil.Process(self.process.pid).children(recursive=True)

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def said(self, text: str, times: int = 1, seconds: float = 30.0) -> float:
        """When its log holds a text so often. Raises PromiseBroken if it never does."""
        return until(lambda: self.log.count(text) >= times, f"its log says {text!r}", seconds)

    def records(self) -> list[dict[str, Any]]:
        """All whole lines that it wrote: decisions and events. Raises PromiseBroken for a broken one."""
        content = self.day.read_bytes() if self.day.exists() else b""
        whole = content[: content.rfind(b"\n") + 1].splitlines()
        try:
            return [json.loads(line) for line in whole]
        except ValueError as error:
            raise PromiseBroken(f"a line cannot be read: {error}") from None

    def decisions(self) -> list[dict[str, Any]]:
        return [each for each in self.records() if "tasks" in each and "event" not in each]

    def events(self) -> list[dict[str, Any]]:
        return [each for each in self.records() if "event" in each]

    def decided(self, since: float = 0.0, seconds: float = 60.0) -> float:
        """Seconds from `since` (monotonic) to the first decision on a frame captured after it."""
        found: list[float] = []

        def look() -> bool:
            found[:] = [
                each["captured_at"] + each["age_ms"] / 1e3
                for each in self.decisions()
                if each["captured_at"] >= since
            ][:1]
            return bool(found)

        until(look, "a decision comes", seconds)
        return found[0] - since

    def is_alive(self) -> None:
        """Raise PromiseBroken if it has ended, or was started again."""
        ended = self.process.poll()
        check(ended is None and self.starts == 1, f"it ended with code {ended}: {self.log[-300:]}")
