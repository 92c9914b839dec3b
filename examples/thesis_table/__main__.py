"""`python -m examples.thesis_table`: networks of others, built and measured, beside what they published."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from edge.commands.options import threads_option
from edge_benchmarks.cells import machine_name
from edge_benchmarks.prediction import boards_named
from edge_common import SinkError, cache_folder, can_be_written, command_line, console, write_whole
from edge_devices.detection.machine import this_machine
from examples.thesis_table import render
from examples.thesis_table.measure import Measure, Say, all_rows, largest_child_bytes, measure_row
from examples.thesis_table.rows import Failure, RowCache, RowResult, rows_named

EXAMPLES = """\b
Examples:
  python -m examples.thesis_table -o table.html
  python -m examples.thesis_table --rows mtllnn,mtdnn --device pi-5
  python -m examples.thesis_table --json > table.json
"""


@click.command(epilog=EXAMPLES)
@click.option("--rows", default="", metavar="NAME,...", help="Only these.  [default: all eleven]")
@click.option(
    "--device",
    default="pi-4,pi-5,jetson-nano",
    show_default=True,
    metavar="BOARD[,BOARD...]",
    help="Boards to predict for; `edge-devices list` shows them.",
)
@threads_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="FILE.md, FILE.html, FILE.csv or FILE.json; written anew after each row.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: cache_folder() / "utkface",
    show_default="~/.cache/edge-run/utkface",
    metavar="DIR",
    help="Where finished rows are kept; needs 4 GB of free space while building.",
)
@command_line.json_option
@command_line.one_line_errors
def main(
    rows: str, device: str, threads: int, output: Path | None, cache: Path, as_json: bool
) -> None:
    """Build every network of the thesis' UTKFace table and say what it costs.

    Beside the published accuracy and parameters: parameters as counted, multiply-adds, size and
    latency in int8 here, and latency as predicted for boards. Weights are random, which says
    nothing about accuracy but all about time. Each network is built and converted in processes
    of its own, one at a time; call it again to go on after an interruption. About a quarter of
    an hour on two cores, 6 GB of memory. The exit code is 1 if a row failed.

    Rows: randomized-bins, coral, one-task, cross-stitch, filter-groups, mobilenet-v2,
    insightface, dex, facenet, mtllnn, mtdnn.
    """
    progress = console.Progress()

    def on_row(outcome: RowResult, table: render.ThesisTable) -> None:
        if isinstance(outcome, Failure):
            progress.say(f"warning: {outcome.key}: {outcome.reason}")
        if not as_json:
            click.echo("\n".join(lines(outcome, table)))

    table = run_table(rows, device, threads, cache, output, on_row, progress.say)
    click.echo(render.as_json(table) if as_json else "\n" + "\n".join(render.notes(table)))
    if largest_child_bytes():
        progress.say(f"largest process: {largest_child_bytes() / 1e9:.1f} GB")
    if output is not None:
        progress.say(f"wrote {output}")
    if any(isinstance(outcome, Failure) for outcome in table.results.values()):
        raise SystemExit(1)


_WIDTHS = (30, 4, 7, 8, 6, 16, 14, 13, 9)  # of the first columns; the others as their titles
_NUMBERS_ARE = 24  # characters of a figure with its interval
OnRow = Callable[[RowResult, render.ThesisTable], None]


def run_table(
    rows: str,
    boards: str,
    threads: int,
    cache: Path,
    output: Path | None,
    on_row: OnRow,
    say: Say,
    measure: Measure | None = None,
) -> render.ThesisTable:
    """Measure what is not measured yet; `output` is written again after each row.

    on_row: told of each row as it is done, with the table so far.
    measure: instead of building and timing here.  Raises ConfigError for an unknown row,
    DeviceError for an unknown board, SinkError if a file cannot be written.
    """
    if output is not None:
        check_output(output)
    published = rows_named(rows)
    machine = machine_name(this_machine())
    table = render.ThesisTable(published, {}, boards_named(boards), threads, machine)
    finished = RowCache(cache.expanduser(), machine, threads)
    finished.make()
    for outcome in all_rows(
        published, finished, measure or (lambda key: measure_row(key, finished, say))
    ):
        table = replace(table, results={**table.results, outcome.key: outcome})
        if output is not None:
            write_whole(output, render.FORMS[output.suffix](table).encode())
        on_row(outcome, table)
    return table


def check_output(path: Path) -> None:
    """Raise SinkError if no table can be written under this name."""
    if path.suffix not in render.FORMS:
        raise SinkError(f"{path} is no name for a table: it ends in {', '.join(render.FORMS)}")
    if not can_be_written(path):
        raise SinkError(f"{path} cannot be written: its folder is missing or read-only")


def lines(outcome: RowResult, table: render.ThesisTable) -> list[str]:
    """What is printed when a row is done: before the first row the header as well."""
    row = next(row for row in table.rows if row.key == outcome.key)
    widths = [*_WIDTHS, *(max(len(title), _NUMBERS_ARE) for title in table.header[len(_WIDTHS) :])]
    head = [_line(table.header, widths), "  ".join("-" * w for w in widths)]
    cells = [row.method, *table.cells(row)[1:]]  # without the reference: lines are long enough
    text = [*(head if len(table.results) == 1 else []), _line(cells, widths)]
    return [*text, f"  {outcome.reason}"] if isinstance(outcome, Failure) else text


def _line(cells: list[str], widths: list[int]) -> str:
    first = cells[0].ljust(widths[0])
    return "  ".join([first, *(c.rjust(w) for c, w in zip(cells[1:], widths[1:]))]).rstrip()


if __name__ == "__main__":
    main(prog_name="python -m examples.thesis_table")
