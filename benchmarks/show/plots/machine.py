"""Plots of the parts on the machine: under its roof, and operator by operator."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

from edge_benchmarks.inside.profile.figures import KindTime
from edge_benchmarks.inside.roofline import Roof, RooflinePoint
from edge_common.figures import (
    COLOURS,
    INK,
    MARKERS,
    RULE,
    Axes,
    Figure,
    colours,
    legend,
    log_scale,
    panel,
    svg_figure,
)

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
