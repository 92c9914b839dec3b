"""A sweep as a picture: accuracy against parameters, and against latency."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib import artist, lines, patches, ticker

from edge_common import figures, write_whole
from edge_models.evaluation.intervals import Estimate
from examples.sweep.figures import MemberFigures

FAINT, REFERENCE = "#bbbbbb", figures.ORANGE
MEMBER_COLOURS = [colour for colour in figures.COLOURS if colour != REFERENCE]
MARKERS = "os^vP*Xph<>"
POINT = 0.005  # half a point of accuracy
Cost = Callable[[MemberFigures], float]
COSTS: tuple[tuple[str, Cost], ...] = (
    ("parameters, millions", lambda member: member.parameters / 1e6),
    ("milliseconds a frame, int8, {timed_on}", lambda member: member.shortest_ms),
)


def plot(
    path: Path,
    title: str,
    members: Sequence[MemberFigures],
    reference: str,
    most: tuple[float, float],
) -> None:
    """A row for each task; parameters to the left, milliseconds a frame to the right.

    Args:
        most: shares of the reference's parameters and latency that are drawn as limits.
    """
    tasks = list(members[0].accuracy)
    styles = _styles([member.name for member in members], reference)
    is_error = {task: task in members[0].units for task in tasks}

    def draw(figure: figures.Figure) -> None:
        rows = len(tasks)
        for row, task in enumerate(tasks):
            by_parameters = figures.panel(figure, (rows, 2, 2 * row + 1))
            by_latency = figures.panel(figure, (rows, 2, 2 * row + 2), sharey=by_parameters)
            for axes, (label, cost), share in zip(
                (by_parameters, by_latency), COSTS, most, strict=True
            ):
                _points(axes, members, styles, reference, task, cost, share)
                _dress(axes, is_error[task])
                if row == rows - 1:
                    axes.set_xlabel(label.format(timed_on=members[0].timed_on))
                else:
                    axes.tick_params(labelbottom=False)
            by_parameters.set_ylabel(_metric(members[0], task))
            by_latency.tick_params(labelleft=False)
            _limit(by_parameters, [member.accuracy[task] for member in members], is_error[task])
        figure.suptitle(title, fontsize=11, color=figures.INK)
        handles, labels = by_parameters.get_legend_handles_labels()
        entries = dict(zip(labels, handles)) | _limits(reference, most)
        figure.legend(
            entries.values(), entries.keys(), loc="outside lower center", ncols=4, frameon=False,
            fontsize=8,
        )  # fmt: skip

    write_whole(path, figures.png_figure(draw, 11.0, 3.1 * len(tasks) + 0.9))


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of (cost, accuracy) that no other beats in one and equals in both, by cost."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, indices = -np.inf, []
    for index in order:
        if points[index][1] > best:
            best = points[index][1]
            indices.append(index)
    return indices


def _styles(names: Sequence[str], reference: str) -> dict[str, tuple[str, str]]:
    """Colour and marker of each member; the reference has its own."""
    other_names = [name for name in names if name != reference]
    styles = {
        n: (MEMBER_COLOURS[i % len(MEMBER_COLOURS)], MARKERS[i % len(MARKERS)])
        for i, n in enumerate(other_names)
    }
    return {**styles, reference: (REFERENCE, "D")}


def _points(
    axes: figures.Axes, members: Sequence[MemberFigures], styles: dict[str, tuple[str, str]],
    reference: str, task: str, cost: Cost, share: float,
) -> None:  # fmt: skip
    points = [(cost(member), member.accuracy[task].value) for member in members]
    its_cost, its_accuracy = next(p for m, p in zip(members, points) if m.name == reference)
    better = -1 if task in members[0].units else 1
    if better > 0:
        axes.axhspan(its_accuracy - POINT, 2, color=REFERENCE, alpha=0.06, linewidth=0)
    axes.axvline(its_cost * share, color=REFERENCE, linewidth=0.9, linestyle=":")
    best = front([(at, better * value) for at, value in points])
    axes.step(*zip(*(points[i] for i in best)), where="post", color=FAINT, zorder=1)
    for member, point in zip(members, points, strict=True):
        colour, marker = styles[member.name]
        accuracy = member.accuracy[task]
        axes.errorbar(
            *point, yerr=[[accuracy.value - accuracy.low], [accuracy.high - accuracy.value]], fmt=marker,
            color=colour, markersize=6.5, linewidth=1, capsize=2, label=member.name,
        )  # fmt: skip


def _limits(reference: str, most: tuple[float, float]) -> dict[str, artist.Artist]:
    """What line and shade mean, for the legend."""
    tenth, fifth = (f"1/{1 / share:.0f}" for share in most)
    return {
        f"{tenth} of {reference}'s parameters, {fifth} of its latency": lines.Line2D(
            [], [], color=REFERENCE, linewidth=0.9, linestyle=":"
        ),
        f"half a point below {reference}, or better": patches.Patch(color=REFERENCE, alpha=0.1),
    }


def _metric(member: MemberFigures, task: str) -> str:
    if task not in member.units:
        return f"accuracy, {task}"
    return f"mean error, {task}" + (f", {member.units[task]}" if member.units[task] else "")


def _limit(axes: figures.Axes, measured: Sequence[Estimate], is_error: bool) -> None:
    """As much of the upright axis as the intervals need, the better always above."""
    low, high = min(e.low for e in measured), max(e.high for e in measured)
    room = 0.06 * (high - low)
    limits = (high + room, low - room) if is_error else (low - room, min(high + room, 1 + room))
    axes.set_ylim(*limits)


def _dress(axes: figures.Axes, is_error: bool) -> None:
    figures.log_scale(axes)
    if not is_error:
        axes.yaxis.set_major_formatter(ticker.PercentFormatter(1, decimals=1))
    axes.tick_params(labelsize=8)
    axes.spines[["bottom", "left"]].set_color(FAINT)
