"""What came of one source in a run: counts, gaps, and the rate that its frames came at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.sources import Source
from edge_common import encode

if TYPE_CHECKING:
    from edge.stream import Frame


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
_SHORTEST_S, _MOST_AGES = 1 / 240, 65_536  # of a gap of months the oldest
_ENOUGH_FRAMES = 30  # to measure a live source's rate


@dataclass
class SourceSummary:
    """Of one source, filled while the run goes on; what the source itself counts is read from it."""

    source: Source
    frames: int = 0
    sampled: int = 0  # of them, for the network
    decisions: int = 0
    ended: bool = False
    arrivals: ArrivalRate = field(default_factory=ArrivalRate)  # of what was sampled

    def ages_ms(self, frame: "Frame") -> np.ndarray:
        """How old the frame before had become each time that another one should have come.

        Empty unless this one is the first behind a gap that frames came before.
        """
        if not (gap_s := frame.gap_s) or not self.frames:
            return np.empty(0)
        interval_s = max(1 / self.arrivals.rate_hz if self.arrivals.rate_hz else gap_s, _SHORTEST_S)
        return 1e3 * (gap_s - interval_s * np.arange(int(min(gap_s / interval_s, _MOST_AGES))))

    def rate_warning(self, trained_rate_hz: float, wall_s: float) -> str | None:
        """Motion looks faster or slower if frames come at another rate than in training."""
        live = self.source.live
        rate_hz = self.arrivals.rate_hz or (0.0 if live else self.source.rate_hz)
        if live and wall_s > 0:  # how fast a recording is read says nothing of it
            rate_hz = rate_hz or self.frames / wall_s
        if not trained_rate_hz or not rate_hz or self.frames < _ENOUGH_FRAMES:
            return None
        if 1 / _RATE_RATIO <= rate_hz / trained_rate_hz <= _RATE_RATIO:
            return None
        return (
            f"warning: the network was trained at {trained_rate_hz:.0f} frames/s and got "
            f"{rate_hz:.1f}: what moves looks faster or slower to it than it is"
        )

    def to_json(self) -> dict[str, Any]:
        source = self.source
        return {
            "source": source.name,
            "frames": self.frames,
            "sampled": self.sampled,
            "decisions": self.decisions,
            "dropped": source.dropped,
            "skipped": source.skipped,
            "announced": source.total,
            "source_warning": source.warning or None,
            **({} if source.gaps is None else {"gaps": encode(source.gaps)}),
        }


_ADDED = ("frames", "sampled", "decisions", "dropped", "skipped")


def sums(sources: Sequence[SourceSummary]) -> dict[str, Any]:
    """As one source says it of itself, for all of them; gaps are of each one alone."""
    rows = [each.to_json() for each in sources]
    if len(rows) == 1:
        return rows[0]
    announced = [row["announced"] for row in rows]
    warnings = "\n".join(row["source_warning"] for row in rows if row["source_warning"])
    return {
        "source": ", ".join(row["source"] for row in rows),
        **{key: sum(row[key] for row in rows) for key in _ADDED},
        "announced": None if None in announced else sum(announced),
        "source_warning": warnings or None,
    }


def counts(sources: Sequence[SourceSummary], rate_hz: float) -> str:
    """How many frames came, and what became of them.  rate_hz: that the network is to get, or 0."""
    total = sums(sources)
    of_all = f" of {total['announced']} announced" if total["source_warning"] else ""
    sampled = f", {total['sampled']} sampled at {rate_hz:g} Hz"
    return (
        f"{total['frames']} frames{of_all if total['announced'] else ''}"
        f"{sampled if rate_hz and total['sampled'] < total['frames'] else ''}"
        f", {total['decisions']} decisions, {total['dropped']} dropped"
        f"{', {} unreadable'.format(total['skipped']) if total['skipped'] else ''}"
    )
