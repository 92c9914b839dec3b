"""One benchmark run: open, time in alternating rounds, measure accuracy, start anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from benchmarks import baselines, record
from benchmarks.answers import judged
from benchmarks.cache import DEFAULT_FOLDER, ConversionCache
from benchmarks.cold_start import cold_start
from benchmarks.contenders import Contender, of_bundle, split_rerun
from benchmarks.described import describe
from benchmarks.frames import BenchFrames, choose_frames
from benchmarks.measurement import streaming, timed
from benchmarks.record import ColdStart, Measurement, Record, Setup
from benchmarks.timing import Plan, Trial, alternate
from devices.machine import this_machine
from edge import __version__, runtimes
from edge.bundle import Bundle
from edge.clips import Clips, read_clips
from edge.errors import ClipError
from edge.evaluate import check_labels
from edge.plain_tflite import open_any
from edge.progress import Progress
from edge.stream import EngineOptions

BASELINE_WARMUP = 5  # a baseline's frame is slow and its caches are full after one


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    bundle: str
    options: EngineOptions = field(default_factory=EngineOptions)
    data: Path | None = None
    clips: int | None = None
    source: str | None = None
    baselines: bool = False
    model: Path | None = None
    cache: Path = DEFAULT_FOLDER
    plan: Plan = field(default_factory=Plan)
    baseline_frames: int = 100
    cold_starts: int = 3

    @property
    def baseline_plan(self) -> Plan:
        frames = min(self.plan.frames, self.baseline_frames)
        return replace(self.plan, frames=frames, warmup=BASELINE_WARMUP)


class Bench:
    """A run under way: what was opened so far."""

    def __init__(self, request: Request, progress: Progress) -> None:
        self.request, self._progress = request, progress
        progress.say("opening the bundle")
        self.bundle: Bundle = open_any(request.bundle, runtime=request.options.runtime)
        self.tasks = self.bundle.manifest.tasks
        self.clips = self._read_clips()
        self.frames: BenchFrames = choose_frames(self.bundle, self.clips, request.source)

    def run(self) -> Record:
        """Measure everything that was asked for.

        Raises BundleError, EngineError, SourceError, ClipError, ModelError or ConfigError.
        """
        contenders = self._contenders()
        measurements = self._timed(contenders)
        asked = self._clips_to_answer()
        measurements = judged(measurements, contenders, self.bundle, asked, self._progress)
        rerun = next((m for m in measurements if m.name == record.SPLIT_RERUN), None)
        return Record(
            schema=record.SCHEMA_VERSION,
            created_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            edge_run=__version__,
            bundle=describe(self.request.bundle, self.bundle),
            machine=this_machine(),
            setup=self._setup(),
            measurements=tuple(measurements),
            data=Path(self.clips.name).name if self.clips else "",
            streaming=streaming(self.bundle.manifest.window, measurements[0], rerun),
            cold_start=self._cold_start(),
        )

    def _read_clips(self) -> Clips | None:
        if self.request.data is None:
            return None
        spec, window = self.bundle.manifest.input, self.bundle.manifest.window
        clips = read_clips(self.request.data, window, (spec.width, spec.height))
        check_labels(self.tasks, clips)
        return clips

    def _clips_to_answer(self) -> Clips | None:
        """Those that accuracy is measured on; all of them serve to calibrate and to time."""
        if self.clips is None or self.request.clips is None:
            return self.clips
        return self.clips.sample(self.request.clips)

    def _contenders(self) -> list[Contender]:
        request = self.request
        contenders = [of_bundle(record.STREAMED, self.bundle, request.options)]
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

    def _windows(self) -> Sequence[np.ndarray]:
        """Windows to calibrate with: the clips, else all windows of the frames."""
        if self.clips is not None:
            return self.clips.windows
        rgb = np.stack(self.frames.pixels)[..., ::-1]
        length = self.bundle.manifest.window
        if len(rgb) < length:
            raise ClipError(
                f"{self.frames.origin} holds {len(rgb)} frames, a window has {length}: give --data"
            )
        return [rgb[start : start + length] for start in range(len(rgb) - length + 1)]

    def _timed(self, contenders: Sequence[Contender]) -> list[Measurement]:
        plans = [self.request.plan, *[self.request.baseline_plan] * (len(contenders) - 1)]
        trials = {
            c.name: Trial(c.subject, self.frames.pixels, plan)
            for c, plan in zip(contenders, plans)
            if c.subject is not None
        }
        rounds = self.request.plan.rounds
        with self._progress.count("timing, rounds", rounds) as on_round:
            alternate(list(trials.values()), rounds, on_round)
        return [
            timed(c, trials[c.name])
            if c.name in trials
            else Measurement(c.name, not_measured=c.not_measured)
            for c in contenders
        ]

    def _cold_start(self) -> ColdStart | None:
        repeats = self.request.cold_starts
        if not repeats:
            return None
        count = self.bundle.manifest.window + 15
        with self._progress.count("starting edge-run anew, times", repeats) as on_start:
            return cold_start(
                self.request.bundle,
                self.request.options,
                self.frames,
                count=count,
                repeats=repeats,
                on_start=on_start,
            )

    def _setup(self) -> Setup:
        plan, options = self.request.plan, self.request.options
        runtime = runtimes.load(options.runtime)
        return Setup(
            runtime=runtime.name,
            runtime_version=runtime.version,
            threads=options.threads,
            delegate=options.delegate,
            frames=self.frames.describe(),
            min_frames=plan.frames,
            min_seconds=plan.seconds,
            rounds=plan.rounds,
            warmup_frames=plan.warmup,
        )
