"""What a run was like: latencies in bounded memory, and a summary once it is over."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from edge import engine
from edge.answers import AnswersSeen, PeopleSeen
from edge_common import console, encode

if TYPE_CHECKING:
    from edge.emulated import Predicted
    from edge.sources.connection import Gaps
    from edge.stream import Decision

QUANTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


def percentiles(sample_ms: np.ndarray) -> dict[str, float]:
    """p50, p90 and p99 of a sample, in its unit (linear interpolation, Hyndman-Fan type 7)."""
    values = np.quantile(sample_ms, list(QUANTILES.values()))
    return {name: float(value) for name, value in zip(QUANTILES, values)}


class LatencyLog:
    """The newest `capacity` latencies of each stage, milliseconds."""

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._stages: dict[str, np.ndarray] = {}
        self._counts: dict[str, int] = {}

    def add(self, latencies_ms: Mapping[str, float]) -> None:
        """Record one latency for each named stage."""
        for stage, latency_ms in latencies_ms.items():
            if stage not in self._stages:
                self._stages[stage] = np.zeros(self._capacity, np.float32)
                self._counts[stage] = 0
            self._stages[stage][self._counts[stage] % self._capacity] = latency_ms
            self._counts[stage] += 1

    @property
    def stages(self) -> list[str]:
        return list(self._stages)

    def sample(self, stage: str) -> np.ndarray:
        """The kept latencies of a stage, milliseconds, in no particular order."""
        return self._stages[stage][: self._counts[stage]]

    def summary(self) -> dict[str, dict[str, float]]:
        """p50, p90, p99 of each stage, milliseconds."""
        return {stage: percentiles(self.sample(stage)) for stage in self._stages}


_START_TIME = 22  # which field of proc_pid_stat (5) it is, counted from 1
_FIRST_AFTER_NAME = 3  # a program's name may hold spaces and parentheses


def process_age_s(
    stat: Path = Path("/proc/self/stat"), boot_clock: Callable[[], float] | None = None
) -> float:
    """Seconds since this process was started, on Linux within 10 ms; 0 if the system does not tell.

    boot_clock: seconds since boot, sleep included; the system's unless given.
    """
    try:
        fields = stat.read_text(errors="replace").rpartition(")")[2].split()
    except OSError:  # no Linux, or no /proc is mounted
        try:
            started_s: float = psutil.Process().create_time()
        except psutil.Error:
            return 0.0
        return time.time() - started_s
    ticks = int(fields[_START_TIME - _FIRST_AFTER_NAME])
    now_s: float = boot_clock() if boot_clock else time.clock_gettime(time.CLOCK_BOOTTIME)
    return now_s - ticks / os.sysconf("SC_CLK_TCK")


class ArrivalRate:
    """Frames a second by the time they were captured, outages left out."""

    def __init__(self, capacity: int = 4096) -> None:
        self._intervals_s = np.zeros(capacity)
        self._count = 0
        self._before: float | None = None

    def add(self, time_s: float, restart: bool = False) -> None:
        """One frame's seconds on its source's clock; `restart`: it is the first after a gap."""
        if self._before is not None and not restart:
            self._intervals_s[self._count % len(self._intervals_s)] = time_s - self._before
            self._count += 1
        self._before = time_s

    @property
    def rate_hz(self) -> float:
        """Of the newest frames; 0 if there are too few. A pause is ten times the mean, or more."""
        intervals = self._intervals_s[: self._count]
        if len(intervals) < 2:
            return 0.0
        mean_s = float(intervals[intervals <= _PAUSE * intervals.mean()].mean())
        return 1 / mean_s if mean_s > 0 else 0.0


_PAUSE = 10
_RATE_RATIO = 1.5  # further apart than this is said
_ENOUGH_FRAMES = 30  # to measure a live source's rate


@dataclass
class RunSummary:
    """Counts and latencies of one run, filled while it goes on."""

    bundle: str
    source: str
    runtime: str
    delegate: str = "auto"  # as asked for
    frames: int = 0
    sampled: int = 0  # of them, at `rate_hz`, for the network
    decisions: int = 0
    dropped: int = 0
    skipped: int = 0
    announced: int | None = None  # frames that a recording says it holds
    source_warning: str = ""  # what of it was lost
    gaps: "Gaps | None" = None  # of a live source
    wall_s: float = 0.0
    first_result_s: float | None = None  # process start to the end of the first push
    first_decision_s: float | None = None  # ... and to the first full window's decision
    peak_rss_bytes: int = 0
    window: int = 1  # frames that a decision looks at
    trained_rate_hz: float = 0.0  # what the network was trained at; 0 if unknown
    rate_hz: float = 0.0  # frames a second that the network is to get; 0: all
    source_rate_hz: float = 0.0  # that a recording announces; 0 for a live source
    arrivals: ArrivalRate = field(default_factory=ArrivalRate)  # of what was sampled
    latency: LatencyLog = field(default_factory=LatencyLog)
    answers: AnswersSeen = field(default_factory=AnswersSeen)
    newest: "Decision | None" = None
    people: PeopleSeen = field(default_factory=PeopleSeen)  # named by a gallery
    delegation: dict[str, engine.Delegation] = field(default_factory=dict)  # by the parts' roles
    predicted: "Predicted | None" = None  # whose latency the parts were held to

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.wall_s if self.wall_s > 0 else 0.0

    @property
    def _engine(self) -> str:
        delegate = "" if self.delegate == "auto" else f", delegate {self.delegate}"
        return self.runtime + delegate

    @property
    def rate_warning(self) -> str | None:
        """Motion looks faster or slower if frames come at another rate than in training."""
        rate_hz = self.arrivals.rate_hz or self.source_rate_hz
        if self.announced is None:  # live; how fast a recording is read says nothing of it
            rate_hz = rate_hz or self.frames_per_second
        if not self.trained_rate_hz or not rate_hz or self.frames < _ENOUGH_FRAMES:
            return None
        if 1 / _RATE_RATIO <= rate_hz / self.trained_rate_hz <= _RATE_RATIO:
            return None
        return (
            f"warning: the network was trained at {self.trained_rate_hz:.0f} frames/s and got "
            f"{rate_hz:.1f}: what moves looks faster or slower to it than it is"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "bundle": self.bundle,
            "source": self.source,
            "runtime": self.runtime,
            "delegate": self.delegate,
            "frames": self.frames,
            "sampled": self.sampled,
            "rate_hz": self.rate_hz or None,
            "decisions": self.decisions,
            "dropped": self.dropped,
            "skipped": self.skipped,
            "announced": self.announced,
            "source_warning": self.source_warning or None,
            **({} if self.gaps is None else {"gaps": encode(self.gaps)}),
            "wall_s": round(self.wall_s, 3),
            "frames_per_second": round(self.frames_per_second, 2),
            "first_result_s": self.first_result_s,
            "first_decision_s": self.first_decision_s,
            "peak_rss_mb": round(self.peak_rss_bytes / 1e6, 1),
            "rate_warning": self.rate_warning,
            "answers": self.answers.to_json(),
            "people": self.people.to_json(),
            "latency_ms": self.latency.summary(),
            "delegation": encode(self.delegation),
            "predicted": encode(self.predicted) if self.predicted else None,
        }

    def __str__(self) -> str:
        """The table that ends a run."""
        losses = f"{self.dropped} dropped" + (
            f", {self.skipped} unreadable" if self.skipped else ""
        )
        of_all = f" of {self.announced} announced" if self.source_warning and self.announced else ""
        some = f", {self.sampled} sampled at {self.rate_hz:g} Hz"
        sampled = some if self.rate_hz and self.sampled < self.frames else ""
        counts = (
            f"{self.bundle} on {self.source} with {self._engine}: {self.frames} frames{of_all}"
            f"{sampled}, {self.decisions} decisions, {losses}\n"
            f"{self.frames_per_second:.1f} frames/s, peak memory {self.peak_rss_bytes / 1e6:.0f} MB"
        )
        if self.frames and not self.decisions:
            counts += f"\nno decision: the window of {self.window} frames was never full"
        if self.gaps:
            counts += f"\n{self.gaps}"
        if self.source_warning:
            counts += f"\n{self.source_warning}"
        if self.rate_warning:
            counts += f"\n{self.rate_warning}"
        lines = (*self.answers.lines(), *self.people.lines())
        counts += "".join(f"\n{line}" for line in lines)
        counts += "".join(f"\n{line}" for line in engine.by_part(self.delegation))
        if self.predicted:
            counts = f"{self.predicted}\n{counts}"
        if not self.latency.stages:
            return counts
        rows = [
            [stage, *(f"{ms:.3f}" for ms in row.values())]
            for stage, row in self.latency.summary().items()
        ]
        return counts + "\n" + console.text_table(["ms a frame", "p50", "p90", "p99"], rows)
