"""report.html: all that was measured on one page, with figures."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from matplotlib.ticker import ScalarFormatter

from edge.bundle import Accuracy
from edge.tasks import is_share
from edge_common import BundleError, document, figures, runtimes, whole_file
from edge_convert.cut.tflite.candidates import CutCandidate, one_a_layer
from edge_convert.network import TrainedNetwork
from edge_convert.precision import activations, candidates
from edge_convert.verification.conversion_report import ConversionReport


def write_html(
    path: Path,
    title: str,
    sections: list[document.Section],
    network: TrainedNetwork,
    report: ConversionReport,
) -> None:
    """Write the page under its name when it is whole. Raises BundleError if it cannot be."""
    plots = _figures(network, report)
    illustrated = [replace(section, svg=plots.get(section.title, "")) for section in sections]
    try:
        with whole_file(path) as stream:
            stream.write(document.page(title, illustrated).encode())
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror or error}") from error


def _figures(network: TrainedNetwork, report: ConversionReport) -> dict[str, str]:
    """SVG by the title of the section that it belongs to."""
    plots = {}
    if network.selected_cut:
        plots["The cut"] = cuts_plot(network.candidates, network.selected_cut)
    if report.accuracy:
        plots["Accuracy"] = accuracy_plot(report.accuracy)
    if report.search:
        where = f"predicted for {report.board.profile.name}" if report.board else "this machine"
        plots["Precision search"] = search_plot(report.search, report.max_drop, where)
        for role, costs in report.search.layer_costs.items():
            plots[f"What single layers of the {role} cost in int8"] = layers_plot(costs)
    return plots


# in the order of PRECISIONS
PRECISION_COLOURS = (
    figures.BLUE, figures.COLOURS[3], figures.COLOURS[2], figures.ORANGE, figures.GREY,
)  # fmt: skip
MOST_BARS = 24


def search_plot(result: candidates.SearchResult, max_drop: float, where: str) -> str:
    """Latency against loss of every combination that was scored, the budget and the choice.

    where: the latency is of.
    """

    def draw(figure: figures.Figure) -> None:
        axes = figures.panel(figure)
        _scatter_combinations(axes, result)
        axes.axhline(
            max_drop, color=figures.INK, linewidth=0.8, linestyle="--", label=f"budget {max_drop:g}"
        )
        axes.set_xlabel(f"latency of a frame with a decision, ms ({where}, LiteRT, one thread)")
        axes.set_ylabel("largest loss of a task, points")
        axes.set_xlim(left=0)
        if max(c.worst for c in result.combinations) > 20 * max(max_drop, 0.1):
            axes.set_yscale("symlog", linthresh=2 * max(max_drop, 0.1))
            axes.yaxis.set_major_formatter(ScalarFormatter())
        figures.legend(figure, [axes], "outside right upper")

    return figures.svg_figure(draw, 8.2, 4.0)


def _scatter_combinations(axes: figures.Axes, result: candidates.SearchResult) -> None:
    for precision, colour in zip(runtimes.PRECISIONS, cycle(PRECISION_COLOURS)):
        mine = [c for c in result.combinations if c.candidates[0].recipe.precision == precision]
        if mine:
            axes.scatter(
                [c.latency_ms for c in mine], [c.worst for c in mine],
                s=30, color=colour, label=f"{mine[0].candidates[0].role} {precision}", zorder=3,
            )  # fmt: skip
    best = result.chosen
    axes.scatter(
        best.latency_ms, best.worst, s=150, facecolors="none", edgecolors=figures.INK,
        label="chosen", zorder=4,
    )  # fmt: skip


def cuts_plot(cuts: Sequence[CutCandidate], selected: CutCandidate) -> str:
    """Multiply-adds a frame on both sides of each layer's cut."""
    cuts = one_a_layer(cuts, selected)
    encoder = [c.encoder_multiply_adds / 1e6 for c in cuts]
    head = [c.head_multiply_adds / 1e6 for c in cuts]
    at = next(i for i, c in enumerate(cuts) if c.place == selected.place)

    def draw(figure: figures.Figure) -> None:
        axes = figures.panel(figure)
        places = range(len(cuts))
        axes.bar(places, encoder, color=figures.BLUE, label="encoder, once a frame")
        axes.bar(places, head, bottom=encoder, color=figures.GREY, label="head, once a decision")
        axes.annotate("chosen", (at, encoder[at] + head[at]), (0, 6), textcoords="offset points",
                      ha="center", color=figures.ORANGE, fontsize=9)  # fmt: skip
        step = max(1, len(cuts) // MOST_BARS)
        axes.set_xticks(
            [*places][::step], [c.behind for c in cuts][::step], rotation=60, ha="right", fontsize=7
        )
        axes.set_ylabel("million multiply-adds")
        figures.legend(figure, [axes], "outside right upper")

    return figures.svg_figure(draw, 7.6, 3.6)


def layers_plot(costs: Sequence[activations.LayerCost]) -> str:
    """Signal to noise with single layers in int8, the costliest first."""
    costliest = [cost for cost in costs if math.isfinite(cost.snr_db)][:MOST_BARS][::-1]

    def draw(figure: figures.Figure) -> None:
        axes = figures.panel(figure)
        places = range(len(costliest))
        axes.barh(places, [cost.snr_db for cost in costliest], color=figures.BLUE)
        names = [f"{cost.layer.split(';')[0][-48:]}  {cost.operator}" for cost in costliest]
        axes.set_yticks(places, names, fontsize=7)
        axes.set_xlabel("signal to noise with this layer alone in int8, dB (shorter is worse)")

    return figures.svg_figure(draw, 7.6, 0.8 + 0.22 * len(costliest))


def accuracy_plot(accuracy: Sequence[Accuracy]) -> str:
    """Each task's figure with its 95 % interval, float beside converted."""
    tasks = list(dict.fromkeys(a.task for a in accuracy))

    def draw(figure: figures.Figure) -> None:
        for position, task in enumerate(tasks, 1):
            axes = figures.panel(figure, (1, len(tasks), position))
            _intervals(axes, [a for a in accuracy if a.task == task])

    return figures.svg_figure(draw, 3.6 * len(tasks), 2.6)


def _intervals(axes: figures.Axes, rows: Sequence[Accuracy]) -> None:
    percent = 100.0 if is_share(rows[0].metric) else 1.0
    for place, row in enumerate(reversed(rows)):
        low, high = percent * row.low, percent * row.high
        colour = figures.GREY if row.graph == "float" else figures.BLUE
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot(percent * row.value, place, "o", color=colour)
    axes.set_yticks(range(len(rows)), [row.graph for row in reversed(rows)], fontsize=8)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_title(rows[0].task, fontsize=10)
    axes.set_xlabel("right answers, %" if percent > 1 else "mean absolute error", fontsize=8)
