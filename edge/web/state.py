"""A run as the page shows it: one snapshot a second, that all viewers share."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import events, health, stream, summary as summaries
from edge.web.history import AnswerHistory
from edge.web.watch import EventLog, SourceWatch
from edge_common import __version__
from edge_devices.detection.memory import read_memory
from edge_devices.telemetry import temperature

if TYPE_CHECKING:
    from edge.commands.run_options import RunOptions

_LATE_S, _START_S = 15.0, 60.0  # without a turn of the loop, which is a problem
_NEWEST = 1024  # latencies that the page's percentiles are of
_TEMPERATURE_S = 5


@dataclass
class PageRun:
    """One run between two readings of its settings.

    number: counts them, so that a page knows when to begin anew.
    rates_hz: frames a second of each source in the newest second.
    """

    number: int
    summary: summaries.RunSummary
    watches: Sequence[SourceWatch]
    log: EventLog
    options: "RunOptions"
    history: AnswerHistory
    began_at: float = field(default_factory=time.monotonic)
    rates_hz: list[float] = field(default_factory=list)
    temperature_c: float | None = None
    points: list[float | None] = field(default_factory=list)
    _frames: list[int] = field(default_factory=list)
    _ticked_at: float = math.nan
    _ticks: int = 0

    def tick(self, now: float) -> None:
        """Measure the second that has passed.  now: monotonic seconds."""
        frames = [counts.frames for counts in self.summary.sources]
        if self._frames and now > self._ticked_at:
            seconds = now - self._ticked_at
            self.rates_hz = [(a - b) / seconds for a, b in zip(frames, self._frames)]
        self._frames, self._ticked_at = frames, now
        self.points = self.history.tick()
        if self._ticks % _TEMPERATURE_S == 0:
            board = self.summary.board
            self.temperature_c = board.temperature_c if board else temperature.read_temperature_c()
        self._ticks += 1

    @property
    def has_ended(self) -> bool:
        return health.has_ended(self.summary)

    @property
    def clip_folders(self) -> list[Path]:
        return [Path(each.target) for each in self.options.outputs if each.kind.name == "clips"]

    def description(self) -> dict[str, Any]:
        """What does not change as long as it goes on."""
        bundle = self.watches[0].run.bundle if self.watches else None
        return {
            "run": self.number,
            "version": __version__,
            "bundle": self.summary.bundle,
            "sha256": bundle.sha256 if bundle else "",
            "engine": self.summary.runtime,
            "tasks": [{"name": t.name, "unit": t.unit} for t in bundle.tasks] if bundle else [],
            "series": [series.to_json() for series in self.history.series],
            "follows_people": bool(self.options.people),
            "has_clips": bool(self.clip_folders),
        }

    def state(self, viewers: int, problem: str = "", update_problem: str = "") -> dict[str, Any]:
        """What changes.  problem: of settings that were to be loaded; update_problem: of a bundle."""
        summary, memory = self.summary, read_memory(with_pss=False)
        return {
            "run": self.number,
            "at": events.now_text(),
            "up_s": round(time.monotonic() - self.began_at, 1),
            "has_ended": self.has_ended,
            "second": self.history.count,
            "points": self.points,
            "sources": [_source(n, self) for n in range(len(self.watches))],
            "latency_ms": dict(latencies_ms(summary)),
            "temperature_c": self.temperature_c,
            "memory_mb": _rounded((memory.rss_bytes or 0) / 1e6),
            "peak_memory_mb": _rounded((memory.peak_rss_bytes or 0) / 1e6),
            "alerts": _alerts(self),
            "events": self.log.revision,
            "outputs": [{**each.to_json(), "problem": each.problem} for each in summary.outputs],
            "drift": [f"{each.source}: {each.state}" for each in summary.drift or ()],
            "viewers": viewers,
            "problem": problem,
            "update_problem": update_problem,
        }


def problem(run: PageRun | None, now: float | None = None) -> str:
    """Why the run is not well, without names, for those who restart what is not; "" if it is.

    now: monotonic seconds.
    """
    if run is None:
        return "no run has begun yet"
    if run.has_ended:
        return "all sources have ended"
    now = time.monotonic() if now is None else now
    patience_s = _LATE_S if health.has_begun(run.summary) else _START_S
    return health.trouble(run.summary, now - run.summary.turned_at, patience_s)[0]


def latencies_ms(summary: summaries.RunSummary) -> Iterator[tuple[str, dict[str, float]]]:
    """p50, p90 and p99 of the newest of each stage."""
    for stage in summary.latency.stages:
        sample = summary.latency.newest(stage, _NEWEST)
        if len(sample):
            values = summaries.percentiles(sample)
            yield stage, {name: round(ms, 3) for name, ms in values.items()}


def _source(number: int, run: PageRun) -> dict[str, Any]:
    watch, counts = run.watches[number], run.summary.sources[number]
    source, view, newest = counts.source, watch.view, watch.newest
    age_s = time.monotonic() - watch.taken_at
    return {
        "name": source.name,
        "live": source.live,
        "ended": counts.ended,
        "size": list(watch.size),
        "frames": counts.frames,
        "total": source.total,
        "decisions": counts.decisions,
        "dropped": source.dropped,
        "unreadable": source.skipped,
        "rate_hz": _rounded(run.rates_hz[number] if run.rates_hz else math.nan),
        "age_s": _rounded(age_s),
        "age_ms": _rounded(newest.age_ms if newest else math.nan),
        "gap_s": _rounded(source.gap_s()),
        "gaps": None if source.gaps is None else vars(source.gaps),
        "people": view.presence.count if view else None,
        "answers": list(_answers(watch)),
    }


def _answers(watch: SourceWatch) -> Iterator[dict[str, Any]]:
    """Of the whole frame, or of each who is there."""
    view = watch.view
    if view is None:
        if watch.newest is not None:
            yield {"who": "", "tasks": list(_tasks(watch.newest))}
        return
    answers = watch.answers.by_track.copy()
    for track in view.tracks:
        name = "" if track.name is None else f" {track.name}"
        decision, _ = answers.get(track.number, (None, 0.0))
        zones = [f"in {zone} for {seconds:.0f} s" for zone, seconds in track.zones.items()]
        yield {
            "who": f"#{track.number}{name}",
            "zones": zones,
            "tasks": list(_tasks(decision)) if decision else [],
        }


def _tasks(decision: stream.Decision) -> Iterator[dict[str, Any]]:
    for name, prediction in decision.tasks.items():
        if prediction.vector is None or prediction.label:
            share = prediction.share
            text = str(prediction) if share is None else prediction.label
            yield {"task": name, "text": text, "share": _rounded(share, 3)}


def _alerts(run: PageRun) -> list[Mapping[str, Any]]:
    severities = {str(alert): alert.severity for alert in run.options.alerts}
    return [
        {"name": name, "severity": severities.get(name, "warning"), **counts}
        for name, counts in run.summary.events.to_json().items()
    ]


def _rounded(value: float | None, digits: int = 1) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
