"""pipeline: edge-run's own loop over a recording, from `capture` to `sink`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edge_benchmarks.cells import interrupted, spreads
from edge_benchmarks.scenarios.base import (
    FrameSamples,
    Inputs,
    Interruptible,
    Scenario,
    ScenarioOutcome,
    Series,
)
from edge_common import ConfigError, SourceError, document

if TYPE_CHECKING:
    import numpy as np

    from edge import Stream, sinks, sources, summary
    from edge_benchmarks.measure import timing

PASS_FRAMES = 50_000  # a longer recording is begun anew
_CAPTURE, _PUSH, _SINKS, _AGE = "capture", "push, all of it", "sinks", "frame age"


@dataclass(frozen=True)
class PipelineResult:
    """samples: totals from asking for a frame to its decision written; a round is a pass.

    stages_ms: `capture`, each stage of the stream, `sink`. What a total has beyond them
    is `push` reading the answers.
    """

    samples: FrameSamples
    complete: bool = True


def measure_pipeline(
    stream: Stream,
    open_source: Callable[[], sources.Source],
    open_sink: Callable[[], sinks.Sink],
    plan: timing.Plan,
    *,
    clock: timing.Clock = time.perf_counter_ns,
    on_frame: Callable[[], None] = lambda: None,
) -> PipelineResult:
    """Run over a recording until both minima of the plan are met, over it again if need be.

    stream: with a hop of 1. Raises SourceError if the recording ends before there is
    a decision to measure.
    """
    player = _Player(stream, open_source, open_sink, on_frame)
    with Interruptible() as running:
        player.play(stream.bundle.manifest.window + plan.warmup)
        started = clock()

        def enough() -> bool:
            return player.measured >= plan.frames and clock() - started >= plan.seconds * 1e9

        while not enough():
            player.measure_pass(enough)
    return PipelineResult(player.samples(), running.complete)


class _Player:
    """One run of the loop for each time that the recording is played."""

    def __init__(
        self,
        stream: Stream,
        open_source: Callable[[], sources.Source],
        open_sink: Callable[[], sinks.Sink],
        on_frame: Callable[[], None],
    ) -> None:
        self._stream, self._on_frame = stream, on_frame
        self._open_source, self._open_sink = open_source, open_sink
        self._filling = stream.bundle.manifest.window - 1  # frames without a decision
        self._skipped = max(self._filling, 1)  # sources read their first frame when opened
        self._passes: list[summary.RunSummary] = []

    @property
    def measured(self) -> int:
        """Frames so far, of all passes."""
        return sum(max(each.frames - self._skipped, 0) for each in self._passes)

    def play(
        self,
        max_frames: int,
        *,
        enough: Callable[[], bool] = lambda: False,
        keep: Callable[[summary.RunSummary], None] = lambda figures: None,
    ) -> None:
        """Play the recording from its start; `keep` is given the figures while they grow."""
        from edge import loop, sinks, summary

        def check(_: summary.RunSummary) -> None:
            self._on_frame()
            if enough():
                raise sinks.RunEnded

        self._stream.reset()
        with closing(self._open_source()) as source:
            log = summary.LatencyLog(PASS_FRAMES)
            counts = summary.SourceSummary(source)
            figures = summary.RunSummary("", [counts], "", latency=log)
            keep(figures)
            feeds = [loop.Feed(counts, self._stream, [self._open_sink()])]
            loop.run(feeds, figures, loop.RunLimits(max_frames), on_frame=check)

    def measure_pass(self, enough: Callable[[], bool]) -> None:
        """Play until the end, or until it is enough. Raises SourceError for no decision."""
        before = self.measured
        self.play(PASS_FRAMES, enough=enough, keep=self._passes.append)
        if self.measured == before and not enough():
            last = self._passes[-1]
            raise SourceError(
                f"{last.sources[0].source.name} holds {last.frames} frames, too few for a window of "
                f"{self._filling + 1}: give a longer recording"
            )

    def samples(self) -> FrameSamples:
        """The measured frames of all passes."""
        passes = [self._series(each.latency) for each in self._passes]
        return _joined([series for series in passes if series])

    def _series(self, log: summary.LatencyLog) -> dict[str, np.ndarray]:
        """Latencies of the measured frames, all stages alike; empty if there are none."""
        samples = {stage: log.sample(stage) for stage in log.stages if stage != _AGE}
        if not {_CAPTURE, _PUSH, _SINKS} <= samples.keys():
            return {}
        # the log of a stage without a value for each frame begins with the first decision
        offset = dict.fromkeys(samples, self._filling) | {_CAPTURE: 0, _SINKS: 0}
        end = min(len(sample) + offset[stage] for stage, sample in samples.items())
        if end <= self._skipped:
            return {}
        first = self._skipped
        return {s: samples[s][first - offset[s] : end - offset[s]] for s in samples}


def _joined(passes: Sequence[dict[str, np.ndarray]]) -> FrameSamples:
    import numpy as np

    if not passes:
        return FrameSamples(())
    all_ms = {stage: np.concatenate([series[stage] for series in passes]) for stage in passes[0]}
    capture, push, sink = (all_ms.pop(stage) for stage in (_CAPTURE, _PUSH, _SINKS))
    stages = {"capture": capture, **all_ms, "sink": sink}
    return FrameSamples(
        _series_of(capture + push + sink),
        stages_ms={stage: _series_of(ms) for stage, ms in stages.items()},
        rounds=tuple(len(series[_PUSH]) for series in passes),
    )


def _series_of(sample_ms: np.ndarray) -> Series:
    """Rounded to nanoseconds, as the clock gave them."""
    return tuple(sample_ms.astype("float64").round(6).tolist())


@dataclass(frozen=True)
class Pipeline(Scenario[PipelineResult]):
    """Has no options of its own; --source names the recording."""

    name = "pipeline"
    summary = "--source to file"

    @classmethod
    def result_type(cls) -> type[PipelineResult]:
        return PipelineResult

    def check(self, inputs: Inputs) -> None:
        if inputs.frames.uri is None:
            raise ConfigError("the pipeline scenario reads a recording: give --source")

    def run(self, inputs: Inputs) -> ScenarioOutcome[PipelineResult]:
        from edge.sinks.jsonl import JsonLines
        from edge.sources import open_source

        uri = inputs.frames.uri or ""  # refused before
        with TemporaryDirectory(prefix="edge-bench-") as folder:
            path = str(Path(folder) / "decisions.jsonl")
            result = measure_pipeline(
                inputs.stream(), lambda: open_source(uri), lambda: JsonLines(path), inputs.plan
            )
        return ScenarioOutcome(result)

    @classmethod
    def show(cls, result: PipelineResult) -> document.Section:
        samples = result.samples
        series = {"from capture to sink": samples.total_ms, **samples.stages_ms}
        return document.Section(
            "Pipeline",
            ["edge-run's own loop over a recording.", *interrupted(result.complete)],
            [spreads("a frame, ms", series)],
            level=3,
            digest=[("pipeline, ms p50", _digest(samples))] if samples.total_ms else [],
        )


def _digest(samples: FrameSamples) -> str:
    stages = ", ".join(f"{name} {median(ms):.3f}" for name, ms in samples.stages_ms.items())
    return f"{stages}; all of it {median(samples.total_ms):.3f}"
