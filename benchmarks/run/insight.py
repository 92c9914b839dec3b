"""What a run can look into beside the clock: operators, the roof, other engines, other timers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge.bundle.archive import Bundle
from edge.bundle.manifest import Part
from edge.engine.engine import Engine
from edge_benchmarks.inside.cross_check import CrossCheckPlan, cross_check
from edge_benchmarks.inside.engines import OTHER_ENGINES, Make
from edge_benchmarks.inside.engines.interface import agreement
from edge_benchmarks.inside.instructions import count_parts
from edge_benchmarks.inside.profile.recorder import profile_part
from edge_benchmarks.inside.roofline import measure_roof, place, steps, work_of
from edge_benchmarks.measure.timing import fill_randomly, invokes_ms
from edge_benchmarks.record.record import EngineRecord, Measurement
from edge_benchmarks.run.request import Request
from edge_benchmarks.statistics import summarise
from edge_common.console import Progress
from edge_common.errors import EngineError
from edge_devices.emulation.counting import InstructionCounter

_RUNS, _WARMUP = 100, 10


@dataclass(frozen=True)
class Insight:
    """streamed: what was timed of the bundle.  counters: of boards, for its instructions."""

    request: Request
    bundle: Bundle
    streamed: Measurement
    progress: Progress
    counters: tuple[InstructionCounter, ...] = ()

    def steps(self) -> Iterator[Callable[[], Mapping[str, Any]]]:
        """What was asked for; each gives fields of a record, or raises EngineError."""
        request = self.request
        if request.profile:
            yield lambda: {"profiles": self._profiles()}
        if request.roofline:
            yield self._roofline
        if request.engines:
            yield lambda: {"engines": tuple(self._engines())}
        if request.cross_check:
            yield lambda: {"cross_check": self._cross_check()}
        if self.counters:
            yield lambda: {"instructions": count_parts(self.bundle, self.counters, self.progress)}

    @property
    def _first(self) -> Part:
        return self.bundle.manifest.parts[0]

    def _model(self, part: Part) -> bytes:
        return self.bundle.members[part.file]

    def _profiles(self) -> dict[str, Any]:
        found = {}
        for part in self.bundle.manifest.parts:
            self.progress.say(f"profiling the {part.role}")
            with self.progress.steps() as tell:
                found[part.role] = profile_part(
                    self._model(part), self.request.options, on_progress=tell
                )
        return found

    def _roofline(self) -> dict[str, Any]:
        options = self.request.options
        with self.progress.count("measuring the machine's roof, steps", steps(options)) as on_step:
            roof = measure_roof(options, on_step=on_step)
        points = {
            part.role: place(
                work_of(self._model(part)),
                self.streamed.invokes_ms[part.role].p50,
                roof,
                options.threads,
            )
            for part in self.bundle.manifest.parts
        }
        return {"roof": roof, "roofline": points}

    def _cross_check(self) -> Any:
        plan = CrossCheckPlan()
        with self.progress.count("cross-checking the clock, rounds", plan.rounds) as on_round:
            return cross_check(self._model(self._first), self.request.options, plan, on_round)

    def _engines(self) -> Iterator[EngineRecord]:
        for name, make in OTHER_ENGINES.items():
            self.progress.say(f"the {self._first.role} in {name}")
            yield self._elsewhere(name, make)

    def _elsewhere(self, name: str, make: Make) -> EngineRecord:
        """The first part in another engine; why not, where it does not run there."""
        part, options = self._first, self.request.options
        try:
            engine = make(self._model(part), options.threads, self.request.cache.expanduser())
            own = Engine(self._model(part), runtime=options.runtime, threads=options.threads)
            alike = agreement(own, engine, [fill_randomly(own)])
            if not alike.agrees:
                raise EngineError(f"it answers otherwise (SNR {alike.snr_db:.1f} dB)")
            fill_randomly(engine)
            taken = invokes_ms(engine, _RUNS, _WARMUP)
        except EngineError as error:
            return EngineRecord(name, "", part.role, not_measured=str(error))
        return EngineRecord(
            name, engine.version, part.role, invoke_ms=summarise(taken), snr_db=alike.snr_db
        )
