"""Pictures of latencies: how they are spread, and whether another clock agrees."""

from collections.abc import Sequence

import numpy as np

from edge_benchmarks.record.record import Measurement
from edge_benchmarks.statistics.intervals import SHARES
from edge_common.figures import (
    COLOURS,
    INK,
    Axes,
    Figure,
    colours,
    far_apart,
    from_zero,
    legend,
    log_scale,
    panel,
    svg_figure,
)

_BINS = 90
_POINTS = 200
_DEEPEST = 0.9999


def distributions(measurements: Sequence[Measurement]) -> str:
    """Histograms of the frames of each way, and their percentiles up to the tail."""
    shown = [found for found in measurements if found.frames_ms]
    colour = colours([found.name for found in shown])
    every = [ms for found in shown for ms in found.frames_ms]
    wide = far_apart(every) and min(every) > 0
    spaced = np.geomspace if wide else np.linspace
    edges = spaced(min(every), 1.001 * max(every), _BINS)

    def draw(figure: Figure) -> None:
        left, right = panel(figure, (1, 2, 1)), panel(figure, (1, 2, 2))
        for found in shown:
            _histogram(left, found, colour[found.name], edges)
            _tail(right, found, colour[found.name])
        if wide:
            log_scale(left)
            log_scale(right, "y")
        left.set_xlabel("a frame, ms")
        left.set_ylabel("share of frames, %")
        right.set_ylabel("a frame takes at most, ms")
        _percentile_axis(right)
        legend(figure, [left])

    return svg_figure(draw, height=3.7)


def _histogram(axes: Axes, found: Measurement, colour: str, edges: np.ndarray) -> None:
    values = np.asarray(found.frames_ms)
    weights = np.full(len(values), 100 / len(values))
    axes.hist(
        values, edges, weights=weights, histtype="stepfilled", color=colour, alpha=0.65,
        label=f"{found.name} ({len(values)})",
    )  # fmt: skip


def _tail(axes: Axes, found: Measurement, colour: str) -> None:
    """Against -log10 of the share of slower frames, as HdrHistogram plots it."""
    deepest = min(_DEEPEST, 1 - 1 / len(found.frames_ms))
    depths = np.linspace(0, _depth(deepest), _POINTS)
    axes.plot(depths, np.quantile(found.frames_ms, 1 - 10**-depths), color=colour)
    for name, estimate in found.percentiles.items():
        if estimate.interval is not None:
            at = _depth(SHARES[name])
            axes.plot([at, at], estimate.interval, color=colour, linewidth=4, alpha=0.45)


def _percentile_axis(axes: Axes) -> None:
    axes.set_xticks([_depth(share) for share in SHARES.values()], SHARES)
    axes.set_xlabel("percentile (bars: 95 % intervals)")


def _depth(share: float) -> float:
    return float(-np.log10(1 - share))


def cross_check(ours_ms: Sequence[float], theirs_ms: Sequence[float], reference: str) -> str:
    """Both medians of each round."""

    def draw(figure: Figure) -> None:
        axes = panel(figure)
        rounds = range(1, len(ours_ms) + 1)
        axes.plot(rounds, ours_ms, "o-", color=COLOURS[0], markersize=4, label="ours")
        axes.plot(rounds, theirs_ms, "s-", color=INK, markersize=4, alpha=0.6, label=reference)
        axes.set_xlabel("round")
        axes.set_ylabel("median of a round, ms")
        axes.set_xticks(rounds)
        from_zero(axes, [*ours_ms, *theirs_ms])
        legend(figure, [axes])

    return svg_figure(draw, height=2.8)
