"""The report as a file, in the form that its name asks for."""

from collections.abc import Callable, Sequence
from pathlib import Path

from edge_benchmarks.record.record import Record
from edge_benchmarks.show.rows import csv_text
from edge_benchmarks.show.sections import sections
from edge_common.document import markdown, page
from edge_common.errors import ConfigError, SinkError
from edge_common.files import can_be_written, write_whole

TITLE = "Benchmark report"


def _page(records: Sequence[Record]) -> str:
    return page(TITLE, sections(records))


def _markdown(records: Sequence[Record]) -> str:
    return markdown(TITLE, sections(records))


FORMS: dict[str, Callable[[Sequence[Record]], str]] = {
    ".html": _page,
    ".md": _markdown,
    ".csv": csv_text,
}


def check_output(path: Path) -> None:
    """Raise SinkError if no report can be written under this name."""
    if path.suffix not in FORMS:
        raise SinkError(f"{path} is no name for a report: it ends in {', '.join(FORMS)}")
    if not can_be_written(path):
        raise SinkError(f"{path} cannot be written: its folder is missing or read-only")


def write_report(path: Path, records: Sequence[Record]) -> None:
    """Write under the name only when whole.

    Raises SinkError if it cannot, ConfigError if figures of a record, edited by
    hand, contradict each other.
    """
    check_output(path)
    text = _text(path, records)
    write_whole(path, text.encode())


def _text(path: Path, records: Sequence[Record]) -> str:
    try:
        return FORMS[path.suffix](records)
    except (ArithmeticError, LookupError, StopIteration, ValueError) as error:
        raise ConfigError(
            f"a record holds figures that no measurement gives ({error}): measure again"
        ) from error
