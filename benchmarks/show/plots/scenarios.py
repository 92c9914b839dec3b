"""Pictures of the scenarios."""

from collections.abc import Sequence

import numpy as np

from edge_benchmarks.scenarios.camera import Camera
from edge_benchmarks.scenarios.capacity import Capacity
from edge_benchmarks.scenarios.offline import Offline
from edge_benchmarks.scenarios.soak import Soak, SoakInterval
from edge_common.figures import (
    COLOURS,
    INK,
    Axes,
    Figure,
    far_apart,
    from_zero,
    legend,
    log_scale,
    panel,
    svg_figure,
)

_POINTS = 300
_LEAST_MB = 1.0  # so that a few pages do not look like a leak


def camera(found: Camera) -> str:
    """How old frames are at their decisions, and how evenly decisions come."""

    def draw(figure: Figure) -> None:
        left, right = panel(figure, (1, 2, 1)), panel(figure, (1, 2, 2))
        _ecdf(left, found.age_ms, COLOURS[0], "frame age")
        _ecdf(left, found.latency_ms, COLOURS[1], "of it the network")
        left.axvline(found.deadline_ms, color=INK, linestyle="--", linewidth=1, label="deadline")
        if far_apart([*found.age_ms, *found.latency_ms]):
            log_scale(left)
        left.set_xlabel("ms")
        left.set_ylabel("share of decisions, %")
        right.plot(found.intervals_ms, color=COLOURS[2], linewidth=0.8, label="between decisions")
        right.axhline(1e3 / found.rate_hz, color=INK, linestyle=":", linewidth=1, label="period")
        from_zero(right, [*found.intervals_ms, 1e3 / found.rate_hz])
        right.set_xlabel("decision")
        right.set_ylabel("ms")
        legend(figure, [left, right])

    return svg_figure(draw, height=3.4)


def _ecdf(axes: Axes, values: Sequence[float], colour: str, label: str) -> None:
    shares = np.linspace(0, 1, min(_POINTS, 2 * len(values)))
    axes.plot(np.quantile(values, shares), 100 * shares, color=colour, label=label)


def offline(found: Offline) -> str:
    """Throughput of each batch."""

    def draw(figure: Figure) -> None:
        axes = panel(figure)
        axes.plot(
            range(1, len(found.batches) + 1),
            [batch.frames_per_second for batch in found.batches],
            "o-", color=COLOURS[0], markersize=4,
        )  # fmt: skip
        from_zero(axes, [batch.frames_per_second for batch in found.batches])
        axes.set_xlabel("batch")
        axes.set_ylabel("frames a second")

    return svg_figure(draw, height=2.6)


def capacity(found: Capacity) -> str:
    """What each attempt of the search took against the time that there is."""
    tried = sorted(found.tried, key=lambda attempt: attempt.streams)
    period_ms = 1e3 / found.rate_hz

    def draw(figure: Figure) -> None:
        axes = panel(figure)
        p99 = [(attempt.streams, attempt.p99_ms) for attempt in tried if attempt.slowest_ms]
        axes.plot(*zip(*p99), "o-", color=COLOURS[0], markersize=5, label="p99 of a round")
        axes.axhline(
            period_ms, color=INK, linestyle="--", linewidth=1,
            label=f"period of {found.rate_hz:g} frames a second",
        )  # fmt: skip
        from_zero(axes, [period_ms, *(ms for _, ms in p99)])
        axes.set_xlim(left=0)
        axes.set_xlabel("streams")
        axes.set_ylabel("a frame of each stream, ms")
        legend(figure, [axes])

    return svg_figure(draw, height=3.0)


def soak(found: Soak) -> str:
    """Percentiles of each interval, memory, and the temperature where it is told."""
    hot = [(i.until_s, i.telemetry.temperature_c) for i in found.intervals if i.telemetry]
    hot = [(at, degrees) for at, degrees in hot if degrees is not None]

    def draw(figure: Figure) -> None:
        rows = 3 if hot else 2
        top, memory = panel(figure, (rows, 1, 1)), panel(figure, (rows, 1, 2))
        _percentiles(top, [interval for interval in found.intervals if interval.latency_ms])
        seconds = [interval.until_s for interval in found.intervals]
        resident = [interval.rss_bytes / 1e6 for interval in found.intervals]
        memory.plot(seconds, resident, color=COLOURS[3])
        memory.set_ylim(min(resident) - _LEAST_MB, max(resident) + _LEAST_MB)
        memory.set_ylabel("resident, MB")
        last = memory
        if hot:
            last = panel(figure, (rows, 1, 3))
            last.plot(*zip(*hot), color=COLOURS[1])
            last.set_ylabel("°C")
        last.set_xlabel("since the soak began, s")
        legend(figure, [top])

    return svg_figure(draw, height=5.6 if hot else 4.2)


def _percentiles(axes: Axes, intervals: Sequence[SoakInterval]) -> None:
    seconds = [interval.until_s for interval in intervals]
    for colour, name in zip(COLOURS, ("p50", "p90", "p99")):
        values = [getattr(interval.latency_ms, name) for interval in intervals]
        axes.plot(seconds, values, color=colour, label=name)
    from_zero(axes, [interval.latency_ms.p99 for interval in intervals])
    axes.set_ylabel("a frame, ms")
