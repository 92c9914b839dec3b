"""One benchmark run: open, time in alternating rounds, judge, run scenarios, look inside."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import numpy as np

from edge.bundle.archive import Bundle
from edge.bundle.plain_tflite import open_any
from edge.check.clips import Clips, read_clips
from edge.check.evaluate import check_labels
from edge.engine import runtimes
from edge_benchmarks.inside.instructions import counters
from edge_benchmarks.measure.frames import BenchFrames, choose_frames
from edge_benchmarks.measure.overhead import measure_overhead
from edge_benchmarks.measure.processes import ColdStart, plan_for, process_floors_ms
from edge_benchmarks.measure.timing import Trial, check_timer
from edge_benchmarks.prediction import work_here
from edge_benchmarks.record import record
from edge_benchmarks.record.record import Measurement, Memory, Record, Scenarios, Setup
from edge_benchmarks.run import baselines
from edge_benchmarks.run.answers import judged
from edge_benchmarks.run.insight import Insight
from edge_benchmarks.run.keras_window import ConversionCache
from edge_benchmarks.run.measurement import describe, git_revision, streaming, timed
from edge_benchmarks.run.request import Request, refuse_impossible
from edge_benchmarks.run.scenario_runs import ScenarioRuns
from edge_benchmarks.run.targets import Contender, of_bundle, split_rerun
from edge_benchmarks.scenarios.cold import Cold
from edge_benchmarks.scenarios.single_stream import single_stream
from edge_benchmarks.statistics import summarise
from edge_common import __version__
from edge_common.console import Progress
from edge_common.errors import ClipError, EdgeError
from edge_devices.detection.machine import this_machine
from edge_devices.detection.memory import read_memory
from edge_devices.telemetry import TimeLine


class Bench:
    """A run under way: what was opened, and the fields of the record found so far."""

    def __init__(self, request: Request, progress: Progress) -> None:
        self.request, self._progress = request, progress
        progress.say("opening the bundle")
        self.bundle: Bundle = open_any(request.bundle, runtime=request.options.runtime)
        self.tasks = self.bundle.manifest.tasks
        self.clips = self._read_clips()
        self.frames: BenchFrames = choose_frames(self.bundle, self.clips, request.source)
        refuse_impossible(request, self.frames)
        self._counters = counters(request.count_for, progress)
        self._found: dict[str, Any] = {}
        self._failures: list[str] = []

    def run(self) -> Record:
        """Measure everything that was asked for.

        Interrupted, it gives what was measured until then, with `complete` False; raises
        KeyboardInterrupt where that is nothing. What fails after the timing is in
        `failures`, and the rest goes on. Raises BundleError, EngineError, SourceError,
        ClipError, ModelError or ConfigError.
        """
        complete = self._finished(self._measure) and all(map(self._finished, self._further()))
        if "measurements" not in self._found:
            raise KeyboardInterrupt
        return Record(
            schema=record.SCHEMA_VERSION,
            created_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            edge_run=__version__,
            revision=git_revision(),
            bundle=describe(self.request.bundle, self.bundle),
            machine=this_machine(),
            setup=self._setup(),
            data=self.clips.short_name if self.clips else "",
            complete=complete,
            failures=tuple(self._failures),
            **self._found,
        )

    def _finished(self, step: Callable[[], bool | None]) -> bool:
        """Whether a step came to its end: it may say so itself, or be interrupted."""
        try:
            return step() is not False
        except KeyboardInterrupt:
            return False
        except EdgeError as error:
            if "measurements" not in self._found:
                raise
            self._failures.append(str(error))  # minutes of timing are not thrown away for it
            self._progress.say(f"warning: {error}")
            return True

    def _further(self) -> Iterator[Callable[[], bool | None]]:
        yield self._judge
        yield self._processes
        runs = ScenarioRuns(self.request, self.bundle, self.frames, self._progress)
        for name in self.request.scenarios:
            yield partial(self._run_scenario, runs, name)
        streamed = self._found["measurements"][0]
        insight = Insight(self.request, self.bundle, streamed, self._progress, self._counters)
        for look in insight.steps():
            yield partial(self._look, look)

    def _measure(self) -> bool:
        self._found |= {"timer": check_timer(), "overhead": measure_overhead()}
        self._contenders = self._make_contenders()
        plans = [self.request.plan, *[self.request.baseline_plan] * (len(self._contenders) - 1)]
        trials = {
            c.name: Trial(c.subject, self.frames.pixels, plan)
            for c, plan in zip(self._contenders, plans)
            if c.subject is not None
        }
        line, rounds = TimeLine(), self.request.plan.rounds
        line.start()
        with self._progress.count("timing, rounds", rounds) as on_round:

            def after_round() -> None:
                line.take()  # between rounds: a thread of its own would be in the way
                on_round()

            taken = single_stream(trials, rounds, after_round)
        if record.STREAMED not in taken.samples:
            return False
        timer = self._found["timer"]
        measurements = [
            timed(c, trials[c.name], timer)
            if c.name in taken.samples
            else Measurement(c.name, not_measured=c.not_measured or "interrupted")
            for c in self._contenders
        ]
        rerun = next((m for m in measurements if m.name == record.SPLIT_RERUN), None)
        self._found |= {
            "measurements": tuple(measurements),
            "streaming": streaming(self.bundle.manifest.window, measurements[0], rerun),
            "telemetry": line.samples,
            "delegation": self._contenders[0].subject.delegation,
            "predicted": self._contenders[0].subject.predicted,
            "work": {} if self.request.options.device else work_here(self.bundle),
        }
        return taken.complete

    def _judge(self) -> None:
        clips = self.clips
        if clips is not None and self.request.clips is not None:
            clips = clips.sample(self.request.clips)  # all of them serve to calibrate and to time
        self._found["measurements"] = tuple(
            judged(
                self._found["measurements"], self._contenders, self.bundle, clips, self._progress
            )
        )

    def _processes(self) -> None:
        request = self.request
        if not request.processes:
            return
        floors: list[float] = []
        step = "fresh processes, for comparisons"
        with self._progress.count(step, request.processes) as on_process:
            plan = plan_for(self._found["measurements"][0].total_ms.p50)
            for floor in process_floors_ms(
                request.bundle, request.options, self.frames, request.processes, plan, on_process
            ):
                floors.append(floor)
                self._found["process_floors_ms"] = tuple(floors)

    def _run_scenario(self, runs: ScenarioRuns, name: str) -> bool:
        if name == "cold" and not self.request.cold_starts:
            return True
        result = runs.run(name)
        done = self._found.get("scenarios", Scenarios())
        self._found["scenarios"] = replace(done, **{name.replace("-", "_"): result})
        self._found["energy"] = runs.energy
        if isinstance(result, Cold) and result.first_result_s:
            self._found["cold_start"] = _cold_start(result, runs.cold_frames)
        return result.complete

    def _look(self, look: Callable[[], Mapping[str, Any]]) -> None:
        self._found |= look()

    def _read_clips(self) -> Clips | None:
        if self.request.data is None:
            return None
        spec, window = self.bundle.manifest.input, self.bundle.manifest.window
        clips = read_clips(self.request.data, window, (spec.width, spec.height))
        check_labels(self.tasks, clips)
        return clips

    def _make_contenders(self) -> list[Contender]:
        request = self.request
        contenders = [of_bundle(record.STREAMED, self.bundle, request.options)]
        self._found["memory"] = self._memory_of(contenders[0])
        if not request.baselines:
            return contenders
        contenders.append(split_rerun(self.bundle, request.options))
        if request.model is None:
            return contenders + baselines.unprepared()
        self._progress.say("starting tensorflow, loading the model")
        whole = baselines.load_whole_window(request.model, self.bundle)
        cache = ConversionCache(request.cache)
        return contenders + whole.contenders(
            request.options, self._windows(), cache, self._progress.say
        )

    def _memory_of(self, streamed: Contender) -> Memory:
        """With the bundle loaded and run, and no baseline yet: those bring tensorflow."""
        Trial(streamed.subject, self.frames.pixels, replace(self.request.plan, warmup=0)).warm_up()
        own = read_memory()
        return Memory(own.rss_bytes, own.peak_rss_bytes, own.pss_bytes)

    def _windows(self) -> Sequence[np.ndarray]:
        """Windows to calibrate with: the clips, else all windows of the frames."""
        if self.clips is not None:
            return self.clips.windows
        rgb = [pixels[..., ::-1] for pixels in self.frames.pixels]
        length = self.bundle.manifest.window
        if len(rgb) < length:
            raise ClipError(
                f"{self.frames.origin} holds {len(rgb)} frames, a window has {length}: give --data"
            )
        return [rgb[start : start + length] for start in range(len(rgb) - length + 1)]

    def _setup(self) -> Setup:
        plan, options = self.request.plan, self.request.options
        runtime = runtimes.load(options.runtime)
        return Setup(
            runtime=runtime.name,
            runtime_version=runtime.version,
            threads=options.board.threads if options.board else options.threads,
            delegate=str(options.delegate),
            frames=self.frames.describe(),
            min_frames=plan.frames,
            min_seconds=plan.seconds,
            rounds=plan.rounds,
            warmup_frames=plan.warmup,
            device=options.device,
        )


def _cold_start(found: Cold, frames: int) -> ColdStart:
    return ColdStart(summarise(found.first_result_s), found.peak_rss_bytes, frames)
