"""Run the combinations of a suite, one fresh `edge-bench run` each."""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge_benchmarks.cells import LATENCY, milliseconds
from edge_benchmarks.record import Record, read_record
from edge_benchmarks.suite.machines import PROGRAM, MachineGroup, MachineLost, Measuring
from edge_benchmarks.suite.suite_file import SuiteEntry
from edge_common import ConfigError, EdgeError, command_line, console, worker_programs
from edge_devices.detection.machine import Machine

_WIDTH = 20
_MINUTE_S = 60


class TimeLeft:
    """Counts runs; only measured ones tell how long one takes.  machines: that measure at once."""

    def __init__(self, total: int, machines: int = 1) -> None:
        self._total, self._done, self._machines = total, 0, machines
        self._took_s: list[float] = []

    def done(self, seconds: float | None) -> None:
        """One more run is over; None if it took no time worth counting."""
        self._done += 1
        if seconds is not None:
            self._took_s.append(seconds)

    @property
    def seconds(self) -> float | None:
        """Until all are done; None while nobody can know."""
        if not self._took_s:
            return None
        each_s = sum(self._took_s) / len(self._took_s) / self._machines
        return each_s * (self._total - self._done)

    def bar(self) -> str:
        """`[#####---------------] 1 of 4, about 3 min left`."""
        full = _WIDTH * self._done // self._total
        text = f"[{'#' * full}{'-' * (_WIDTH - full)}] {self._done} of {self._total}"
        seconds = self.seconds
        return f"{text}, about {duration(seconds)} left" if seconds else text


def duration(seconds: float) -> str:
    """Roughly: 40 s, 3 min, 2 h 5 min."""
    if seconds < 1.5 * _MINUTE_S:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / _MINUTE_S)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


MEASURED, KEPT, FAILED = "measured", "kept", "failed"


@dataclass(frozen=True)
class SuiteOutcome:
    """How one combination went. path, record: None if it failed; `reason` says why."""

    combination: SuiteEntry
    outcome: str
    path: Path | None = None
    record: Record | None = None
    reason: str = ""


@dataclass
class SuiteRun:
    """Combinations at work on groups of machines, one at a time on each machine.

    say: is told what begins, and what was not measured.
    """

    groups: Sequence[MachineGroup]
    folder: Path
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _outcomes: dict[int, SuiteOutcome] = field(default_factory=dict)
    _stopped: bool = False
    _lock: Any = field(default_factory=threading.Lock)

    def run(self) -> list[SuiteOutcome]:
        """Run what has no finished record in `folder` yet; a failure does not end the others.

        In the order of the suite. Ctrl-C ends what is measured, and is raised again. Raises
        SchedulerLost.
        """
        members = sum(len(group.members) for group in self.groups)
        self._time_left = TimeLeft(sum(len(g.waiting) for g in self.groups), members)
        while active := [group for group in self.groups if group.waiting and group.members]:
            active = [group for group in active if group.first] or active
            self._run_on([(group, each) for group in active for each in group.members])
        for group in self.groups:
            for position, combination in group.waiting:
                reason = "no machine of its kind is left: run the same again"
                self._outcomes[position] = SuiteOutcome(combination, FAILED, reason=reason)
        self.say(self._time_left.bar())
        return [self._outcomes[position] for position in sorted(self._outcomes)]

    def _run_on(self, members: Sequence[tuple[MachineGroup, Measuring]]) -> None:
        with ThreadPoolExecutor(len(members)) as pool:
            futures = [pool.submit(self._work, *each) for each in members]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                self._stopped = True
                with ThreadPoolExecutor(len(members)) as interrupts:
                    list(interrupts.map(lambda each: each[1].interrupt(), members))
                raise

    def _work(self, group: MachineGroup, member: Measuring) -> None:
        """What one machine does: the next combination of its group, until there is none."""
        while not self._stopped:
            try:
                position, combination = group.waiting.popleft()
            except IndexError:
                return
            with self._lock:
                self.say(f"{self._time_left.bar()}: {combination.title}")
            started = self.clock()
            try:
                outcome = self._outcome(combination, group.machine, member)
            except MachineLost as error:
                group.waiting.appendleft((position, combination))
                group.members.remove(member)
                self.say(f"{combination.title}: {error}: left to others")
                return
            with self._lock:
                self._outcomes[position] = outcome
                seconds = self.clock() - started if outcome.outcome == MEASURED else None
                self._time_left.done(seconds)
                if outcome.outcome != MEASURED and not self._stopped:
                    parts = [combination.title, outcome.outcome, outcome.reason]
                    self.say(": ".join(filter(None, parts)))

    def _outcome(
        self, combination: SuiteEntry, machine: Machine, member: Measuring
    ) -> SuiteOutcome:
        try:
            path = self.folder / combination.record_name(machine)
            if record := finished_record(path):
                return SuiteOutcome(combination, KEPT, path, record)
            if reason := member.measure(combination, path):
                return SuiteOutcome(combination, FAILED, reason=reason)
            return SuiteOutcome(combination, MEASURED, path, read_record(path))
        except (MachineLost, worker_programs.SchedulerLost):
            raise
        except EdgeError as error:
            return SuiteOutcome(combination, FAILED, reason=" ".join(str(error).split()))


def finished_record(path: Path) -> Record | None:
    """The record, if it is there, readable and whole."""
    if not path.exists():
        return None
    try:
        record = read_record(path)
    except ConfigError:
        return None
    return record if record.complete else None


def outcomes_table(outcomes: Sequence[SuiteOutcome]) -> str:
    """One run a row, and why those failed that did."""
    rows = []
    for outcome in outcomes:
        latency = outcome.record.streamed.total_ms if outcome.record else None
        rows.append([outcome.combination.title, outcome.outcome, *milliseconds(latency)])
    table = console.text_table(["run", "outcome", *(f"{name} ms" for name in LATENCY)], rows)
    failures = [f"{f.combination.title}: {f.reason}" for f in outcomes if f.reason]
    return "\n\n".join(filter(None, [table, "\n".join(failures)]))


def make_report(outcomes: Sequence[SuiteOutcome], output: Path) -> str:
    """Write `output` with `edge-bench report`; one line about how that went."""
    records = [str(outcome.path) for outcome in outcomes if outcome.path]
    if not records:
        return "no report: there is no record to report on"
    if find_spec("matplotlib") is None:
        return f"no report: its plots need matplotlib: {command_line.install_hint('report')}"
    command = [*PROGRAM, "report", *records, "-o", str(output)]
    process = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if process.returncode:
        lines = process.stderr.strip().splitlines() or ["no reason given"]
        return f"no report: {lines[-1].removeprefix('Error: ')}"
    return f"report: {output}"
