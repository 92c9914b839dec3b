"""report.html: the whole evidence on one page, with pictures."""

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from edge.bundle.manifest import Accuracy
from edge_common.document import Section, page
from edge_common.errors import BundleError
from edge_common.files import whole_file
from edge_convert.cut.keras.candidates import Candidate
from edge_convert.network import Network
from edge_convert.precision.found import Found
from edge_convert.precision.sensitivity import LayerCost
from edge_convert.verification.evidence import Evidence


def write_html(
    path: Path, title: str, sections: list[Section], network: Network, evidence: Evidence
) -> None:
    """Write the page under its name when it is whole. Raises BundleError where it cannot be."""
    pictures = _pictures(network, evidence)
    shown = [replace(section, svg=pictures.get(section.title, "")) for section in sections]
    try:
        with whole_file(path) as stream:
            stream.write(page(title, shown).encode())
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror or error}") from error


def _pictures(network: Network, evidence: Evidence) -> dict[str, str]:
    """SVG by the title of the section that it belongs to."""
    found = {}
    if network.candidates:
        found["The cut"] = cuts_plot(network.candidates, network.chosen_cut)
    if evidence.accuracy:
        found["Accuracy"] = accuracy_plot(evidence.accuracy)
    if evidence.search:
        found["Precision search"] = search_plot(evidence.search, evidence.max_drop)
        for role, costs in evidence.search.layer_costs.items():
            found[f"What single layers of the {role} cost in int8"] = layers_plot(costs)
    return found


BLUE, ORANGE, GREY, INK = "#0b6e99", "#c8553d", "#b9b9b9", "#222222"
PRECISION_COLOURS = {
    "int8": BLUE,
    "int16x8": "#7a5195",
    "dynamic_range": "#5c9e4a",
    "float16": ORANGE,
    "float32": "#8a8a8a",
}
MOST_BARS = 24


def search_plot(found: Found, max_drop: float) -> str:
    """Latency against loss of every combination that was scored, the budget and the choice."""
    figure, axes = _figure(8.2, 4.0)
    combinations = found.combinations
    for precision, colour in PRECISION_COLOURS.items():
        mine = [c for c in combinations if c.attempts[0].recipe.precision == precision]
        if mine:
            axes.scatter(
                [c.latency_ms for c in mine], [c.worst for c in mine],
                s=30, color=colour, label=f"{mine[0].attempts[0].role} {precision}", zorder=3,
            )  # fmt: skip
    best = found.chosen
    axes.scatter(
        best.latency_ms,
        best.worst,
        s=150,
        facecolors="none",
        edgecolors=INK,
        label="chosen",
        zorder=4,
    )
    axes.axhline(max_drop, color=INK, linewidth=0.8, linestyle="--", label=f"budget {max_drop:g}")
    axes.set_xlabel("latency of a frame with a decision, ms (this machine, LiteRT, one thread)")
    axes.set_ylabel("largest loss of a task, points")
    axes.set_xlim(left=0)
    if max(c.worst for c in combinations) > 20 * max(max_drop, 0.1):
        axes.set_yscale("symlog", linthresh=2 * max(max_drop, 0.1))
        axes.yaxis.set_major_formatter(ScalarFormatter())
    _legend_beside(figure)
    return _svg(figure)


def cuts_plot(cuts: Sequence[Candidate], chosen: Candidate) -> str:
    """Multiply-adds a frame on both sides of every cut."""
    figure, axes = _figure(7.6, 3.6)
    places = range(len(cuts))
    encoder = [c.encoder_multiply_adds / 1e6 for c in cuts]
    head = [c.head_multiply_adds / 1e6 for c in cuts]
    axes.bar(places, encoder, color=BLUE, label="encoder, once a frame")
    axes.bar(places, head, bottom=encoder, color=GREY, label="head, once a decision")
    at = next(i for i, c in enumerate(cuts) if c.behind == chosen.behind)
    axes.annotate("chosen", (at, encoder[at] + head[at]), (0, 6), textcoords="offset points",
                  ha="center", color=ORANGE, fontsize=9)  # fmt: skip
    step = max(1, len(cuts) // MOST_BARS)
    axes.set_xticks(
        [*places][::step], [c.behind for c in cuts][::step], rotation=60, ha="right", fontsize=7
    )
    axes.set_ylabel("million multiply-adds")
    _legend_beside(figure)
    return _svg(figure)


def layers_plot(costs: Sequence[LayerCost]) -> str:
    """Signal to noise with single layers in int8, the costliest first."""
    shown = [cost for cost in costs if math.isfinite(cost.snr_db)][:MOST_BARS][::-1]
    figure, axes = _figure(7.6, 0.8 + 0.22 * len(shown))
    axes.barh(range(len(shown)), [cost.snr_db for cost in shown], color=BLUE)
    names = [f"{cost.layer.split(';')[0][-48:]}  {cost.operator}" for cost in shown]
    axes.set_yticks(range(len(shown)), names, fontsize=7)
    axes.set_xlabel("signal to noise with this layer alone in int8, dB (shorter is worse)")
    return _svg(figure)


def accuracy_plot(accuracy: Sequence[Accuracy]) -> str:
    """Each task's figure with its 95 % interval, float beside converted."""
    tasks = list(dict.fromkeys(a.task for a in accuracy))
    figure = Figure(figsize=(3.6 * len(tasks), 2.6), layout="constrained")
    for position, task in enumerate(tasks, 1):
        axes = figure.add_subplot(1, len(tasks), position)
        _plain(axes)
        _intervals(axes, [a for a in accuracy if a.task == task])
    return _svg(figure)


def _intervals(axes: Axes, rows: Sequence[Accuracy]) -> None:
    percent = 100.0 if rows[0].metric == "accuracy" else 1.0
    for place, row in enumerate(reversed(rows)):
        low, high = percent * row.low, percent * row.high
        colour = GREY if row.graph == "float" else BLUE
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot(percent * row.value, place, "o", color=colour)
    axes.set_yticks(range(len(rows)), [row.graph for row in reversed(rows)], fontsize=8)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_title(rows[0].task, fontsize=10)
    axes.set_xlabel("right answers, %" if percent > 1 else "mean absolute error", fontsize=8)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    _plain(axes)
    return figure, axes


def _legend_beside(figure: Figure) -> None:
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="both", color="#eeeeee")
    axes.set_axisbelow(True)


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "edge-run"}):
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
