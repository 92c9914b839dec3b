"""The pictures of a run's page that are drawn: SVG, in the colours that the page themes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps, colors, patches, ticker

from edge_common.figures import (
    BLUE,
    GREY,
    ORANGE,
    RULE,
    Axes,
    Figure,
    log_scale,
    panel,
    svg_figure,
)  # fmt: skip
from edge_models.evaluation.calibration import TemperatureTrial
from edge_models.evaluation.recognition import Recognition
from edge_models.evaluation.results import RegressionResult, TaskResult

History = Mapping[str, Mapping[str, Sequence[float]]]

DARK_TEXT, LIGHT_TEXT = "#1b1b1b", "#fdfdfd"  # on a colour of their own, so not themed
STAGE_TITLES = {
    "blocks": "blocks and heads", "fine_tuning": "fine-tuning",
    "frozen": "backbone frozen", "whole": "end to end",
}  # fmt: skip
_BIG = 10  # classes, above which a confusion matrix is drawn small


def learning_curves(history: History, tasks: Sequence[str]) -> str:
    """Loss and each task's accuracy or error over the epochs, stages one after another."""
    columns = min(3, 1 + len(tasks)) if len(tasks) != 3 else 2
    rows = -(-(1 + len(tasks)) // columns)

    def draw(figure: Figure) -> None:
        for number, task in enumerate(("", *tasks), 1):
            _curve(panel(figure, (rows, columns, number)), history, task)

    return svg_figure(draw, 3.5 * columns, 2.9 * rows)


def confusion(result: TaskResult) -> str:
    """Counts, truth in rows; wrong answers stand out, zeros stay empty."""
    classes = len(result.labels)
    side = 4.6 if classes <= _BIG else 0.24 * classes + 1.0

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.set_facecolor("none")
        _cells(axes, result.confusion, 9.0 if classes <= _BIG else 6.5)
        _label_classes(axes, result.labels, 9.0 if classes <= _BIG else 7.0)

    return svg_figure(draw, side + 0.6, side)


def scatter(result: RegressionResult) -> str:
    """Answers over truths, with the line where both are equal."""

    def draw(figure: Figure) -> None:
        axes = panel(figure)
        values = np.concatenate([result.truth, result.answer])
        ends = [values.min(), values.max()]
        axes.plot(ends, ends, color=GREY, linewidth=1, label="answer = truth")
        faint = min(1.0, max(0.25, 12 / np.sqrt(len(result.truth))))
        axes.scatter(result.truth, result.answer, s=14, alpha=faint, color=BLUE, linewidths=0)
        unit = f", {result.unit}" if result.unit else ""
        axes.set(xlabel=f"truth{unit}", ylabel=f"answer{unit}", aspect="equal")
        axes.legend(frameon=False, loc="upper left")

    return svg_figure(draw, 5.6, 4.6)


def reliability(result: TemperatureTrial) -> str:
    """Share of right answers over their probability, with the line where both are equal."""

    def draw(figure: Figure) -> None:
        axes = panel(figure)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="as sure as right")
        after = f"temperature {result.temperature:.2f}"
        for each, colour, marker, label in (
            (result.before, ORANGE, "s", "as trained"), (result.after, BLUE, "o", after),
        ):  # fmt: skip
            axes.plot(each.confidence, each.accuracy, color=colour, marker=marker, markersize=4,
                      linewidth=1.2, label=f"{label}, ECE {100 * each.error:.1f} %")  # fmt: skip
        low = min(result.before.confidence.min(), result.after.confidence.min())
        axes.set(xlabel="probability of the answer", ylabel="share that is right")
        axes.set(xlim=(max(0.0, low - 0.05), 1.02), ylim=(-0.02, 1.02))
        axes.legend(frameon=False, loc="upper left")

    return svg_figure(draw, 4.8, 3.6)


def recognition(parts: Mapping[str, Recognition]) -> str:
    """The similarity of pairs of one and of two people, and the ROC of each part."""

    def draw(figure: Figure) -> None:
        columns = 1 + len(parts)
        for number, (name, recognition) in enumerate(parts.items(), 1):
            _likenesses(panel(figure, (1, columns, number)), name, recognition)
        axes = panel(figure, (1, columns, columns))
        for colour, (name, recognition) in zip((BLUE, ORANGE), parts.items()):
            axes.step(
                recognition.false_rates,
                recognition.true_rates,
                color=colour,
                label=name,
                where="post",
            )
        least = min(1 / len(recognition.different) for recognition in parts.values())
        axes.set(xscale="log", xlim=(least, 1.0), ylim=(0, 1.02), title="ROC")
        axes.set(xlabel="pairs of two people accepted", ylabel="pairs of one person accepted")
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.yaxis.set_major_formatter(ticker.PercentFormatter(1))
        if len(parts) > 1:
            axes.legend(frameon=False, loc="lower right")

    return svg_figure(draw, 3.6 * (1 + len(parts)), 3.2)


