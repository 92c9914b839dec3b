"""What a run was like: latencies in bounded memory, and a summary once it is over."""

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from edge import engine
from edge.answers import AnswersSeen, EventsSeen, NamesSeen
from edge.source_summary import SourceSummary as SourceSummary, counts, sums as sums
from edge_common import console, encode

if TYPE_CHECKING:
    from edge.emulated import Predicted
    from edge.events.drift import DriftWatch
    from edge.scene import SceneSummary
    from edge.sinks import Sink
    from edge.sinks.queued import OutputCounts
    from edge.stream import CallsSaved, Decision
    from edge.throttling import BoardState
    from edge.updates.changes import UpdateChange

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
            self._log(stage)[self._counts[stage] % self._capacity] = latency_ms
            self._counts[stage] += 1

    def add_all(self, stage: str, latencies_ms: np.ndarray) -> None:
        """Record several of one stage, in their order."""
        log, newest = self._log(stage), latencies_ms[-self._capacity :]
        log[(self._counts[stage] + np.arange(len(newest))) % self._capacity] = newest
        self._counts[stage] += len(newest)

    def _log(self, stage: str) -> np.ndarray:
        if stage not in self._stages:
            self._stages[stage], self._counts[stage] = np.zeros(self._capacity, np.float32), 0
        return self._stages[stage]

    @property
    def stages(self) -> list[str]:
        return list(self._stages)

    def sample(self, stage: str) -> np.ndarray:
        """The kept latencies of a stage, milliseconds, in no particular order."""
        return self._stages[stage][: self._counts[stage]]

    def newest(self, stage: str, most: int) -> np.ndarray:
        """The newest latencies of a stage, at most so many, in no particular order."""
        sample, count = self._stages[stage], self.count(stage)
        return sample[np.arange(max(0, count - most), count) % self._capacity]

    def count(self, stage: str) -> int:
        """How many there were, also of those that are not kept."""
        return self._counts.get(stage, 0)

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


