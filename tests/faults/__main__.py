"""`python -m tests.faults`: do all of them, and write the table of docs/faults.md."""

import json
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from edge_common import command_line, console, write_whole
from examples.document_figures import replace_marked
from tests.faults import all_faults
from tests.faults.fault import Fault, Outcome, PromiseBroken

MARKS = ("<!-- faults: make faults -->", "<!-- end of faults -->")
EPILOG = """\b
Examples:
  python -m tests.faults --results docs/faults.md
  python -m tests.faults --only "broker down,disk full" --times 3
"""


@click.command(epilog=EPILOG)
@click.option("--only", default="", metavar="NAME,...", help="Do only these.  [default: all]")
@click.option(
    "--times", default=1, type=click.IntRange(1), help="How often each; the slowest counts."
)
@click.option("--list", "list_only", is_flag=True, help="Say which there are, and what they need.")
@click.option(
    "--json", "record", type=click.Path(path_type=Path), help="Also write the figures here."
)
@click.option(
    "--results", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.md",
    help="Put the table between its marks in this document.",
)  # fmt: skip
@command_line.one_line_errors
def main(only: str, times: int, list_only: bool, record: Path | None, results: Path | None) -> None:
    """Do to the running appliance what boards suffer; exit code 1 if a promise is broken."""
    faults = chosen(only.split(",") if only else [])
    if list_only:
        for fault in faults:
            absent = fault.missing(os.geteuid() == 0)
            console.echo(f"{fault.group}: {fault.name}{f' (needs {absent})' if absent else ''}")
        return
    rows = [(fault, _outcome(fault, times)) for fault in faults]
    if record:
        content = {fault.name: _fields(outcome) for fault, outcome in rows}
        write_whole(record, json.dumps(content, indent=2).encode())
    if results:
        replace_marked(results, *MARKS, table(rows))
    if any(isinstance(outcome, PromiseBroken) for _, outcome in rows):
        raise SystemExit(1)


def chosen(names: Sequence[str]) -> list[Fault]:
    """Raises UsageError for a name of none."""
    known = {fault.name: fault for fault in all_faults()}
    for name in names:
        if name not in known:
            raise click.UsageError(f"no fault is called {name!r}: --list shows all")
    return [known[name] for name in names] or list(known.values())


def _outcome(fault: Fault, times: int) -> Outcome | PromiseBroken | str:
    """The slowest of all times; a text: why it cannot be done here."""
    if absent := fault.missing(os.geteuid() == 0):
        console.echo(f"{fault.name}: not done, it needs {absent}")
        return f"not done: needs {absent}"
    slowest = Outcome(None)
    for _ in range(times):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                outcome = fault.run(Path(folder))
            except PromiseBroken as error:
                console.echo(f"{fault.name}: PROMISE BROKEN: {error}")
                return error
        console.echo(f"{fault.name}: {said(outcome)} ({time.monotonic() - began:.0f} s)")
        if (outcome.recovered_s or 0.0) >= (slowest.recovered_s or 0.0):
            slowest = outcome
    return slowest


def said(outcome: Outcome) -> str:
    if outcome.recovered_s is None:
        return f"goes on; lost: {outcome.lost}"
    return f"recovered after {outcome.recovered_s:.1f} s; lost: {outcome.lost}"


def _fields(outcome: Outcome | PromiseBroken | str) -> dict[str, object]:
    if isinstance(outcome, Outcome):
        return {"recovered_s": outcome.recovered_s, "lost": outcome.lost}
    return {"problem": str(outcome)}


def table(rows: Iterable[tuple[Fault, Outcome | PromiseBroken | str]]) -> str:
    lines = [
        "| fault | what is done | what is promised | recovered after, s | lost |",
        "| - | - | - | - | - |",
    ]
    group = ""
    for fault, outcome in rows:
        if fault.group != group:
            group = fault.group
            lines.append(f"| **{group}** | | | | |")
        if isinstance(outcome, Outcome):
            seconds = "" if outcome.recovered_s is None else f"{outcome.recovered_s:.1f}"
            ends = [seconds or "at once", outcome.lost]
        else:
            broken = "**broken**: " if isinstance(outcome, PromiseBroken) else ""
            ends = [f"{broken}{outcome}", ""]
        lines.append(f"| {' | '.join([fault.name, fault.does, fault.promise, *ends])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(prog_name="python -m tests.faults")
