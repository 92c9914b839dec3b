"""The scenarios that a run was asked for, each with the bundle and the frames of the run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge.bundle.archive import Bundle
from edge.sinks.jsonl import JsonLines
from edge.sources import open_source
from edge.stream.stream import Stream
from edge_benchmarks.measure.frames import BenchFrames
from edge_benchmarks.measure.subjects import StreamSubject
from edge_benchmarks.measure.timing import Plan
from edge_benchmarks.record.record import Energy
from edge_benchmarks.run.request import Request
from edge_benchmarks.scenarios.camera import Camera, camera
from edge_benchmarks.scenarios.capacity import Capacity, capacity
from edge_benchmarks.scenarios.cold import Cold, cold
from edge_benchmarks.scenarios.multi_stream import MultiStream, multi_stream
from edge_benchmarks.scenarios.offline import Offline, offline
from edge_benchmarks.scenarios.pipeline import Pipeline, pipeline
from edge_benchmarks.scenarios.samples import BareStream
from edge_benchmarks.scenarios.soak import Soak, SoakPlan, soak
from edge_common.console import Progress
from edge_devices.telemetry import TimeLine

USUAL_RATE_HZ = 30.0
_CAPACITY_FRAMES = 100  # an attempt is judged by its p99


@dataclass
class ScenarioRuns:
    """energy: of the offline run, where the board has a meter."""

    request: Request
    bundle: Bundle
    frames: BenchFrames
    progress: Progress
    energy: Energy | None = None

    def run(self, name: str) -> Any:
        """One of `edge_benchmarks.commands.options.SCENARIOS`. Raises what the scenario raises."""
        self.progress.say(f"scenario {name}")
        runs: dict[str, Callable[[], Any]] = {
            "camera": self._camera,
            "offline": self._offline,
            "multi-stream": self._multi_stream,
            "capacity": self._capacity,
            "cold": self._cold,
            "soak": self._soak,
            "pipeline": self._pipeline,
        }
        return runs[name]()

    @property
    def _rate_hz(self) -> float:
        return self.request.rate_hz or self.bundle.manifest.frame_rate_hz or USUAL_RATE_HZ

    def _stream(self) -> Stream:
        return Stream(self.bundle, self.request.options)

    def _subject(self) -> BareStream:
        return BareStream(self._stream())

    def _camera(self) -> Camera:
        plan, rate_hz = self.request.plan, self._rate_hz
        count = max(plan.frames, round(plan.seconds * rate_hz))
        with self.progress.count("camera, frames", count) as on_frame:
            return camera(
                self._stream(),
                self.frames.pixels,
                plan,
                rate_hz,
                deadline_ms=self.request.deadline_ms,
                on_frame=on_frame,
            )

    def _offline(self) -> Offline:
        line = TimeLine()
        line.start()
        found = offline(self._subject(), self.frames.pixels, self.request.plan)
        line.take()
        measured = sum(batch.frames for batch in found.batches)
        if line.energy.joules and measured:
            per_frame_mj = 1e3 * line.energy.joules / measured
            self.energy = Energy(
                line.energy.covers, line.energy.joules, line.energy.measured_s, per_frame_mj
            )
        return found

    def _multi_stream(self) -> MultiStream:
        subjects = [self._subject() for _ in range(self.request.streams)]
        threaded = self.request.stream_threads
        return multi_stream(subjects, self.frames.pixels, self.request.plan, threaded=threaded)

    def _capacity(self) -> Capacity:
        asked = self.request
        plan = Plan(max(asked.plan.frames, _CAPACITY_FRAMES), asked.plan.seconds)
        return capacity(
            self._subject,
            self.frames.pixels,
            plan,
            self._rate_hz,
            threaded=asked.stream_threads,
            on_tried=lambda tried: self.progress.say(
                f"... {tried.streams} streams: p99 {tried.p99_ms or 0:.1f} ms a round"
            ),
        )

    @property
    def cold_frames(self) -> int:
        """How many frames edge-run is given in a cold start."""
        return self.bundle.manifest.window + 15

    def _cold(self) -> Cold:
        asked, count = self.request, self.cold_frames
        with self.progress.count("starting anew, times", asked.cold_starts) as on_start:
            return cold(
                asked.bundle,
                asked.options,
                self.frames,
                count=count,
                repeats=asked.cold_starts,
                on_start=on_start,
            )

    def _soak(self) -> Soak:
        asked, line = self.request, TimeLine()
        rate_hz = self._rate_hz if asked.rate_hz is None else asked.rate_hz
        plan = SoakPlan(60 * asked.soak_minutes, asked.soak_interval_s, rate_hz)
        line.start()
        intervals = max(1, round(plan.seconds / plan.interval_s))
        with self.progress.count("soak, intervals", intervals) as on_interval:
            return soak(
                StreamSubject(self._stream()),
                self.frames.pixels,
                plan,
                telemetry=line.take,
                on_interval=lambda interval: on_interval(),
            )

    def _pipeline(self) -> Pipeline:
        uri = self.frames.uri or ""  # refused before
        with _scratch_file() as path:
            return pipeline(
                self._stream(),
                lambda: open_source(uri),
                lambda: JsonLines(str(path)),
                self.request.plan,
            )


@contextmanager
def _scratch_file() -> Iterator[Path]:
    with TemporaryDirectory(prefix="edge-bench-") as folder:
        yield Path(folder) / "decisions.jsonl"
