"""What a run was like, once it is over."""

from dataclasses import dataclass, field
from typing import Any

from edge.latency import LatencyLog
from edge.text_table import text_table


@dataclass
class RunSummary:
    """Counts and latencies of one run, filled while it goes on."""

    bundle: str
    source: str
    runtime: str
    frames: int = 0
    decisions: int = 0
    dropped: int = 0
    skipped: int = 0
    wall_s: float = 0.0
    first_result_s: float | None = None
    peak_rss_bytes: int = 0
    latency: LatencyLog = field(default_factory=LatencyLog)

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.wall_s if self.wall_s > 0 else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "bundle": self.bundle,
            "source": self.source,
            "runtime": self.runtime,
            "frames": self.frames,
            "decisions": self.decisions,
            "dropped": self.dropped,
            "skipped": self.skipped,
            "wall_s": round(self.wall_s, 3),
            "frames_per_second": round(self.frames_per_second, 2),
            "first_result_s": self.first_result_s,
            "peak_rss_mb": round(self.peak_rss_bytes / 1e6, 1),
            "latency_ms": self.latency.summary(),
        }

    def __str__(self) -> str:
        """The table that ends a run."""
        lost = f"{self.dropped} dropped" + (f", {self.skipped} unreadable" if self.skipped else "")
        counts = (
            f"{self.bundle} on {self.source} with {self.runtime}: {self.frames} frames, "
            f"{self.decisions} decisions, {lost}\n"
            f"{self.frames_per_second:.1f} frames/s, peak memory {self.peak_rss_bytes / 1e6:.0f} MB"
        )
        if not self.latency.stages:
            return counts
        rows = [
            [stage, *(f"{ms:.3f}" for ms in row.values())]
            for stage, row in self.latency.summary().items()
        ]
        return counts + "\n" + text_table(["ms a frame", "p50", "p90", "p99"], rows)
