"""Run the combinations of a suite, one fresh `edge-bench run` each."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from edge_benchmarks.cells import LATENCY, milliseconds
from edge_benchmarks.record import Record, read_record
from edge_benchmarks.suite.suite_file import SuiteEntry
from edge_common import ConfigError, EdgeError, children, command_line, console
from edge_devices.detection.machine import Machine, this_machine

_WIDTH = 20
_MINUTE_S = 60


class TimeLeft:
    """Counts runs; only measured ones tell how long one takes."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
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
        return sum(self._took_s) / len(self._took_s) * (self._total - self._done)

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


PROGRAM = tuple(children.module_command("edge_benchmarks.cli"))
MEASURED, KEPT, FAILED = "measured", "kept", "failed"
_CLOSING_S = 60  # an interrupted run writes what it has


@dataclass(frozen=True)
class SuiteOutcome:
    """How one combination went. path, record: None if it failed; `reason` says why."""

    combination: SuiteEntry
    outcome: str
    path: Path | None = None
    record: Record | None = None
    reason: str = ""


Run = Callable[[SuiteEntry, Path], str]


def run_edge_bench(arguments: Sequence[str], path: Path) -> str:
    """Measure into `path` with these arguments of `edge-bench run`; why it failed, or nothing.

    The run has a session of its own, so that Ctrl-C reaches it once, through us.
    """
    command = [*PROGRAM, "run", "-o", str(path), *arguments]
    running = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        stderr = running.communicate()[1]
    except KeyboardInterrupt:
        _interrupt(running)
        raise
    if running.returncode == 0:
        return ""
    lines = stderr.strip().splitlines() or [f"ended with exit code {running.returncode}"]
    return lines[-1].removeprefix("Error: ")


def _interrupt(running: subprocess.Popen) -> None:
    running.terminate()  # to edge-bench the same as Ctrl-C, which `nohup` would have it ignore
    try:
        running.communicate(timeout=_CLOSING_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.communicate()


def run_all(
    combinations: Sequence[SuiteEntry],
    folder: Path,
    say: Callable[[str], None],
    run: Run,
    clock: Callable[[], float] = time.monotonic,
) -> list[SuiteOutcome]:
    """Run what has no finished record in `folder` yet; a failure does not end the others."""
    machine = this_machine()
    time_left = TimeLeft(len(combinations))
    outcomes = []
    for combination in combinations:
        say(f"{time_left.bar()}: {combination.title}")
        started = clock()
        outcome = _outcome(combination, folder, machine, run)
        time_left.done(clock() - started if outcome.outcome == MEASURED else None)
        if outcome.outcome != MEASURED:
            say(": ".join(filter(None, [combination.title, outcome.outcome, outcome.reason])))
        outcomes.append(outcome)
    say(time_left.bar())
    return outcomes


def _outcome(combination: SuiteEntry, folder: Path, machine: Machine, run: Run) -> SuiteOutcome:
    try:
        path = folder / combination.record_name(machine)
        if record := finished_record(path):
            return SuiteOutcome(combination, KEPT, path, record)
        if reason := run(combination, path):
            return SuiteOutcome(combination, FAILED, reason=reason)
        return SuiteOutcome(combination, MEASURED, path, read_record(path))
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
