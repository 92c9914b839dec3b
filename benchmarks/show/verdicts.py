"""What a score and a history say, as a person reads it."""

from collections.abc import Iterator, Sequence

from edge_benchmarks.judge.cells import megabytes
from edge_benchmarks.judge.history import Entry, Group, History
from edge_benchmarks.judge.score import Score, Tally, TaskScore
from edge_common.console import text_table


def score_report(score: Score) -> str:
    """What counted, then two lines a task."""
    header = ["task", "over", "metric", "value", "right/n", "95 % interval"]
    rows = [row for task in score.tasks for row in _rows(task)]
    return f"{_counts(score)}\n\n{text_table(header, rows)}"


_BLOCKS = "▁▂▃▄▅▆▇█"
_FLAT = 0.05  # values that lie within this share of each other are drawn as one
_ENTRIES = (
    "date",
    "revision",
    "bundle",
    "p50 ms",
    "p99 ms",
    "floor ms",
    "change",
    "size",
    "accuracy",
)


def history_tables(history: History) -> str:
    """A table for each group, then the files that could not be read."""
    sections = ["\n".join(_group(group)) for group in history.groups]
    if history.unreadable:
        count = len(history.unreadable)
        lines = [f"  {file.reason}" for file in history.unreadable]
        heading = f"{count} {'file' if count == 1 else 'files'} not read:"
        sections.append("\n".join([heading, *lines]))
    return "\n\n".join(sections)


def _group(group: Group) -> Iterator[str]:
    yield group.bundle
    yield f"on {group.machine}; {group.settings}"
    if line := sparkline([entry.floor_ms for entry in group.entries]):
        yield f"floor {line}"
    yield text_table(_ENTRIES, [_row(entry) for entry in group.entries])


def _row(entry: Entry) -> list[str]:
    date = entry.created_at[:16].replace("T", " ")
    change = f"{entry.change} {entry.ratio:.3f} x" if entry.ratio is not None else ""
    return [
        date if entry.complete else f"{date} (interrupted)",
        entry.revision[:9],
        entry.sha256[:8],
        _ms(entry.p50_ms),
        _ms(entry.p99_ms),
        _ms(entry.floor_ms),
        change,
        megabytes(entry.size_bytes),
        ", ".join(f"{task} {value:.4g}" for task, value in entry.accuracy.items()),
    ]


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def sparkline(values: Sequence[float | None]) -> str:
    """One block a value, the highest for the largest; a gap if there is none.

    Empty for fewer than two values. Nothing within 5 % is drawn as a mountain.
    """
    measured_values = [value for value in values if value is not None]
    if len(measured_values) < 2:
        return ""
    low = min(measured_values)
    reach = max(max(measured_values) - low, _FLAT * max(measured_values)) or 1.0
    last = len(_BLOCKS) - 1
    return "".join(" " if v is None else _BLOCKS[round((v - low) / reach * last)] for v in values)


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
