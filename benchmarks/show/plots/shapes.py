"""Shapes that several plots draw."""

from collections.abc import Mapping, Sequence

from edge_common.figures import Axes, Figure, colours, legend, panel, svg_figure

_ECDF_POINTS = 300


def ecdf(axes: Axes, values: Sequence[float], colour: str, label: str) -> None:
    """The share of values up to each one, per cent."""
    import numpy as np

    shares = np.linspace(0, 1, min(_ECDF_POINTS, 2 * len(values)))
    axes.plot(np.quantile(values, shares), 100 * shares, color=colour, label=label)


def stacked_bars(
    rows: Mapping[str, Mapping[str, float]], unit: str = "ms", axis: str = "a frame, mean, ms"
) -> str:
    """Stacked bars. rows: for each bar its parts, in `unit`."""
    names = parts_of(rows)
    colour = colours(names)

    def draw(figure: Figure) -> None:
        axes = panel(figure)
        for name in names:
            axes.barh(0, 0, color=colour[name], label=name)
        for place, parts in enumerate(rows.values()):
            left = 0.0
            for part, ms in parts.items():
                axes.barh(place, ms, left=left, height=0.62, color=colour[part])
                left += ms
            axes.annotate(
                f"{left:.2f} {unit}", (left, place), (5, 0),
                textcoords="offset points", va="center",
            )  # fmt: skip
        axes.set_yticks(range(len(rows)), list(rows))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.12)
        axes.set_xlim(left=0)
        axes.set_xlabel(axis)
        legend(figure, [axes])

    return svg_figure(draw, height=1.2 + 0.36 * len(rows))


def parts_of(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Of all bars, in the order of the bar that has most."""
    longest_first = sorted(rows.values(), key=len, reverse=True)
    return list(dict.fromkeys(part for parts in longest_first for part in parts))
