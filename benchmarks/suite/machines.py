"""Who measures the combinations of a suite: this machine, boards over ssh, or workers of a cluster."""

import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from edge_benchmarks.remote import outgoing
from edge_benchmarks.suite.suite_file import HOST, SuiteEntry, SuiteOptions, kind_of
from edge_common import ConfigError, EdgeError, children, worker_programs, write_whole
from edge_devices.detection.machine import Machine, this_machine

MODULE = "edge_benchmarks.cli"
PROGRAM = tuple(children.module_command(MODULE))
_CLOSING_S = 60  # an interrupted run writes what it has
_LOOK_S = 5.0  # how often a worker's machine is looked for while it measures
_RECORD = "record.json"


class MachineLost(EdgeError):
    """A machine that was measuring is not there any more."""


class Measuring(Protocol):
    """A machine that measures one combination at a time."""

    def measure(self, combination: SuiteEntry, path: Path) -> str:
        """Write the record of a fresh `edge-bench run` to `path`; why it failed, or nothing.

        Raises EdgeError; MachineLost if others have to do it.
        """

    def interrupt(self) -> None:
        """End what is measured; called by another thread."""


@dataclass
class MachineGroup:
    """Machines of one kind, which share combinations, each with its position in the suite.

    machine: names the records.  first: before other groups, whose work would disturb it.
    """

    machine: Machine
    members: list[Measuring]
    waiting: deque[tuple[int, SuiteEntry]] = field(default_factory=deque)
    first: bool = False


@dataclass
class ChildRuns:
    """Measures in child processes, on this machine or on the board that a combination names.

    arguments: of `edge-bench run`.
    """

    arguments: Callable[[SuiteEntry], Sequence[str]]
    _process: "subprocess.Popen[str] | None" = None
    _interrupted: bool = False
    _lock: Any = field(default_factory=threading.Lock)

    def measure(self, combination: SuiteEntry, path: Path) -> str:
        """The run has a session of its own, so that Ctrl-C reaches it once, through us."""
        command = [*PROGRAM, "run", "-o", str(path), *self.arguments(combination)]
        with self._lock:
            if self._interrupted:
                return "interrupted"
            self._process = process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        stderr = process.communicate()[1]
        if process.returncode == 0:
            return ""
        lines = stderr.strip().splitlines() or [f"ended with exit code {process.returncode}"]
        return lines[-1].removeprefix("Error: ")

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted = True
        if self._process and self._process.poll() is None:
            self._process.terminate()  # to edge-bench the same as Ctrl-C, which `nohup` would ignore
            try:
                self._process.wait(timeout=_CLOSING_S)
            except subprocess.TimeoutExpired:
                self._process.kill()


@dataclass
class ClusterMachine:
    """Measures on the workers of one machine of a cluster."""

    programs: worker_programs.WorkerPrograms
    host: str
    options: SuiteOptions
    _run: worker_programs.ProgramRun | None = None
    _interrupted: bool = False
    _lock: Any = field(default_factory=threading.Lock)

    def measure(self, combination: SuiteEntry, path: Path) -> str:
        arguments, files = self._sent(combination)
        program = worker_programs.Program(
            MODULE, ("run", "-o", _RECORD, *arguments), outputs=(_RECORD,), alone=True
        )
        with self._lock:
            if self._interrupted:
                return "interrupted"
            self._run = run = self.programs.start(program, files, self.host)
        while (result := run.result(_LOOK_S)) is None:
            if self.host not in self.programs.hosts():
                run.cancel()
                raise MachineLost(f"{self.host} has no worker any more")
        if record := result.outputs.get(_RECORD):
            write_whole(path, record)
        return result.reason or ("" if record else "it ended without a record")

    def _sent(self, combination: SuiteEntry) -> tuple[Sequence[str], Mapping[str, bytes]]:
        """What stands behind `edge-bench run` there, and the files that it speaks of."""
        line = outgoing.command_line(self.options.context(combination), {"output", "as_json"})
        return line.arguments, {each.name: each.path.read_bytes() for each in line.files}

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted = True
            if self._run:
                self._run.cancel()


def local_groups(combinations: Sequence[SuiteEntry], options: SuiteOptions) -> list[MachineGroup]:
    """This machine, and a group for each board, which is asked from here over ssh."""
    machine = this_machine()
    groups = {
        host: MachineGroup(machine, [ChildRuns(options.arguments)], first=not host)
        for host in dict.fromkeys(each.host for each in combinations)
    }
    for numbered in enumerate(combinations):
        groups[numbered[1].host].waiting.append(numbered)
    return list(groups.values())


def cluster_groups(
    combinations: Sequence[SuiteEntry], options: SuiteOptions, client: Any
) -> list[MachineGroup]:
    """A group for each kind of machine in a cluster, each of which measures all combinations.

    Raises ConfigError if combinations name boards, or workers lack edge-bench.
    """
    if named := next((each for each in combinations if each.host), None):
        raise ConfigError(
            f"{named.title}: `{HOST}` goes without --scheduler, whose workers measure on their machines"
        )
    programs = worker_programs.WorkerPrograms(client)
    hosts = programs.hosts()
    machines = client.run(this_machine, workers=list(hosts.values()))
    groups: dict[str, MachineGroup] = {}
    for host, address in sorted(hosts.items()):
        machine = machines[address]
        group = groups.setdefault(str(kind_of(machine)), MachineGroup(machine, []))
        group.members.append(ClusterMachine(programs, host, options))
    positions = iter(range(len(groups) * len(combinations)))
    for group in groups.values():
        kind = _name(group.machine) if len(groups) > 1 else ""
        entries: Iterable[SuiteEntry] = (replace(each, kind=kind) for each in combinations)
        group.waiting.extend((next(positions), each) for each in entries)
    return list(groups.values())


def _name(machine: Machine) -> str:
    return f"{machine.board or machine.cpu} ({machine.cores} cores)"
