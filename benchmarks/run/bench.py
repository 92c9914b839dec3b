"""One benchmark run: open, time in alternating rounds, evaluate, run scenarios, look inside."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import numpy as np

from edge.bundle import Bundle, plain_tflite
from edge.check.clips import Clips, read_clips_for
from edge.check.evaluate import check_labels
from edge.stream import golden_inputs, require_tasks
from edge_benchmarks.inside.cross_check import measure_overhead
from edge_benchmarks.measure import conditions, processes, subjects, timing
from edge_benchmarks.prediction import counters, work_here
from edge_benchmarks.record import (
    SCHEMA_VERSION,
    SPLIT_RERUN,
    STREAMED,
    Measurement,
    MemoryUse,
    Record,
)
from edge_benchmarks.run import baselines, measurement, request, targets
from edge_benchmarks.scenarios import base, timed_stream
from edge_common import ClipError, EdgeError, __version__, console
from edge_devices.detection import machine, memory
from edge_devices.telemetry import Sample, TimeLine


class Bench:
    """A run under way: what was opened, and the record so far."""

    def __init__(self, run_request: request.BenchRequest, progress: console.Progress) -> None:
        self._progress = progress
        progress.say("opening the bundle")
        self.bundle: Bundle = plain_tflite.open_any(
            run_request.bundle, runtime=run_request.options.runtime
        )
        require_tasks(self.bundle)
        options = run_request.options.with_inputs(golden_inputs(self.bundle))
        self.request = run_request = replace(run_request, options=options)
        if self.bundle.assumptions:
            progress.say(self.bundle.assumptions)
        self.tasks = self.bundle.manifest.tasks
        self.clips = self._read_clips()
        self.frames: conditions.BenchFrames = conditions.choose_frames(
            self.bundle, self.clips, run_request.source
        )
        request.refuse_impossible(run_request, self._inputs)
        self._counters = counters(run_request.analyses.count_for, progress)
        self._record: Record | None = None  # until frames were timed
        self._failures: list[str] = []

    def run(self) -> Record:
        """Measure everything that was asked for.

        Interrupted, it gives what was measured until then, with `complete` False; raises
        KeyboardInterrupt if that is nothing. What fails after the timing is in
        `failures`, and the rest goes on. Raises BundleError, EngineError, SourceError,
        ClipError, ModelError or ConfigError.
        """
        complete = self._finished(self._measure) and all(map(self._finished, self._further()))
        if self._record is None:
            raise KeyboardInterrupt
        return replace(
            self._record,
            created_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            complete=complete,
            failures=tuple(self._failures),
        )

    def _finished(self, step: Callable[[], bool | None]) -> bool:
        """Whether a step came to its end: it may say so itself, or be interrupted."""
        try:
            return step() is not False
        except KeyboardInterrupt:
            return False
        except EdgeError as error:
            if self._record is None:
                raise
            self._failures.append(str(error))  # minutes of timing are not thrown away for it
            self._progress.say(f"warning: {error}")
            return True

    def _further(self) -> Iterator[Callable[[], bool | None]]:
        yield self._evaluate
        yield self._processes
        for scenario in self.request.scenarios:
            if scenario.enabled:
                yield partial(self._run_scenario, scenario)
        analysis = request.Analysis(self.request, self.bundle, self._progress, self._counters)
        for step in analysis.steps():
            yield partial(self._analyse, step)

    def _measure(self) -> bool:
        timer, overhead = timing.check_timer(), measure_overhead()
        self._targets = self._make_targets()
        plans = [self.request.plan, *[self.request.baseline_plan] * (len(self._targets) - 1)]
        trials = {
            target.name: timing.SubjectTimings(target.subject, self.frames.pixels, plan)
            for target, plan in zip(self._targets, plans)
            if target.subject is not None
        }
        result, telemetry = self._time(trials)
        if STREAMED not in result.samples:
            return False
        measurements = [
            measurement.to_measurement(target, trials[target.name], timer)
            if target.name in result.samples
            else Measurement(target.name, not_measured=target.not_measured or "interrupted")
            for target in self._targets
        ]
        record = self._first_record(measurements)
        self._record = replace(record, timer=timer, overhead=overhead, telemetry=telemetry)
        return result.complete

    def _time(
        self, trials: dict[str, timing.SubjectTimings]
    ) -> tuple[timed_stream.SingleStreamResult, tuple[Sample, ...]]:
        line, rounds = TimeLine(), self.request.plan.rounds
        line.start()
        with self._progress.count("timing, rounds", rounds) as on_round:

            def after_round() -> None:
                line.take()  # between rounds: a thread of its own would be in the way
                on_round()

            result = timed_stream.measure_single_stream(trials, rounds, after_round)
        return result, tuple(line.samples)

    def _first_record(self, measurements: Sequence[Measurement]) -> Record:
        """With what is known once frames were timed."""
        rerun = next((m for m in measurements if m.name == SPLIT_RERUN), None)
        streamed = self._targets[0].subject
        assert isinstance(streamed, subjects.StreamSubject)
        return Record(
            schema=SCHEMA_VERSION,
            created_at="",  # once it is whole
            edge_run=__version__,
            revision=measurement.git_revision(),
            bundle=measurement.describe(self.request.bundle, self.bundle),
            machine=machine.this_machine(),
            setup=conditions.Setup.of(
                self.request.options, self.frames.describe(), self.request.plan
            ),
            data=self.clips.short_name if self.clips else "",
            measurements=tuple(measurements),
            streaming=measurement.streaming(self.bundle.manifest.window, measurements[0], rerun),
            memory=self._memory,
            delegation=dict(streamed.delegation),
            predicted=streamed.predicted,
            work={} if self.request.options.device else work_here(self.bundle),
        )

    @property
    def _measured(self) -> Record:
        """The record so far; only what comes after the timing may ask for it."""
        assert self._record is not None
        return self._record

    def _evaluate(self) -> None:
        clips = self.clips
        if clips is not None and self.request.clips is not None:
            clips = clips.sample(self.request.clips)  # all of them serve to calibrate and to time
        record = self._measured
        measurements = measurement.evaluated(
            record.measurements, self._targets, self.bundle, clips, self._progress
        )
        self._record = replace(record, measurements=tuple(measurements))

    def _processes(self) -> None:
        run_request, record = self.request, self._measured
        if not run_request.processes or record.streamed.total_ms is None:
            return
        floors: list[float] = []
        step = "fresh processes, for comparisons"
        with self._progress.count(step, run_request.processes) as on_process:
            plan = processes.plan_for(record.streamed.total_ms.p50)
            for floor in processes.process_floors_ms(
                run_request.bundle,
                run_request.options,
                self.frames,
                run_request.processes,
                plan,
                on_process,
            ):
                floors.append(floor)
                self._record = replace(record, process_floors_ms=tuple(floors))

    def _run_scenario(self, scenario: base.Scenario[Any]) -> bool:
        self._progress.say(f"scenario {scenario.name}")
        outcome = scenario.run(self._inputs)
        record = self._measured
        self._record = replace(
            record,
            scenarios=record.scenarios | {scenario.key(): outcome.result},
            energy=outcome.energy or record.energy,
            cold_start=outcome.cold_start or record.cold_start,
        )
        return outcome.result.complete

    @property
    def _inputs(self) -> base.Inputs:
        run_request = self.request
        return base.Inputs(
            run_request.bundle,
            self.bundle,
            run_request.options,
            self.frames,
            run_request.plan,
            self._progress,
        )

    def _analyse(self, step: request.Step) -> None:
        self._record = step(self._measured)

    def _read_clips(self) -> Clips | None:
        if self.request.data is None:
            return None
        manifest = self.bundle.manifest
        clips_read = read_clips_for(
            self.request.data, manifest.clip_frames, manifest.input, manifest.inputs
        )
        return check_labels(self.tasks, clips_read)

    def _make_targets(self) -> list[targets.Target]:
        run_request = self.request
        rows = [targets.bundle_target(STREAMED, self.bundle, run_request.options)]
        self._memory = self._memory_of(rows[0])
        if run_request.baselines is None:
            return rows
        rows.append(targets.split_rerun_target(self.bundle, run_request.options))
        if run_request.baselines.model is None:
            return rows + baselines.unprepared()
        self._progress.say("starting tensorflow, loading the model")
        whole = baselines.load_whole_window(run_request.baselines.model, self.bundle)
        cache = baselines.ConversionCache(run_request.cache)
        return rows + whole.targets(run_request.options, self._windows(), cache, self._progress.say)

    def _memory_of(self, streamed: targets.Target) -> MemoryUse | None:
        """With the bundle loaded and run, and no baseline yet: those bring tensorflow."""
        assert streamed.subject is not None
        plan = replace(self.request.plan, warmup=0)
        timing.SubjectTimings(streamed.subject, self.frames.pixels, plan).warm_up()
        own = memory.read_memory()
        if own.rss_bytes is None or own.peak_rss_bytes is None:
            return None
        return MemoryUse(own.rss_bytes, own.peak_rss_bytes, own.pss_bytes)

    def _windows(self) -> Sequence[np.ndarray]:
        """Windows to calibrate with: the clips, else all windows of the frames."""
        if self.clips is not None:
            return list(self.clips.windows)
        spec = self.bundle.manifest.input
        rgb = np.stack([p if spec.is_features else p[..., ::-1] for p in self.frames.pixels])
        length = self.bundle.manifest.window
        if len(rgb) < length:
            raise ClipError(
                f"{self.frames.origin} holds {len(rgb)} frames, a window has {length}: give --data"
            )
        return [rgb[start : start + length] for start in range(len(rgb) - length + 1)]
