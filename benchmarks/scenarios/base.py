"""What a scenario is: a name, options, a run, a typed result, and how that is shown.

`edge-bench run --help` loads every scenario for its options: what is heavy to load (numpy,
engines, statistics) is imported by the functions that need it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

import click

from edge_common import ConfigError, command_line

if TYPE_CHECKING:
    from edge.bundle import Bundle
    from edge.stream import Stream, StreamOptions
    from edge_benchmarks.measure import conditions, processes, timing
    from edge_benchmarks.record import Record
    from edge_benchmarks.scenarios import offline, timed_stream
    from edge_common import console, document

USUAL_RATE_HZ = 30.0
Series = tuple[float, ...]
Cell = str | int | float | bool | None
RATE = click.Option(
    ["--rate", "rate_hz"],
    type=command_line.FiniteFloat(0),
    metavar="HZ",
    help="Frames a second of scenarios that have a rate (0: soak flat out). [default: the bundle's or 30]",
)


def refuse_flat_out(rate_hz: float | None) -> None:
    """Raise ConfigError for a rate without a period."""
    if rate_hz == 0:
        raise ConfigError(
            "--rate 0 (flat out) is for the soak alone: leave out camera and capacity"
        )


def refuse_emulated(name: str, engine: StreamOptions) -> None:
    """Raise ConfigError if a board is emulated."""
    if engine.device:
        raise ConfigError(
            f"the {name} scenario measures this machine, and --device {engine.device} "
            "emulates another: leave one of them out"
        )


class ScenarioResult(Protocol):
    """A frozen dataclass of figures; those of an interrupted run are not complete."""

    @property
    def complete(self) -> bool: ...


ResultT = TypeVar("ResultT", bound=ScenarioResult)


@dataclass(frozen=True)
class Inputs:
    """What every scenario runs with. bundle_name: as on the command line."""

    bundle_name: str
    bundle: Bundle
    engine: StreamOptions
    frames: conditions.BenchFrames
    plan: timing.Plan
    progress: console.Progress

    def stream(self) -> Stream:
        """A new stream, with engines and a window of its own."""
        from edge.stream import Stream

        return Stream(self.bundle, self.engine)

    def subject(self) -> timed_stream.BareStream:
        """A new stream that is timed as a whole."""
        from edge_benchmarks.scenarios.timed_stream import BareStream

        return BareStream(self.stream())

    def rate_hz(self, requested: float | None) -> float:
        """The rate that was asked for, else the bundle's own, else the usual one."""
        return requested or self.bundle.manifest.frame_rate_hz or USUAL_RATE_HZ


@dataclass(frozen=True)
class ScenarioOutcome(Generic[ResultT]):
    """A result, and what the record holds beside the scenarios that this one measured as well."""

    result: ResultT
    energy: offline.Energy | None = None
    cold_start: processes.ColdStart | None = None


class Scenario(ABC, Generic[ResultT]):
    """One way to load the network; a frozen dataclass whose fields are its options' values.

    name: on the command line.  summary: in its help.  options: click's; scenarios that share
    one hold the same object.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    options: ClassVar[tuple[click.Option, ...]] = ()

    @classmethod
    def key(cls) -> str:
        """Its name in a record."""
        return cls.name.replace("-", "_")

    @classmethod
    @abstractmethod
    def result_type(cls) -> type[ResultT]:
        """The dataclass that stands in a record."""

    @property
    def enabled(self) -> bool:
        """Whether its options leave anything to run."""
        return True

    def check(self, inputs: Inputs) -> None:
        """Raise EdgeError, before minutes of measuring, if it cannot run with these."""

    @abstractmethod
    def run(self, inputs: Inputs) -> ScenarioOutcome[ResultT]:
        """Measure; interrupted, give what there is so far, with `complete` False."""

    @classmethod
    def result_of(cls, record: Record) -> ResultT | None:
        """The result in a record; None if it was not run."""
        result = record.scenarios.get(cls.key())
        return result if isinstance(result, cls.result_type()) else None

    @classmethod
    def section(cls, record: Record) -> document.Section | None:
        """Its section in a report; None if it was not run."""
        result = cls.result_of(record)
        return None if result is None else cls.show(result)

    @classmethod
    @abstractmethod
    def show(cls, result: ResultT) -> document.Section:
        """Text, tables and a plot for pages; in `digest` what a terminal says in their place."""

    @classmethod
    def columns(cls, result: ResultT) -> Mapping[str, Cell]:
        """What it adds to the row of CSV; columns are a promise."""
        return {}

    @classmethod
    def settings(cls, result: ResultT) -> Mapping[str, str]:
        """What has to agree before two results may be compared, in words."""
        return {}


def values_of(scenario: type[Scenario[ResultT]], values: Mapping[str, object]) -> Scenario[ResultT]:
    """A scenario with those of the command line's values that are its options."""
    return scenario(**{str(option.name): values[str(option.name)] for option in scenario.options})


@dataclass(frozen=True)
class FrameSamples:
    """Milliseconds of each frame, in the order in which they were taken.

    total_ms: from pixels to decision.  cpu_ms: processor time of all threads.
    stages_ms, invokes_ms: by stage and by part, of the frames in which it ran.
    rounds: how many of the frames each round holds.
    """

    total_ms: Series
    cpu_ms: Series = ()
    stages_ms: dict[str, Series] = field(default_factory=dict)
    invokes_ms: dict[str, Series] = field(default_factory=dict)
    rounds: tuple[int, ...] = ()


class Interruptible:
    """A block that KeyboardInterrupt ends quietly; other exceptions go on.

    complete: whether the block was left at its end.
    """

    complete = False

    def __enter__(self) -> Interruptible:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.complete = kind is None
        return isinstance(error, KeyboardInterrupt)
