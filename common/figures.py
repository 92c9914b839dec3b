"""What all plots share: size, style, colours, axes, files. matplotlib is loaded by drawing only."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
else:
    Axes = Figure = object

# legible on white and on black, and told apart by the colour-blind (M. Okabe and K. Ito, 2008)
COLOURS = ("#0b7fb5", "#d55e00", "#3f9b6e", "#b06fa0", "#c58a00", "#7d8790", "#56a5d8", "#a05a4a")
BLUE, ORANGE, GREY = COLOURS[0], COLOURS[1], COLOURS[5]
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
INK, RULE, PAPER = "#222222", "#eeeeee", "#ffffff"  # themed by edge_common.document
_LEGEND_LETTERS, _LEGEND_MARK = 130, 8  # letters that fit beside each other; a key and gaps
_LONG = 300  # times the least value is the most of a long axis
_FINE, _COARSE = (1.0, 2.0, 5.0), (1.0, 3.0)
_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and is in the page's size
    "svg.hashsalt": "edge-run",
    "axes.formatter.useoffset": False,
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "legend.fontsize": 8.5,
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    "axes.edgecolor": INK,
    "path.simplify_threshold": 0.5,
}
Draw = Callable[["Figure"], None]


def svg_figure(draw: Draw, width: float = 10.0, height: float = 3.6) -> str:
    """The SVG of what `draw` puts on a figure of this size, inches."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.StringIO()
    with _styled_figure(width, height, "none") as figure:
        draw(figure)
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(stream, metadata=_METADATA)
    text = stream.getvalue()
    return text[text.index("<svg") :]


def png_figure(
    draw: Draw, width: float, height: float, dots_per_inch: int = 130, layout: Any = "constrained"
) -> bytes:
    """A PNG file on white; the same bytes each time.  layout: None keeps axes where they are put."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stream = io.BytesIO()
    with _styled_figure(width, height, PAPER, layout) as figure:
        FigureCanvasAgg(figure)
        draw(figure)
        figure.savefig(stream, dpi=dots_per_inch, metadata={"Software": None})
    return stream.getvalue()


@contextmanager
def _styled_figure(
    width: float, height: float, colour: str, layout: Any = "constrained"
) -> "Iterator[Figure]":
    import matplotlib.figure

    with matplotlib.rc_context(_STYLE):
        yield matplotlib.figure.Figure(figsize=(width, height), layout=layout, facecolor=colour)


def panel(figure: "Figure", position: tuple[Any, ...] = (1, 1, 1), **shared: Any) -> "Axes":
    """Plain axes at (rows, columns, number), or at (a place of a grid,).

    shared: axes of another panel, as `sharex` or `sharey`.
    """
    axes: Axes = figure.add_subplot(*position, **shared)
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="both", which="major", color=RULE)
    axes.set_axisbelow(True)
    return axes


def legend(figure: "Figure", axes: Sequence["Axes"], place: str = "outside upper left") -> None:
    """One legend for all panels: above or below them, or beside them in one column."""
    entries: dict[str, Any] = {}
    for each in axes:
        for handle, label in zip(*each.get_legend_handles_labels()):
            entries.setdefault(label, handle)
    beside = place.startswith("outside right")
    columns = 1 if beside else _legend_columns(list(entries))
    style: Any = {"loc": place, "ncols": columns, "frameon": False}
    figure.legend(list(entries.values()), list(entries), **style)


def _legend_columns(labels: Sequence[str]) -> int:
    """All beside each other if they fit, else as many as the longest leaves room for."""
    widths = [_LEGEND_MARK + len(label) for label in labels]
    if sum(widths) <= _LEGEND_LETTERS:
        return max(len(labels), 1)
    return max(_LEGEND_LETTERS // max(widths), 1)


def log_scale(axes: "Axes", direction: str = "x") -> None:
    """A logarithmic axis with plain numbers, fewer if it is long."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    (axes.set_xscale if direction == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if direction == "x" else axes.yaxis
    low, high = axes.get_xlim() if direction == "x" else axes.get_ylim()
    axis.set_major_locator(LogLocator(subs=_FINE if high < _LONG * low else _COARSE))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def from_zero(axes: "Axes", values: Iterable[float]) -> None:
    """An upright axis that begins at 0 and ends well above all values."""
    axes.set_ylim(0, 1.15 * max(values, default=1.0))


def far_apart(values: Sequence[float]) -> bool:
    """Whether values above 0 need a logarithmic axis."""
    above = [value for value in values if value > 0]
    return bool(above) and max(above) > 8 * min(above)


def colours(names: Sequence[str]) -> dict[str, str]:
    """One for each name, from the first again after the last."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
