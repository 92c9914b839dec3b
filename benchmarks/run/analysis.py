"""What a run can analyse beside the clock: operators, the roof, other engines, other timers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from edge.bundle.archive import Bundle
from edge.bundle.manifest import Part
from edge.engine.engine import Engine
from edge_benchmarks.inside import engines, instructions, roofline
from edge_benchmarks.inside.cross_check import CrossCheck, CrossCheckPlan, cross_check
from edge_benchmarks.inside.engines.interface import agreement
from edge_benchmarks.inside.profile.figures import PartProfile
from edge_benchmarks.inside.profile.recorder import profile_part
from edge_benchmarks.measure.timing import fill_randomly, invokes_ms
from edge_benchmarks.record.record import EngineRecord, Record
from edge_benchmarks.run.request import Request
from edge_benchmarks.statistics import summarise
from edge_common.console import Progress
from edge_common.errors import EngineError
from edge_devices.emulation.counting import InstructionCounter

_RUNS, _WARMUP = 100, 10

Step = Callable[[Record], Record]


@dataclass(frozen=True)
class Analysis:
    """counters: of boards, for the instructions of the bundle."""

    request: Request
    bundle: Bundle
    progress: Progress
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

    def _profiles(self) -> dict[str, PartProfile]:
        profiles = {}
        for part in self.bundle.manifest.parts:
            self.progress.say(f"profiling the {part.role}")
            with self.progress.steps() as tell:
                profiles[part.role] = profile_part(
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
        counts = instructions.count_parts(self.bundle, self.counters, self.progress)
        return replace(record, instructions=counts)

    def _cross_check(self) -> CrossCheck:
        plan = CrossCheckPlan()
        with self.progress.count("cross-checking the clock, rounds", plan.rounds) as on_round:
            return cross_check(self._model(self._first), self.request.options, plan, on_round)

    def _engines(self) -> Iterator[EngineRecord]:
        for name, make in engines.OTHER_ENGINES.items():
            self.progress.say(f"the {self._first.role} in {name}")
            yield self._elsewhere(name, make)

    def _elsewhere(self, name: str, make: engines.Make) -> EngineRecord:
        """The first part in another engine; why not, if it does not run there."""
        part, options = self._first, self.request.options
        try:
            engine = make(self._model(part), options.threads, self.request.cache.expanduser())
            own = Engine(self._model(part), runtime=options.runtime, threads=options.threads)
            compared = agreement(own, engine, [fill_randomly(own)])
            if not compared.agrees:
                raise EngineError(f"it answers otherwise (SNR {compared.snr_db:.1f} dB)")
            fill_randomly(engine)
            series_ms = invokes_ms(engine, _RUNS, _WARMUP)
        except EngineError as error:
            return EngineRecord(name, "", part.role, not_measured=str(error))
        return EngineRecord(
            name, engine.version, part.role, invoke_ms=summarise(series_ms), snr_db=compared.snr_db
        )
