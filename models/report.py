"""What a training run leaves beside its model: pictures and one JSON file."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .evaluation import RegressionResult, TaskResult

Results = Mapping[str, TaskResult | RegressionResult]

INK, FAINT = "#222222", "#bbbbbb"
COLOURS = ("#0b6e99", "#c8553d")
STAGE_TITLES = {
    "blocks": "blocks and heads", "fine_tuning": "fine-tuning",
    "frozen": "backbone frozen", "whole": "end to end",
}  # fmt: skip


def write_report(
    folder: Path,
    config: Any,
    results: Results,
    history: dict[str, dict[str, list[float]]],
    facts: dict[str, object],
) -> None:
    """Write learning_curves.png, confusion_<task>.png and report.json.

    Args:
        config: the run's, a dataclass.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plot_learning_curves(folder / "learning_curves.png", history, tuple(results))
    classes = {task: r for task, r in results.items() if isinstance(r, TaskResult)}
    numbers = {task: r for task, r in results.items() if isinstance(r, RegressionResult)}
    for task, result in classes.items():
        plot_confusion(folder / f"confusion_{task}.png", task, result)
    content = {
        "name": config.name,
        "accuracy": {task: _described(result) for task, result in classes.items()},
        "mean_absolute_error": {task: _described_error(r) for task, r in numbers.items()},
        "interval_note": "taken as if clips were independent; those of one photo are not",
        **facts,
        "config": dataclasses.asdict(config),
        "history": history,
    }
    (folder / "report.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def plot_learning_curves(
    path: Path, history: dict[str, dict[str, list[float]]], tasks: tuple[str, ...]
) -> None:
    """Loss and each task's accuracy or error over the epochs, stages one after another."""
    figure = Figure(figsize=(4.2 * (1 + len(tasks)), 3.6), layout="constrained")
    for axes, quantity in zip(_row(figure, 1 + len(tasks)), ("", *tasks), strict=True):
        _plot_curve(axes, history, quantity)
    save(figure, path)


def plot_confusion(path: Path, task: str, result: TaskResult) -> None:
    """Counts, truth in rows; wrong answers stand out, zeros stay empty."""
    classes = len(result.labels)
    side = 4.6 if classes <= 10 else 0.27 * classes + 1.2
    figure = Figure(figsize=(side, side + 0.3), layout="constrained")
    axes = figure.add_subplot()
    confusion = result.confusion
    right = np.eye(classes, dtype=bool)
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    # Two maps in one: right answers in blue, wrong ones in red.
    axes.imshow(np.where(right, share, np.nan), cmap="Blues", vmin=0, vmax=1.25)
    axes.imshow(
        np.where(right | (confusion == 0), np.nan, share), cmap="Reds", vmin=-0.25, vmax=0.6
    )
    size = 9 if classes <= 10 else 6.5
    for row, column in zip(*np.nonzero(confusion), strict=True):
        dark = row == column and share[row, column] > 0.6
        axes.text(
            column, row, str(confusion[row, column]), ha="center", va="center",
            fontsize=size, color="white" if dark else INK,
        )  # fmt: skip
    _label_classes(axes, result.labels, size)
    low, high = result.interval
    axes.set_title(
        f"{task}: {result.accuracy:.1%} of {len(result.truth)} test clips\n"
        f"(95 % interval {low:.1%} to {high:.1%})",
        fontsize=10 if classes <= 10 else 13, color=INK,
    )  # fmt: skip
    save(figure, path)


def _plot_curve(axes: Axes, history: dict[str, dict[str, list[float]]], task: str) -> None:
    named = any(f"{task}_accuracy" in curves for curves in history.values())
    key = "loss" if not task else f"{task}_accuracy" if named else f"{task}_mae"
    first = 1
    searched = {stage: c for stage, c in history.items() if f"val_{key}" in c}
    for stage, curves in searched.items():
        epochs = np.arange(first, first + len(curves[key]))
        for part, colour in zip(("", "val_"), COLOURS, strict=True):
            label = {"": "train", "val_": "validation"}[part] if first == 1 else None
            axes.plot(epochs, curves[part + key], color=colour, label=label, linewidth=1.5)
        if first > 1:
            axes.axvline(first - 0.5, color=FAINT, linewidth=0.8)
            axes.annotate(
                f" {STAGE_TITLES.get(stage, stage)}", (first - 0.5, 0.5), fontsize=7, rotation=90,
                xycoords=("data", "axes fraction"), va="center", ha="right", color="#777777",
            )  # fmt: skip
        first += len(epochs)
    if task and named:
        lows = [min(curves[f"val_{key}"]) for curves in searched.values()]
        axes.set_ylim(max(0.0, min(0.9, min(lows) - 0.02)), 1.005)
        axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1))
    else:
        axes.set_yscale("log")
    quantity = "accuracy" if named else "mean absolute error, as scaled"
    axes.set_title(f"{quantity}, {task}" if task else "loss, sum of all tasks", fontsize=10)
    axes.set_xlabel("epoch", fontsize=9)
    axes.grid(True, color="#eeeeee")
    axes.tick_params(labelsize=8)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _label_classes(axes: Axes, labels: tuple[str, ...], size: float) -> None:
    ticks = np.arange(len(labels))
    axes.set_xticks(ticks, labels, rotation=90, fontsize=size)
    axes.set_yticks(ticks, labels, fontsize=size)
    axes.set_xticks(ticks[1:] - 0.5, minor=True)
    axes.set_yticks(ticks[1:] - 0.5, minor=True)
    axes.grid(which="minor", color="#eeeeee", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_color(FAINT)
    axes.set_xlabel("answer", fontsize=9)
    axes.set_ylabel("truth", fontsize=9)


def _described(result: TaskResult) -> dict[str, object]:
    return {
        "accuracy": round(result.accuracy, 5),
        "n": len(result.truth),
        "interval_95": [round(bound, 5) for bound in result.interval],
        "confusion": result.confusion.tolist(),
    }


def _described_error(result: RegressionResult) -> dict[str, object]:
    return {
        "value": round(result.mean_absolute_error, 5),
        "unit": result.unit,
        "n": len(result.truth),
        "interval_95": [round(bound, 5) for bound in result.interval],
    }


def _row(figure: Figure, count: int) -> list[Axes]:
    return [figure.add_subplot(1, count, number + 1) for number in range(count)]


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a picture."""
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=150, facecolor="white")
