"""Plots of one record.

How latencies are spread, how they went in time, and what another clock says; the parts on the
machine: under its roof, and operator by operator.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from edge_benchmarks.inside.profile.figures import KindTime
from edge_benchmarks.inside.roofline import Roof, RooflinePoint
from edge_benchmarks.record import Measurement, Record
from edge_benchmarks.statistics.intervals import SHARES
from edge_common.figures import (
    COLOURS,
    INK,
    MARKERS,
    RULE,
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
from edge_devices.telemetry import Sample

_BINS = 90
_POINTS = 200
_DEEPEST = 0.9999


def distributions(measurements: Sequence[Measurement]) -> str:
    """Histograms of the frames of each way, and their percentiles up to the tail."""
    ways = [way for way in measurements if way.frames_ms]
    colour = colours([way.name for way in ways])
    every = [ms for way in ways for ms in way.frames_ms]
    wide = far_apart(every) and min(every) > 0
    spaced = np.geomspace if wide else np.linspace
    edges = spaced(min(every), 1.001 * max(every), _BINS)

    def draw(figure: Figure) -> None:
        left, right = panel(figure, (1, 2, 1)), panel(figure, (1, 2, 2))
        for way in ways:
            _histogram(left, way, colour[way.name], edges)
            _tail(right, way, colour[way.name])
        if wide:
            log_scale(left)
            log_scale(right, "y")
        left.set_xlabel("a frame, ms")
        left.set_ylabel("share of frames, %")
        right.set_ylabel("a frame takes at most, ms")
        _percentile_axis(right)
        legend(figure, [left])

    return svg_figure(draw, height=3.7)


def _histogram(axes: Axes, way: Measurement, colour: str, edges: np.ndarray) -> None:
    values = np.asarray(way.frames_ms)
    weights = np.full(len(values), 100 / len(values))
    axes.hist(
        values, edges.tolist(), weights=weights, histtype="stepfilled", color=colour, alpha=0.65,
        label=f"{way.name} ({len(values)})",
    )  # fmt: skip


def _tail(axes: Axes, way: Measurement, colour: str) -> None:
    """Against -log10 of the share of slower frames, as HdrHistogram plots it."""
    deepest = min(_DEEPEST, 1 - 1 / len(way.frames_ms))
    depths = np.linspace(0, _depth(deepest), _POINTS)
    axes.plot(depths, np.quantile(way.frames_ms, 1 - 10**-depths), color=colour)
    for name, estimate in way.percentiles.items():
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


def time_line(record: Record) -> str:
    """Every frame in its order, the medians of the rounds, and what the machine told meanwhile."""
    series = telemetry_series(record.telemetry)

    def draw(figure: Figure) -> None:
        rows = 1 + len(series)
        grid = figure.add_gridspec(rows, 1, height_ratios=[2.4] + [1.0] * len(series))
        panels = [panel(figure, (grid[0],))]
        _frames(panels[0], record.streamed)
        for row, (label, (seconds, values)) in enumerate(series.items(), 1):
            below = panel(figure, (grid[row],))
            below.plot(seconds, values, color=COLOURS[row % len(COLOURS)], drawstyle="steps-post")
            _throttled(below, record.telemetry)
            below.set_ylabel(label)
            panels.append(below)
        if series:
            panels[-1].set_xlabel("since the timing began, s")
        legend(figure, panels)

    return svg_figure(draw, height=3.0 + 1.25 * len(series))


def _frames(axes: Axes, streamed: Measurement) -> None:
    values = streamed.frames_ms
    axes.plot(range(len(values)), values, color=COLOURS[0], linewidth=0.6, label="each frame")
    ends = np.cumsum(streamed.round_frames)
    for number, (end, count) in enumerate(zip(ends, streamed.round_frames)):
        if number % 2:
            axes.axvspan(end - count, end, color=RULE, alpha=0.6, linewidth=0)
    if len(ends) == len(streamed.round_p50_ms):
        for number, (end, count, p50) in enumerate(
            zip(ends, streamed.round_frames, streamed.round_p50_ms)
        ):
            label = "median of its round" if number == 0 else None
            axes.plot([end - count, end], [p50, p50], color=COLOURS[1], linewidth=2, label=label)
    if far_apart(values):
        log_scale(axes, "y")
    axes.margins(x=0.01)
    axes.set_xlabel("frame, in the order of measuring (shades: rounds)")
    axes.set_ylabel("a frame, ms")


def telemetry_series(
    samples: Sequence[Sample],
) -> dict[str, tuple[list[float], list[float]]]:
    """What the machine told at least twice, by its label: seconds and values."""
    series = {
        "°C": [(s.seconds, s.temperature_c) for s in samples],
        "MHz": [(s.seconds, s.frequency_khz and s.frequency_khz / 1e3) for s in samples],
        "W": [(s.seconds, s.power_w) for s in samples],
    }
    readings = {
        label: [(t, v) for t, v in pairs if v is not None] for label, pairs in series.items()
    }
    return {
        label: ([t for t, _ in pairs], [v for _, v in pairs])
        for label, pairs in readings.items()
        if len(pairs) > 1
    }


def _throttled(axes: Axes, samples: Sequence[Sample]) -> None:
    at = [sample.seconds for sample in samples if sample.throttled_now]
    for number, seconds in enumerate(at):
        label = "throttled" if number == 0 else None
        axes.axvline(seconds, color=COLOURS[4], alpha=0.4, linewidth=4, label=label)


_MARGIN = 6.0  # times beyond the outermost corner
_LEAST_PERCENT = 3.0  # kinds of operators below are drawn as one
_OTHERS = "others"


def roofline(roof: Roof, points: Mapping[str, RooflinePoint]) -> str:
    """Both axes logarithmic: bandwidths rise, peaks lie flat, a mark for each part."""
    lines = _roofs(roof, {point.threads for point in points.values()})
    corners = [peak / slope for peak, slope in lines.values()]
    corners += [point.intensity for point in points.values() if point.intensity]
    least, most = min(corners) / _MARGIN, max(corners) * _MARGIN

    def draw(figure: Figure) -> None:
        axes = panel(figure)
        for colour, (label, (peak, slope)) in zip(COLOURS, lines.items()):
            roofs = [slope * least, peak, peak]
            axes.plot([least, peak / slope, most], roofs, color=colour, label=label)
        for marker, (role, point) in zip(MARKERS, points.items()):
            _point(axes, role, point, marker)
        log_scale(axes)
        log_scale(axes, "y")
        axes.set_xlabel("operations a byte moved (two operations a multiply-add)")
        axes.set_ylabel("1e9 operations a second")
        legend(figure, [axes])

    return svg_figure(draw, height=4.2)


def _roofs(roof: Roof, threads: set[int]) -> dict[str, tuple[float, float]]:
    """Peak and bandwidth by label, of the threads that any part ran with, else of all."""
    lines = {}
    for peak in roof.peaks:
        if peak.threads in threads or not threads:
            bandwidth = roof.bandwidth(peak.threads).best_gb_s
            count = f"{peak.threads} thread" + ("s" if peak.threads > 1 else "")
            label = f"{peak.precision}, {count}: {peak.gops:.0f} G/s, {bandwidth:.1f} GB/s"
            lines[label] = peak.gops, bandwidth
    return lines


def _point(axes: Axes, role: str, point: RooflinePoint, marker: str) -> None:
    at = point.intensity, point.gops
    axes.plot([at[0]] * 2, [at[1], point.attainable_gops], ":", color=INK, linewidth=1)
    axes.plot(*at, marker, color=INK, markersize=8)
    below = point.share_of_roof <= 1  # else the roof is where the words would be
    axes.annotate(
        f"{role} ({point.precision}): {point.share_of_roof:.0%} of its roof",
        at, (9, -4) if below else (-9, 0), textcoords="offset points",
        ha="left" if below else "right",
    )  # fmt: skip


def kinds(by_part: Mapping[str, Sequence[KindTime]]) -> str:
    """The share of each kind of operator in the time of its part."""
    shares = {role: _largest(times) for role, times in by_part.items()}
    colour = {**colours([kind for part in shares.values() for kind in part]), _OTHERS: RULE}

    def draw(figure: Figure) -> None:
        axes = panel(figure)
        for place, part in enumerate(shares.values()):
            edges = accumulate(part.values(), initial=0.0)
            for (kind, percent), left in zip(part.items(), edges):
                axes.barh(place, percent, left=left, height=0.62, color=colour[kind], label=kind)
        axes.set_yticks(range(len(by_part)), list(by_part))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, 100)
        axes.set_xlabel("share of the time of all operators, %")
        legend(figure, [axes])

    return svg_figure(draw, height=1.5 + 0.4 * len(by_part))


def _largest(times: Sequence[KindTime]) -> dict[str, float]:
    """Per cent of each kind that can be seen in a bar, and of all others together."""
    shares = {kind.kind: 100 * kind.share for kind in times}
    large = {kind: percent for kind, percent in shares.items() if percent >= _LEAST_PERCENT}
    return {**large, _OTHERS: sum(shares.values()) - sum(large.values())}
