"""Run the combinations of a suite, one fresh `edge-bench run` each."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record import Record
from benchmarks.record_file import read_record
from benchmarks.suite.combination import Combination
from benchmarks.suite.run_options import arguments
from benchmarks.suite.time_left import TimeLeft
from devices.machine import Machine, this_machine
from edge.errors import ConfigError, EdgeError

PROGRAM = (sys.executable, "-c", "from benchmarks.cli import main; main(prog_name='edge-bench')")
MEASURED, KEPT, FAILED = "measured", "kept", "failed"
_CLOSING_S = 60  # an interrupted run writes what it has


@dataclass(frozen=True)
class Outcome:
    """How one combination went. path, record: None where it failed; `reason` says why."""

    combination: Combination
    outcome: str
    path: Path | None = None
    record: Record | None = None
    reason: str = ""


Run = Callable[[Combination, Path], str]


def run_edge_bench(combination: Combination, path: Path) -> str:
    """Measure one combination into `path`; why it failed, or nothing.

    The run has a session of its own, so that Ctrl-C reaches it once, through us.
    """
    command = [*PROGRAM, "run", "-o", str(path), *arguments(combination)]
    running = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said = running.communicate()[1]
    except KeyboardInterrupt:
        _interrupt(running)
        raise
    if running.returncode == 0:
        return ""
    lines = said.strip().splitlines() or [f"ended with exit code {running.returncode}"]
    return lines[-1].removeprefix("Error: ")


def _interrupt(running: subprocess.Popen) -> None:
    running.terminate()  # to edge-bench the same as Ctrl-C, which `nohup` would have it ignore
    try:
        running.communicate(timeout=_CLOSING_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.communicate()


def run_all(
    combinations: Sequence[Combination],
    folder: Path,
    say: Callable[[str], None],
    run: Run = run_edge_bench,
    clock: Callable[[], float] = time.monotonic,
) -> list[Outcome]:
    """Run what has no finished record in `folder` yet; a failure does not end the others."""
    machine = this_machine()
    left = TimeLeft(len(combinations))
    outcomes = []
    for combination in combinations:
        say(f"{left.bar()}: {combination.title}")
        started = clock()
        found = _outcome(combination, folder, machine, run)
        left.done(clock() - started if found.outcome == MEASURED else None)
        if found.outcome != MEASURED:
            say(": ".join(filter(None, [combination.title, found.outcome, found.reason])))
        outcomes.append(found)
    say(left.bar())
    return outcomes


def _outcome(combination: Combination, folder: Path, machine: Machine, run: Run) -> Outcome:
    try:
        path = folder / combination.record_name(machine)
        if record := finished(path):
            return Outcome(combination, KEPT, path, record)
        if reason := run(combination, path):
            return Outcome(combination, FAILED, reason=reason)
        return Outcome(combination, MEASURED, path, read_record(path))
    except EdgeError as error:
        return Outcome(combination, FAILED, reason=" ".join(str(error).split()))


def finished(path: Path) -> Record | None:
    """The record, where it is there, readable and whole."""
    if not path.exists():
        return None
    try:
        record = read_record(path)
    except ConfigError:
        return None
    return record if record.complete else None
