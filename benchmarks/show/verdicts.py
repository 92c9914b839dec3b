"""What comparisons, gates, histories and scores say, as a person reads it."""

from collections.abc import Iterator, Sequence

from edge_benchmarks.cells import SHARE, cell, megabytes
from edge_benchmarks.judge import checks, compare, history, records, score, tracking
from edge_common import console, document

HEADER = ("figure", "before", "after", "change", "verdict")
_BY_THEMSELVES = (
    "Without a verdict: differs between runs of the same thing by itself, or is not known."
)


def as_text(comparison: records.TwoRecords) -> str:
    """For a terminal."""
    sides = [_side("before", comparison.before), _side("after ", comparison.after)]
    sections = ["\n".join([*sides, _bundle(comparison)]), frame_time(comparison)]
    rows = _change_rows(comparison)
    if rows:
        sections.append(
            console.text_table(HEADER, rows) + "".join(f"\n{n}" for n in _notes(comparison))
        )
    if unchanged := _unchanged(comparison):
        sections.append(unchanged)
    sections.append("\n".join(f"warning: {text}" for text in comparison.warnings))
    return "\n\n".join(filter(None, sections))


def as_markdown(comparison: records.TwoRecords) -> str:
    """GitHub-flavoured, for the summary of a job or a comment."""
    verdict = comparison.verdict or "frame time not compared"
    sides = [f"- {_side('before', comparison.before)}", f"- {_side('after', comparison.after)}"]
    rows = _change_rows(comparison)
    section = document.Section(
        verdict.capitalize(),
        text=[frame_time(comparison), "\n".join([*sides, f"- {_bundle(comparison)}"])],
        tables=[document.Table(HEADER, rows)] if rows else [],
    )
    after = [*(_notes(comparison) if rows else ()), _unchanged(comparison)]
    after += [f"> warning: {text}" for text in comparison.warnings]
    ending = "\n\n".join(filter(None, after))
    return f"{document.markdown(comparison.after.bundle, [section])}\n{ending}".rstrip()


def frame_time(comparison: records.TwoRecords) -> str:
    """The verdict on a frame's time in one line."""
    if comparison.interval is None:
        return f"frame time: not compared, {comparison.not_compared}"
    low, high = comparison.interval
    before, after = comparison.before, comparison.after
    return (
        f"frame time: {comparison.verdict}, {comparison.ratio:.3f} x (95 %: {low:.3f} to {high:.3f}); "
        f"shortest frame {before.floor_ms:.3f} ms before, {after.floor_ms:.3f} ms after, "
        f"of {before.processes} and {after.processes} processes"
    )


def _side(name: str, side: records.Side) -> str:
    revision = f", revision {side.revision[:12]}" if side.revision else ""
    return f"{name} {side.file}: {side.bundle}, {side.created_at}{revision}"


def _bundle(comparison: records.TwoRecords) -> str:
    if comparison.same_bundle:
        return f"bundle: the same file (sha256 {comparison.after.sha256[:12]})"
    return f"bundle: another file (sha256 {comparison.before.sha256[:12]}, {comparison.after.sha256[:12]})"


def _change_rows(comparison: records.TwoRecords) -> list[list[str]]:
    return [_change_row(change) for change in comparison.changes if not change.same]


def _change_row(change: compare.Change) -> list[str]:
    cells = [cell(change.unit, value) for value in (change.before, change.after)]
    return [change.figure, *cells, difference(change), change.verdict]


def _notes(comparison: records.TwoRecords) -> Iterator[str]:
    if any(not change.verdict and not change.same for change in comparison.changes):
        yield _BY_THEMSELVES


def _unchanged(comparison: records.TwoRecords) -> str:
    names = [change.figure for change in comparison.changes if change.same]
    return f"unchanged: {', '.join(names)}" if names else ""


def difference(change: compare.Change) -> str:
    """By how much it changed: points of an accuracy with their interval, else per cent."""
    if change.before is None or change.after is None:
        return ""
    by = change.after - change.before
    if change.unit == SHARE:
        if change.interval is None:
            return f"{100 * by:+.2f} points"
        low, high = change.interval
        return f"{100 * by:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f})"
    return f"{100 * by / change.before:+.1f} %" if change.before else ""


