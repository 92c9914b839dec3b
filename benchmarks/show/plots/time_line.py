"""How the frames went one after the other, what each is made of, and what the machine told meanwhile."""

from collections.abc import Mapping, Sequence

import numpy as np

from edge_benchmarks.record.record import Measurement, Record
from edge_common.figures import (
    COLOURS,
    RULE,
    Axes,
    Figure,
    colours,
    far_apart,
    legend,
    log_scale,
    panel,
    svg_figure,
)
from edge_devices.telemetry import Sample


def time_line(record: Record) -> str:
    """Every frame in its order, the medians of the rounds, and what the machine told meanwhile."""
    told = telemetry_series(record.telemetry)
    found = record.streamed

    def draw(figure: Figure) -> None:
        rows = 1 + len(told)
        grid = figure.add_gridspec(rows, 1, height_ratios=[2.4] + [1.0] * len(told))
        panels = [panel(figure, (grid[0],))]
        _frames(panels[0], found)
        for row, (label, (seconds, values)) in enumerate(told.items(), 1):
            below = panel(figure, (grid[row],))
            below.plot(seconds, values, color=COLOURS[row % len(COLOURS)], drawstyle="steps-post")
            _throttled(below, record.telemetry)
            below.set_ylabel(label)
            panels.append(below)
        if told:
            panels[-1].set_xlabel("since the timing began, s")
        legend(figure, panels)

    return svg_figure(draw, height=3.0 + 1.25 * len(told))


def _frames(axes: Axes, found: Measurement) -> None:
    values = found.frames_ms
    axes.plot(range(len(values)), values, color=COLOURS[0], linewidth=0.6, label="each frame")
    ends = np.cumsum(found.round_frames)
    for number, (end, count) in enumerate(zip(ends, found.round_frames)):
        if number % 2:
            axes.axvspan(end - count, end, color=RULE, alpha=0.6, linewidth=0)
    if len(ends) == len(found.round_p50_ms):
        for number, (end, count, p50) in enumerate(
            zip(ends, found.round_frames, found.round_p50_ms)
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
    told = {label: [(t, v) for t, v in pairs if v is not None] for label, pairs in series.items()}
    return {
        label: ([t for t, _ in pairs], [v for _, v in pairs])
        for label, pairs in told.items()
        if len(pairs) > 1
    }


def _throttled(axes: Axes, samples: Sequence[Sample]) -> None:
    at = [sample.seconds for sample in samples if sample.throttled_now]
    for number, seconds in enumerate(at):
        label = "throttled" if number == 0 else None
        axes.axvline(seconds, color=COLOURS[4], alpha=0.4, linewidth=4, label=label)


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

    return svg_figure(draw, height=1.2 + 0.36 * len(rows))


def parts_of(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Of all bars, in the order of the bar that has most."""
    longest_first = sorted(rows.values(), key=len, reverse=True)
    return list(dict.fromkeys(part for parts in longest_first for part in parts))
