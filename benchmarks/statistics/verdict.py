"""Stable, or unstable because of what, and what to do about it."""

from collections.abc import Callable
from dataclasses import dataclass

from edge_benchmarks.statistics.samples import monotone_trend, spread

ENOUGH = 100  # times its step and its cost; below, one per cent of a figure is the clock


@dataclass(frozen=True)
class Evidence:
    """What is known of how one subject was measured; what is not known speaks for it.

    round_p50_ms: the median of each round, oldest first.
    waiting: share of a frame's time that it spent without a core.
    outliers: share of frames beyond Tukey's fences.
    clock: the clock's own step or cost, as a share of the shortest time it measured.
    """

    round_p50_ms: tuple[float, ...] = ()
    waiting: float = 0.0
    outliers: float = 0.0
    clock: float = 0.0


@dataclass(frozen=True)
class Check:
    """One way of being unstable: a share of the evidence that is above its limit."""

    reason: str
    next_step: str
    limit: float
    share: Callable[[Evidence], float]

    def fails(self, evidence: Evidence) -> bool:
        return self.share(evidence) > self.limit


@dataclass(frozen=True)
class Verdict:
    """failed: each check that failed, with the share that was found."""

    failed: tuple[tuple[Check, float], ...] = ()

    @property
    def stable(self) -> bool:
        return not self.failed

    @property
    def reasons(self) -> tuple[str, ...]:
        """What failed by how much, and what to do about it."""
        return tuple(f"{c.reason} ({share:.0%}): {c.next_step}" for c, share in self.failed)

    def __str__(self) -> str:
        return "stable" if self.stable else f"unstable because {'; '.join(self.reasons)}"


def judge(evidence: Evidence) -> Verdict:
    """Every reason to doubt a measurement, the gravest first."""
    return Verdict(tuple((c, c.share(evidence)) for c in CHECKS if c.fails(evidence)))


def _drift(evidence: Evidence) -> float:
    trend = monotone_trend(evidence.round_p50_ms)
    return abs(trend.change) if trend.drifts else 0.0


CHECKS = (
    Check(
        "the clock is coarse for what it times",
        "time several frames at once",
        1 / ENOUGH,
        lambda evidence: evidence.clock,
    ),
    Check(
        "the machine was busy, part of the time of a frame was spent waiting",
        "long frames wait more, which distorts the ratios: close other programs",
        0.10,
        lambda evidence: evidence.waiting,
    ),
    Check(
        "the medians of the rounds drift one way, as with heat",
        "let the machine come to a steady temperature and other programs end, then measure again",
        0.0,
        _drift,
    ),
    Check(
        "the medians of the rounds lie apart",
        "close other programs, or measure longer with --seconds",
        0.10,
        lambda evidence: spread(evidence.round_p50_ms),
    ),
    Check(
        "many frames take far longer or shorter than the rest",
        "look at p99 rather than the mean, and at what else runs on the machine",
        0.10,
        lambda evidence: evidence.outliers,
    ),
)