@dataclass
class RunSummary:
    """Counts and latencies of one run, filled while it goes on."""

    bundle: str
    sources: Sequence[SourceSummary]
    runtime: str
    delegate: str = "auto"  # as asked for
    wall_s: float = 0.0
    first_result_s: float | None = None  # process start to the end of the first push
    first_decision_s: float | None = None  # ... and to the first full window's decision
    peak_rss_bytes: int = 0
    turns: int = 0  # of the loop: one a second at least, while it goes on
    turned_at: float = field(default_factory=time.monotonic)  # the newest
    window: int = 1  # frames that a decision looks at
    trained_rate_hz: float = 0.0  # what the network was trained at; 0 if unknown
    rate_hz: float = 0.0  # frames a second that the network is to get; 0: all
    latency: LatencyLog = field(default_factory=LatencyLog)
    answers: AnswersSeen = field(default_factory=AnswersSeen)
    newest: "Decision | None" = None
    names: NamesSeen = field(default_factory=NamesSeen)  # of people in a gallery
    events: EventsSeen = field(default_factory=EventsSeen)  # of alerts, if there are any
    delegation: dict[str, engine.Delegation] = field(default_factory=dict)  # by the parts' roles
    predicted: "Predicted | None" = None  # whose latency the parts were held to
    scene: "SceneSummary | None" = None  # of people, if they were looked for
    calls_saved: "Sequence[CallsSaved]" = ()  # by motion gates; empty without
    outputs: "Sequence[OutputCounts]" = ()  # of those behind a queue
    # of each source; empty: the bundle says nothing to compare with; None: nobody asked
    drift: "Sequence[DriftWatch] | None" = None
    board: "BoardState | None" = None  # None: nobody looks at its heat
    updates: "deque[UpdateChange]" = field(default_factory=deque)  # that no output was told of yet

    def end(self, counts: SourceSummary, source_name: str | None) -> None:
        """A source gives no more frames, and nobody is there in it any more.

        source_name: if there are several.
        """
        counts.ended = True
        if self.scene:
            self.scene.present.pop(source_name, None)

    def add_outputs(self, sinks: "Sequence[Sequence[Sink]]") -> None:
        """Tell of these, which sources may share, from now on."""
        every = dict.fromkeys(sink for of_source in sinks for sink in of_source)
        self.outputs = [sink.counts for sink in every if hasattr(sink, "counts")]

    @property
    def frames(self) -> int:
        return sum(each.frames for each in self.sources)

    @property
    def decisions(self) -> int:
        return sum(each.decisions for each in self.sources)

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.wall_s if self.wall_s > 0 else 0.0

    @property
    def _engine(self) -> str:
        delegate = "" if self.delegate == "auto" else f", delegate {self.delegate}"
        return self.runtime + delegate

    @property
    def rate_warning(self) -> str | None:
        """One line for each source that came at another rate than the network was trained at."""
        lines = []
        for each in self.sources:
            if warning := each.rate_warning(self.trained_rate_hz, self.wall_s):
                lines.append(f"{each.source.name}: {warning}" if self.sources[1:] else warning)
        return "\n".join(lines) or None

    @property
    def _drift_lines(self) -> list[str]:
        if self.drift is None:
            return []
        if not self.drift:
            return ["drift: not watched, as the bundle holds no reference (docs/drift.md)"]
        several = len(self.drift) > 1
        return [f"drift{f' of {w.source}' if several else ''}: {w.state}" for w in self.drift]

    def to_json(self) -> dict[str, Any]:
        """Of several sources all counts are sums, and `sources` has those of each."""
        several = [each.to_json() for each in self.sources] if self.sources[1:] else []
        return {
            "bundle": self.bundle,
            "runtime": self.runtime,
            "delegate": self.delegate,
            **sums(self.sources),
            "rate_hz": self.rate_hz or None,
            "wall_s": round(self.wall_s, 3),
            "frames_per_second": round(self.frames_per_second, 2),
            "first_result_s": self.first_result_s,
            "first_decision_s": self.first_decision_s,
            "peak_rss_mb": round(self.peak_rss_bytes / 1e6, 1),
            "rate_warning": self.rate_warning,
            "answers": self.answers.to_json(),
            "people": self.names.to_json(),
            "latency_ms": self.latency.summary(),
            "delegation": encode(self.delegation),
            "predicted": encode(self.predicted) if self.predicted else None,
            "gate": {each.role: each.to_json() for each in self.calls_saved} or None,
            **({"events": self.events.to_json()} if self.events else {}),
            **({"board": self.board.to_json()} if self.board else {}),
            **({"drift": [each.to_json() for each in self.drift]} if self.drift else {}),
            **({"outputs": [each.to_json() for each in self.outputs]} if self.outputs else {}),
            **({"scene": self.scene.to_json()} if self.scene else {}),
            **({"sources": several} if several else {}),
        }

    def __str__(self) -> str:
        """The table that ends a run."""
        several = len(self.sources) > 1
        name = f"{len(self.sources)} sources" if several else self.sources[0].source.name
        text = (
            f"{self.bundle} on {name} with {self._engine}: {counts(self.sources, self.rate_hz)}\n"
            f"{self.frames_per_second:.1f} frames/s, peak memory {self.peak_rss_bytes / 1e6:.0f} MB"
        )
        if self.frames and not self.decisions:
            nobody = self.scene is not None and not self.scene.people_seen
            never = f"the window of {self.window} frames was never full"
            text += f"\nno decision: {'nobody was there' if nobody else never}"
        for each in self.sources:
            source = each.source
            row = [f"{source.name}: {counts([each], self.rate_hz)}"] if several else []
            row += [str(source.gaps)] if source.gaps else []
            text += "\n" + ", ".join(row) if row else ""
            text += f"\n{source.warning}" if source.warning else ""
        if self.rate_warning:
            text += f"\n{self.rate_warning}"
        if self.calls_saved:
            shares = [f"{each.role} calls {each.share * 100:.0f} %" for each in self.calls_saved]
            text += f"\nsaved by the motion gate: {', '.join(shares)}"
        scene = self.scene.lines() if self.scene else ()
        outputs = filter(None, map(str, self.outputs))
        seen = (*self.answers.lines(), *self.names.lines(), *self.events.lines())
        board = self.board.lines() if self.board else ()
        lines = (*scene, *board, *self._drift_lines, *seen, *outputs)
        text += "".join(f"\n{line}" for line in lines)
        text += "".join(f"\n{line}" for line in engine.by_part(self.delegation))
        if self.predicted:
            text = f"{self.predicted}\n{text}"
        if not self.latency.stages:
            return text
        rows = [
            [stage, *(f"{ms:.3f}" for ms in row.values())]
            for stage, row in self.latency.summary().items()
        ]
        return text + "\n" + console.text_table(["ms a frame", "p50", "p90", "p99"], rows)