_GATE_HEADER = ("figure", "baseline", "new", "change", "allowed", "outcome")


def checks_table(results: Sequence[checks.Check], strict: bool) -> str:
    """One check a row, the reasons of all but plain passes, and the outcome in one line."""
    rows = [(c.figure, c.before, c.after, c.change, c.allowed, c.outcome) for c in results]
    reasons = "\n".join(f"{c.figure}: {c.reason}" for c in results if c.reason)
    table = console.text_table(_GATE_HEADER, rows)
    return "\n\n".join(filter(None, [table, reasons, "\n".join(_ending(results, strict))]))


def _ending(results: Sequence[checks.Check], strict: bool) -> Iterator[str]:
    failed, unknown = (
        ", ".join(c.figure for c in results if c.outcome == kind)
        for kind in (checks.FAIL, checks.INCONCLUSIVE)
    )
    if unknown:
        yield f"warning: inconclusive: {unknown}"
    if failed:
        yield f"gate failed: {failed}"
    elif checks.outcome(results, strict) == checks.FAIL:
        yield "gate failed: --strict lets nothing inconclusive pass"
    else:
        yield "gate passed"


def score_report(result: score.Score) -> str:
    """What counted, then two lines a task."""
    header = ["task", "over", "metric", "value", "right/n", "95 % interval"]
    rows = [row for task in result.tasks for row in _rows(task)]
    return f"{_counts(result)}\n\n{console.text_table(header, rows)}"


def tracking_report(result: tracking.TrackingScore) -> str:
    """How right tracks are, and what they were compared with."""
    shares = {
        "HOTA": result.hota,
        "DetA": result.detection,
        "AssA": result.association,
        "MOTA": result.mota,
        "IDF1": result.idf1,
        "IDP": result.id_precision,
        "IDR": result.id_recall,
    }
    counts = {
        "ID switches": result.id_switches,
        "misses": result.misses,
        "false boxes": result.false_boxes,
    }
    cells = [*(f"{100 * share:.1f} %" for share in shares.values()), *map(str, counts.values())]
    return (
        f"{result.predicted_boxes} boxes of {result.predicted_people} tracks against "
        f"{result.true_boxes} of {result.true_people} people in {result.frames} frames\n\n"
        f"{console.text_table([*shares, *counts], [cells])}"
    )


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


def history_tables(past: history.History) -> str:
    """A table for each group, then the files that could not be read."""
    sections = ["\n".join(_group(group)) for group in past.groups]
    if past.unreadable:
        count = len(past.unreadable)
        lines = [f"  {file.reason}" for file in past.unreadable]
        heading = f"{count} {'file' if count == 1 else 'files'} not read:"
        sections.append("\n".join([heading, *lines]))
    return "\n\n".join(sections)


def _group(group: history.Group) -> Iterator[str]:
    yield group.bundle
    yield f"on {group.machine}; {group.settings}"
    if line := sparkline([entry.floor_ms for entry in group.entries]):
        yield f"floor {line}"
    yield console.text_table(_ENTRIES, [_row(entry) for entry in group.entries])


def _row(entry: history.Entry) -> list[str]:
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


def _counts(result: score.Score) -> str:
    lines = [
        f"{result.counted} of {result.decisions} decisions counted: "
        f"their window of {result.window} frames lies within one segment",
        f"{result.straddling} left out, because their window straddles segments",
    ]
    if result.outside:
        lines.append(f"{result.outside} left out, because the truth says nothing of their frames")
    if result.unseen:
        lines.append(f"{result.unseen} of {result.segments} segments hold no decision that counts")
    return "\n".join(lines)


def _rows(task: score.TaskScore) -> list[list[str]]:
    return [
        [task.task, "decisions", task.metric, *_figures(task.decisions)],
        ["", "segments", "", *_figures(task.segments)],
    ]


def _figures(tally: score.Tally) -> list[str]:
    if tally.value is None:
        return ["not measured", "", ""]
    of = f"{tally.n}" if tally.right is None else f"{tally.right}/{tally.n}"
    of += f", {tally.unknown} unknown" if tally.unknown else ""
    interval = "{:.4f} to {:.4f}".format(*tally.interval) if tally.interval else ""
    return [f"{tally.value:.4f}", of, interval]
