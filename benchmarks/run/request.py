"""What a run is asked for, and what it can analyse beside the clock.

Analyses look at operators, the roof, other engines and other timers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import click

from edge import emulated, stream
from edge.bundle import Bundle, Part
from edge.engine.engine import Engine
from edge_benchmarks import prediction, statistics
from edge_benchmarks.inside import cross_check, engines, roofline
from edge_benchmarks.inside.profile import figures, recorder
from edge_benchmarks.measure import timing
from edge_benchmarks.record import EngineRecord, Record
from edge_benchmarks.scenarios import base, catalogue, cold
from edge_common import ConfigError, EngineError, cache_folder, console
from edge_devices.emulation.counting import InstructionCounter
from edge_devices.profiles import Profile

BASELINE_WARMUP = 5  # a baseline's frame is slow and its caches are full after one


@dataclass(frozen=True)
class Baselines:
    """Slower ways to run the same network. model: the uncut network, if it is given.

    frames: enough of each.
    """

    model: Path | None = None
    frames: int = 100


@dataclass(frozen=True)
class Analyses:
    """What is looked into beside the clock. count_for: boards whose instructions are counted."""

    profile: bool = False
    roofline: bool = False
    engines: bool = False
    cross_check: bool = False
    count_for: tuple[Profile, ...] = ()


@dataclass(frozen=True)
class BenchRequest:
    """Single-stream is always measured; the rest only if it is named here.

    options: without a motion gate, which would make still frames cheaper than a frame is.
    data: clips, for accuracy labelled ones.  clips: at most so many are answered.
    source: of the frames that are timed.  cache: of converted networks.
    processes: fresh ones whose shortest frames comparisons rest on.
    """

    bundle: str
    options: stream.StreamOptions = field(default_factory=lambda: stream.StreamOptions(gate=False))
    data: Path | None = None
    clips: int | None = None
    source: str | None = None
    plan: timing.Plan = field(default_factory=timing.Plan)
    processes: int = 0
    baselines: Baselines | None = None
    scenarios: tuple[base.Scenario[Any], ...] = (cold.Cold(),)
    analyses: Analyses = field(default_factory=Analyses)
    cache: Path = field(default_factory=lambda: cache_folder() / "baselines")

    @property
    def baseline_plan(self) -> timing.Plan:
        """Of everything but the streamed network."""
        enough = self.baselines.frames if self.baselines else self.plan.frames
        return replace(self.plan, frames=min(self.plan.frames, enough), warmup=BASELINE_WARMUP)


_PROCESSES = 20  # as many make a difference of 5 % visible


def request_of(values: Mapping[str, Any], *, recorded: bool) -> BenchRequest:
    """What the command line asks for. recorded: for a file, and so for comparisons."""
    processes = values["processes"]
    if processes is None:  # what is predicted is nothing to compare by the shortest
        processes = _PROCESSES if recorded and not _emulated(values) else 0
    baselines = Baselines(values["model"], values["baseline_frames"])
    return BenchRequest(
        values["bundle"],
        stream.StreamOptions(**vars(values["engine"]), device=_emulated(values), gate=False),
        values["data"],
        values["clips"],
        values["source"],
        timing.Plan(values["frames"], values["seconds"], values["rounds"]),
        processes,
        baselines if values["baselines"] else None,
        catalogue.configured(values["scenarios"], values),
        _analyses(values),
        values["cache"],
    )


def _emulated(values: Mapping[str, Any]) -> str:
    """`emulated:BOARD` if a board is emulated, else nothing."""
    device: str = values["device"]
    return device if device.startswith(emulated.PREFIX) else ""


def _analyses(values: Mapping[str, Any]) -> Analyses:
    boards = values["device"].removeprefix(emulated.PREFIX)
    return Analyses(
        values["profile"],
        values["roofline"],
        values["engines"],
        values["cross_check"],
        prediction.boards_named(boards) if values["count"] else (),
    )


def refuse_contradictions(values: Mapping[str, Any], has_board: bool) -> None:
    """Raise click.UsageError for options that do not go together."""
    if values["model"] and not values["baselines"]:
        raise click.UsageError("--model goes with --baselines")
    if values["clips"] and not values["data"]:
        raise click.UsageError("--clips goes with --data")
    if values["count"] != bool(values["device"]) and not _emulated(values):
        raise click.UsageError(
            "--device goes with --count (--count --device pi-4,pi-5), or emulates a board "
            "(--device emulated:pi-4)"
        )
    if values["count"] and has_board:
        raise click.UsageError("--count counts on this machine, without a board: leave out --host")


def refuse_impossible(request: BenchRequest, inputs: base.Inputs) -> None:
    """Raise EdgeError, before minutes of measuring, if a part of it cannot be had."""
    for scenario in request.scenarios:
        needs_images = scenario.name in _IMAGES and scenario.enabled
        if needs_images and inputs.bundle.manifest.input.is_features:
            raise ConfigError(
                f"the scenario {scenario.name} measures images, {inputs.bundle_name} takes vectors: "
                "leave it out"
            )
        scenario.check(inputs)
    _refuse_emulated(request)
    analyses, delegate = request.analyses, request.options.delegate
    inside = [name for name in ("profile", "cross_check") if getattr(analyses, name)]
    if inside and not delegate.is_the_runtimes_choice:
        raise ConfigError(
            f"{_flag(inside[0])} knows the runtime's own choice alone, not --delegate "
            f"{delegate.label}: leave one of them out"
        )


_IMAGES = ("people", "sources")  # scenarios that need them


def _refuse_emulated(request: BenchRequest) -> None:
    """Refuse what looks at this machine in a run that emulates another."""
    has_model = request.baselines is not None and request.baselines.model is not None
    analyses = [each.name for each in fields(Analyses) if each.name != "count_for"]
    requested = ["model"] * has_model + [n for n in analyses if getattr(request.analyses, n)]
    if request.options.device and requested:
        raise ConfigError(
            f"{_flag(requested[0])} measures this machine, and --device "
            f"{request.options.device} emulates another: leave one of them out"
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


_RUNS, _WARMUP = 100, 10

Step = Callable[[Record], Record]


@dataclass(frozen=True)
class Analysis:
    """counters: of boards, for the instructions of the bundle."""

    request: BenchRequest
    bundle: Bundle
    progress: console.Progress
    counters: tuple[InstructionCounter, ...] = ()

    def steps(self) -> Iterator[Step]:
        """What was asked for; each adds to a record, or raises EngineError."""
        options = self.request.analyses
        if options.profile:
            yield lambda record: replace(record, profiles=self._profiles())
        if options.roofline:
            yield self._roofline
        if options.engines:
            yield lambda record: replace(record, engines=tuple(self._engines()))
        if options.cross_check:
            yield lambda record: replace(record, cross_check=self._cross_check())
        if self.counters:
            yield self._instructions

    @property
    def _first(self) -> Part:
        return self.bundle.manifest.parts[0]

    def _model(self, part: Part) -> bytes:
        return self.bundle.members[part.file]

    def _profiles(self) -> dict[str, figures.PartProfile]:
        profiles = {}
        for part in self.bundle.manifest.parts:
            self.progress.say(f"profiling the {part.role}")
            with self.progress.steps() as tell:
                profiles[part.role] = recorder.profile_part(
                    self._model(part), self.request.options, on_progress=tell
                )
        return profiles

    def _roofline(self, record: Record) -> Record:
        options = self.request.options
        with self.progress.count(
            "measuring the machine's roof, steps", roofline.steps(options)
        ) as on_step:
            roof = roofline.measure_roof(options, on_step=on_step)
        points = {
            part.role: roofline.place(
                roofline.work_of(self._model(part)),
                record.streamed.invokes_ms[part.role].p50,
                roof,
                options.threads,
            )
            for part in self.bundle.manifest.parts
        }
        return replace(record, roof=roof, roofline=points)

    def _instructions(self, record: Record) -> Record:
        counts = prediction.count_parts(self.bundle, self.counters, self.progress)
        return replace(record, instructions=counts)

    def _cross_check(self) -> cross_check.CrossCheck:
        plan = cross_check.CrossCheckPlan()
        with self.progress.count("cross-checking the clock, rounds", plan.rounds) as on_round:
            return cross_check.cross_check(
                self._model(self._first), self.request.options, plan, on_round
            )

    def _engines(self) -> Iterator[EngineRecord]:
        for name, make in engines.OTHER_ENGINES.items():
            self.progress.say(f"the {self._first.role} in {name}")
            yield self._elsewhere(name, make)

    def _elsewhere(self, name: str, make: engines.interface.Make) -> EngineRecord:
        """The first part in another engine; why not, if it does not run there."""
        part, options = self._first, self.request.options
        try:
            engine = make(self._model(part), options.threads, self.request.cache.expanduser())
            own = Engine(self._model(part), runtime=options.runtime, threads=options.threads)
            compared = engines.interface.agreement(own, engine, [timing.fill_randomly(own)])
            if not compared.agrees:
                raise EngineError(f"it answers otherwise (SNR {compared.snr_db:.1f} dB)")
            timing.fill_randomly(engine)
            series_ms = timing.invokes_ms(engine, _RUNS, _WARMUP)
        except EngineError as error:
            return EngineRecord(name, "", part.role, not_measured=str(error))
        return EngineRecord(
            name,
            engine.version,
            part.role,
            invoke_ms=statistics.summarise(series_ms),
            snr_db=compared.snr_db,
        )
