"""`edge-bench table utkface`, once its options are read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.instructions.count import boards_named
from benchmarks.report.labels import machine_name
from benchmarks.utkface.conversion import Say
from benchmarks.utkface.figures import Failure, Found
from benchmarks.utkface.files import FORMS
from benchmarks.utkface.kept import Kept
from benchmarks.utkface.measure import Measure, all_rows, measure_row
from benchmarks.utkface.published import rows_named
from benchmarks.utkface.shown import Shown
from devices.machine import this_machine
from edge.errors import SinkError
from edge.whole_file import can_be_written, write_whole

_WIDTHS = (30, 4, 7, 8, 6, 16, 14, 13, 9)  # of the first columns; the others as their titles
_NUMBERS_ARE = 24  # characters of a figure with its interval
OnRow = Callable[[Found, Shown], None]


def run_table(
    rows: str,
    boards: str,
    threads: int,
    cache: Path,
    output: Path | None,
    on_row: OnRow,
    say: Say,
    measure: Measure | None = None,
) -> Shown:
    """Measure what is not measured yet; `output` is written anew after each row.

    on_row: told of each row as it is done, with the table so far.
    measure: instead of building and timing here.  Raises ConfigError for an unknown row,
    DeviceError for an unknown board, SinkError where a file cannot be written.
    """
    if output is not None:
        check_output(output)
    chosen = rows_named(rows)
    machine = machine_name(this_machine())
    shown = Shown(chosen, {}, boards_named(boards), threads, machine)
    kept = Kept(cache.expanduser(), machine, threads)
    kept.make()
    for found in all_rows(chosen, kept, measure or (lambda key: measure_row(key, kept, say))):
        shown = replace(shown, found={**shown.found, found.key: found})
        if output is not None:
            write_whole(output, FORMS[output.suffix](shown).encode())
        on_row(found, shown)
    return shown


def check_output(path: Path) -> None:
    """Raise SinkError where no table can be written under this name."""
    if path.suffix not in FORMS:
        raise SinkError(f"{path} is no name for a table: it ends in {', '.join(FORMS)}")
    if not can_be_written(path):
        raise SinkError(f"{path} cannot be written: its folder is missing or read-only")


def lines(found: Found, shown: Shown) -> list[str]:
    """What is printed when a row is done: before the first row the header as well."""
    row = next(row for row in shown.rows if row.key == found.key)
    widths = [*_WIDTHS, *(max(len(title), _NUMBERS_ARE) for title in shown.header[len(_WIDTHS) :])]
    head = [_line(shown.header, widths), "  ".join("-" * w for w in widths)]
    cells = [row.method, *shown.cells(row)[1:]]  # without the reference: lines are long enough
    said = [*(head if len(shown.found) == 1 else []), _line(cells, widths)]
    return [*said, f"  {found.reason}"] if isinstance(found, Failure) else said


def _line(cells: list[str], widths: list[int]) -> str:
    first = cells[0].ljust(widths[0])
    return "  ".join([first, *(c.rjust(w) for c, w in zip(cells[1:], widths[1:]))]).rstrip()
