"""What a time is made of, as stacked bars."""

from collections.abc import Mapping

from benchmarks.report.plots.canvas import Figure, colours, legend, panel, picture


def stages(
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

    return picture(draw, height=1.2 + 0.36 * len(rows))


def parts_of(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Of all bars, in the order of the bar that has most."""
    longest_first = sorted(rows.values(), key=len, reverse=True)
    return list(dict.fromkeys(part for parts in longest_first for part in parts))
