"""Two compared records, and the checks of a gate, as a person reads them."""

from collections.abc import Iterator, Sequence

from edge_benchmarks.judge.cells import SHARE, cell
from edge_benchmarks.judge.changes import Change
from edge_benchmarks.judge.checks import FAIL, INCONCLUSIVE, Check, outcome
from edge_benchmarks.judge.records import Side, TwoRecords
from edge_common.console import text_table
from edge_common.document import Section, Table, markdown

HEADER = ("figure", "before", "after", "change", "verdict")
_BY_THEMSELVES = (
    "Without a verdict: differs between runs of the same thing by itself, or is not known."
)


def as_text(records: TwoRecords) -> str:
    """For a terminal."""
    sides = [_side("before", records.before), _side("after ", records.after)]
    sections = ["\n".join([*sides, _bundle(records)]), frame_time(records)]
    rows = _rows(records)
    if rows:
        sections.append(text_table(HEADER, rows) + "".join(f"\n{n}" for n in _notes(records)))
    if unchanged := _unchanged(records):
        sections.append(unchanged)
    sections.append("\n".join(f"warning: {text}" for text in records.warnings))
    return "\n\n".join(filter(None, sections))


def as_markdown(records: TwoRecords) -> str:
    """GitHub-flavoured, for the summary of a job or a comment."""
    verdict = records.verdict or "frame time not compared"
    sides = [f"- {_side('before', records.before)}", f"- {_side('after', records.after)}"]
    rows = _rows(records)
    section = Section(
        verdict.capitalize(),
        text=[frame_time(records), "\n".join([*sides, f"- {_bundle(records)}"])],
        tables=[Table(HEADER, rows)] if rows else [],
    )
    after = [*(_notes(records) if rows else ()), _unchanged(records)]
    after += [f"> warning: {text}" for text in records.warnings]
    ending = "\n\n".join(filter(None, after))
    return f"{markdown(records.after.bundle, [section])}\n{ending}".rstrip()


def frame_time(records: TwoRecords) -> str:
    """The verdict on a frame's time in one line."""
    if records.interval is None:
        return f"frame time: not compared, {records.not_compared}"
    low, high = records.interval
    before, after = records.before, records.after
    return (
        f"frame time: {records.verdict}, {records.ratio:.3f} x (95 %: {low:.3f} to {high:.3f}); "
        f"shortest frame {before.floor_ms:.3f} ms before, {after.floor_ms:.3f} ms after, "
        f"of {before.processes} and {after.processes} processes"
    )


def _side(name: str, side: Side) -> str:
    revision = f", revision {side.revision[:12]}" if side.revision else ""
    return f"{name} {side.file}: {side.bundle}, {side.created_at}{revision}"


def _bundle(records: TwoRecords) -> str:
    if records.same_bundle:
        return f"bundle: the same file (sha256 {records.after.sha256[:12]})"
    return (
        f"bundle: another file (sha256 {records.before.sha256[:12]}, {records.after.sha256[:12]})"
    )


def _rows(records: TwoRecords) -> list[list[str]]:
    return [_row(change) for change in records.changes if not change.same]


def _row(change: Change) -> list[str]:
    cells = [cell(change.unit, value) for value in (change.before, change.after)]
    return [change.figure, *cells, difference(change), change.verdict]


def _notes(records: TwoRecords) -> Iterator[str]:
    if any(not change.verdict and not change.same for change in records.changes):
        yield _BY_THEMSELVES


def _unchanged(records: TwoRecords) -> str:
    names = [change.figure for change in records.changes if change.same]
    return f"unchanged: {', '.join(names)}" if names else ""


def difference(change: Change) -> str:
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


def checks_table(checks: Sequence[Check], strict: bool) -> str:
    """One check a row, the reasons of all but plain passes, and the outcome in one line."""
    rows = [(c.figure, c.before, c.after, c.change, c.allowed, c.outcome) for c in checks]
    reasons = "\n".join(f"{c.figure}: {c.reason}" for c in checks if c.reason)
    table = text_table(_GATE_HEADER, rows)
    return "\n\n".join(filter(None, [table, reasons, "\n".join(_ending(checks, strict))]))


def _ending(checks: Sequence[Check], strict: bool) -> Iterator[str]:
    failed, unknown = (
        ", ".join(c.figure for c in checks if c.outcome == kind) for kind in (FAIL, INCONCLUSIVE)
    )
    if unknown:
        yield f"warning: inconclusive: {unknown}"
    if failed:
        yield f"gate failed: {failed}"
    elif outcome(checks, strict) == FAIL:
        yield "gate failed: --strict lets nothing inconclusive pass"
    else:
        yield "gate passed"