def _likenesses(axes: Axes, name: str, recognition: Recognition) -> None:
    low = min(recognition.same.min(), recognition.different.min())
    edges = np.linspace(min(low, 0.99), 1.0, 41).tolist()  # also if all descriptors are equal
    for values, colour, label in (
        (recognition.different, GREY, "two people"), (recognition.same, BLUE, "one person"),
    ):  # fmt: skip
        weights = np.full(len(values), 1 / len(values))
        axes.hist(values, edges, weights=weights, color=colour, alpha=0.7, label=label)
    axes.set(title=name, xlabel="cosine of a pair", ylabel="share of these pairs")
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.legend(frameon=False)


@dataclass(frozen=True)
class _CurveMetric:
    """A metric of Keras, as its curve is drawn."""

    name: str
    title: str
    is_share: bool


_LOSS = _CurveMetric("loss", "loss, sum of all tasks", is_share=False)
_METRICS = (
    _CurveMetric("accuracy", "accuracy", is_share=True),
    _CurveMetric("binary_accuracy", "accuracy of single labels", is_share=True),
    _CurveMetric("mae", "mean absolute error, as scaled", is_share=False),
)


def _metric_of(history: History, task: str) -> _CurveMetric:
    """What the training measured the task by."""
    curves = {name for curves in history.values() for name in curves}
    return next((m for m in _METRICS if f"{task}_{m.name}" in curves), _METRICS[-1])


def _curve(axes: Axes, history: History, task: str) -> None:
    metric = _metric_of(history, task) if task else _LOSS
    key = f"{task}_{metric.name}" if task else metric.name
    searched = {stage: c for stage, c in history.items() if f"val_{key}" in c}
    first = 1
    for stage, curves in searched.items():
        epochs = np.arange(first, first + len(curves[key]))
        for part, colour in (("", BLUE), ("val_", ORANGE)):
            label = ("validation" if part else "train") if first == 1 else None
            marker = "o" if len(epochs) < 5 else None
            axes.plot(epochs, curves[part + key], color=colour, label=label, marker=marker,
                      markersize=3.5, linewidth=1.5)  # fmt: skip
        if first > 1:
            axes.axvline(first - 0.5, color=GREY, linewidth=0.8)
            axes.annotate(
                STAGE_TITLES.get(stage, stage), (first - 0.5, 0.5), fontsize=7.5, rotation=90,
                xycoords=("data", "axes fraction"), va="center", ha="right", color=GREY,
            )  # fmt: skip
        first += len(epochs)
    if metric.is_share:
        axes.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    else:
        log_scale(axes, "y")
    axes.set_title(f"{metric.title}, {task}" if task else metric.title)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(ticker.MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.legend(frameon=False)


def _cells(axes: Axes, counts: np.ndarray, size: float) -> None:
    """A square a cell that is not empty: right answers in blue, wrong ones in orange."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    maps = {True: colormaps["Blues"], False: colormaps["Oranges"]}
    for row, column in zip(*np.nonzero(counts)):
        right = bool(row == column)
        strength = 0.15 + 0.75 * share[row, column] if right else 0.25 + 0.6 * share[row, column]
        colour = maps[right](strength)
        axes.add_patch(
            patches.Rectangle((column - 0.5, row - 0.5), 1, 1, color=colors.to_hex(colour), lw=0)
        )
        text = LIGHT_TEXT if np.dot(colour[:3], (0.299, 0.587, 0.114)) < 0.5 else DARK_TEXT
        axes.text(column, row, str(counts[row, column]), ha="center", va="center",
                  fontsize=size, color=text)  # fmt: skip
    axes.set(xlim=(-0.5, len(counts) - 0.5), ylim=(len(counts) - 0.5, -0.5), aspect="equal")


def _label_classes(axes: Axes, labels: Sequence[str], size: float) -> None:
    ticks = np.arange(len(labels))
    upright = len(labels) > _BIG or max(map(len, labels)) > 6
    axes.set_xticks(ticks, labels, rotation=90 if upright else 0, fontsize=size)
    axes.set_yticks(ticks, labels, fontsize=size)
    axes.set_xticks(ticks[1:] - 0.5, minor=True)
    axes.set_yticks(ticks[1:] - 0.5, minor=True)
    axes.grid(which="minor", color=RULE, linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_color(RULE)
    axes.set(xlabel="answer", ylabel="truth")
