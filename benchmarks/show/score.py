"""A score as a person reads it."""

from edge_benchmarks.judge.score import Score, Tally, TaskScore
from edge_common.console import text_table


def score_report(score: Score) -> str:
    """What counted, then two lines a task."""
    header = ["task", "over", "metric", "value", "right/n", "95 % interval"]
    rows = [row for task in score.tasks for row in _rows(task)]
    return f"{_counts(score)}\n\n{text_table(header, rows)}"


def _counts(score: Score) -> str:
    lines = [
        f"{score.counted} of {score.decisions} decisions counted: "
        f"their window of {score.window} frames lies within one segment",
        f"{score.straddling} left out, because their window straddles segments",
    ]
    if score.outside:
        lines.append(f"{score.outside} left out, because the truth says nothing of their frames")
    if score.unseen:
        lines.append(f"{score.unseen} of {score.segments} segments hold no decision that counts")
    return "\n".join(lines)


def _rows(task: TaskScore) -> list[list[str]]:
    return [
        [task.task, "decisions", task.metric, *_figures(task.decisions)],
        ["", "segments", "", *_figures(task.segments)],
    ]


def _figures(tally: Tally) -> list[str]:
    if tally.value is None:
        return ["not measured", "", ""]
    of = f"{tally.n}" if tally.right is None else f"{tally.right}/{tally.n}"
    interval = "{:.4f} to {:.4f}".format(*tally.interval) if tally.interval else ""
    return [f"{tally.value:.4f}", of, interval]
