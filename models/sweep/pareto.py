"""A sweep as a picture: accuracy against parameters, and against latency."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from .figures import MemberFigures

INK, FAINT = "#222222", "#bbbbbb"
FRONT, REFERENCE, OTHER = "#0b6e99", "#c8553d", "#8a8a8a"
POINT = 0.005  # half a point of accuracy
Cost = Callable[[MemberFigures], float]


def plot(
    path: Path,
    title: str,
    figures: Sequence[MemberFigures],
    reference: str,
    most: tuple[float, float],
) -> None:
    """A row for each task; parameters to the left, milliseconds a frame to the right.

    Args:
        most: shares of the reference's parameters and latency that are drawn as limits.
    """
    tasks = list(figures[0].accuracy)
    figure = Figure(figsize=(10.5, 3.5 * len(tasks) + 0.4), layout="constrained")
    grid = figure.subplots(len(tasks), 2, squeeze=False, sharey="row", sharex="col")
    costs: tuple[tuple[str, Cost], ...] = (
        ("parameters, millions", lambda f: f.parameters / 1e6),
        ("milliseconds a frame, int8, one x86 thread", lambda f: f.shortest_ms),
    )
    for row, task in zip(grid, tasks, strict=True):
        for axes, (label, cost), share in zip(row, costs, most, strict=True):
            _panel(axes, figures, reference, task, cost, share)
            if row is grid[-1]:
                axes.set_xlabel(label, fontsize=9)
        row[0].set_ylabel(f"accuracy, {task}", fontsize=9)
    figure.suptitle(title, fontsize=11, color=INK)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=130, facecolor="white")


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of (cost, accuracy) that no other beats in one and equals in both, by cost."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, kept = -np.inf, []
    for index in order:
        if points[index][1] > best:
            best = points[index][1]
            kept.append(index)
    return kept


def _panel(
    axes: Axes,
    figures: Sequence[MemberFigures],
    reference: str,
    task: str,
    cost: Cost,
    share: float,
) -> None:
    points = [(cost(f), f.accuracy[task].value) for f in figures]
    own = next(i for i, f in enumerate(figures) if f.name == reference)
    kept = front(points)
    axes.axhspan(points[own][1] - POINT, 1, color=REFERENCE, alpha=0.07, linewidth=0)
    axes.axvline(points[own][0] * share, color=REFERENCE, linewidth=0.8, linestyle=":")
    axes.step(*zip(*(points[i] for i in kept)), where="post", color=FRONT, linewidth=1.2, alpha=0.5)
    for index, (found, point) in enumerate(zip(figures, points, strict=True)):
        colour = REFERENCE if index == own else FRONT if index in kept else OTHER
        low, high = found.accuracy[task].low, found.accuracy[task].high
        axes.errorbar(
            *point, yerr=[[point[1] - low], [high - point[1]]], fmt="D" if index == own else "o",
            color=colour, markersize=5, linewidth=1, capsize=2,
        )  # fmt: skip
        axes.annotate(
            found.name, point, (5, 5), textcoords="offset points", fontsize=7.5, color=colour
        )
    _axes(axes)


def _axes(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.margins(x=0.16)
    axes.grid(True, color="#eeeeee")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(FAINT)
