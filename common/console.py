"""What people read on a terminal: tables, key-value blocks, progress, warnings; not what libraries print."""

import contextlib
import faulthandler
import functools
import itertools
import os
import shutil
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import click

from edge_common.errors import without_passwords


def text_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], left_columns: Collection[int] = (0,)
) -> str:
    """Align columns: those numbered in `left_columns` to the left, all others to the right."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "  ".join(_pad(row[i], widths[i], i in left_columns) for i in range(len(header))).rstrip()
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _pad(cell: str, width: int, to_the_left: bool) -> str:
    return cell.ljust(width) if to_the_left else cell.rjust(width)


class Progress:
    """Steps with the time since the start, and a bar for what can be counted."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet, self._began = quiet, time.perf_counter()

    def say(self, step: str) -> None:
        if not self._quiet:
            echo(f"{time.perf_counter() - self._began:6.1f} s  {step}", err=True)

    @contextlib.contextmanager
    def count(self, step: str, total: int) -> Iterator[Callable[[], None]]:
        """Yield a function to call after each of `total` things; a bar if stderr is a terminal."""
        self.say(f"{step} ({total})")
        with self.steps() as on_step:
            finished = itertools.count(1)  # whose steps no two threads share
            yield lambda: on_step(next(finished), total)

    @contextlib.contextmanager
    def steps(self) -> Iterator[Callable[[int, int], None]]:
        """Yield a function that is told how many things are done, and of how many.

        A bar with the time left on a terminal, elsewhere a line with it every ten seconds.
        """
        if self._quiet:
            yield lambda finished, total: None
            return
        if not sys.stderr.isatty():
            yield PaceLine(self.say)
            return
        with click.progressbar(length=1, file=sys.stderr) as progress_bar:

            def tell(finished: int, total: int) -> None:
                progress_bar.length = total
                progress_bar.update(finished - progress_bar.pos)

            yield tell


class PaceLine:
    """Says now and then how far something is, and for how long it goes on at that pace."""

    EVERY_S = 10.0

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._clock = say, clock
        self._began = self._said = clock()

    def __call__(self, finished: int, total: int) -> None:
        now = self._clock()
        if 0 < finished < total and now - self._said >= self.EVERY_S:
            self._said = now
            seconds = (now - self._began) / finished * (total - finished)
            self._say(f"... {finished} of {total}, {duration(seconds)} left")


def duration(seconds: float) -> str:
    """As people say it: `40 s`, `12 min`, `2.5 h`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{seconds / 3600:.1f} h"


@contextlib.contextmanager
def bar(total: int, label: str = "") -> Iterator[Callable[[], None]]:
    """Yield a function to call after each of `total` things; a bar if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as progress_bar:
        yield lambda: progress_bar.update(1)


ERROR, WARNING, INFO = 3, 4, 6  # of syslog(3)


@functools.cache
def warn_once(text: str) -> None:
    """Write `warning: TEXT`; the same text again says nothing new and is left out."""
    over_a_bar = "\r\033[K" if sys.stderr.isatty() else ""
    click.echo(over_a_bar, err=True, nl=False)
    echo(f"{journal_prefix(WARNING)}warning: {' '.join(text.split())}", err=True)


def note(text: str, priority: int = INFO) -> None:
    """One line on stderr, for what nobody has to act on, unless its priority says more."""
    echo(f"{journal_prefix(priority)}{printable(text)}", err=True)


def journal_prefix(priority: int) -> str:
    """`<4>`, as sd-daemon(3) has it, if stderr is the journal of systemd; else ""."""
    stream = os.environ.get("JOURNAL_STREAM")
    if not stream:
        return ""
    try:
        stderr = os.fstat(2)
    except OSError:  # closed
        return ""
    return f"<{priority}>" if stream == f"{stderr.st_dev}:{stderr.st_ino}" else ""


def megabytes(size: float) -> str:
    """Bytes as people say them: `512 MB`, `4.0 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


_INDENT = 2
# lines, tabs, spaces of other widths, and the joiners that Persian and Hindi words need
_HARMLESS = "\n\t\xa0\u2009\u202f\u200c\u200d"
_MOST_COLUMNS = 110  # longer lines are hard to read


def section(title: str, pairs: Iterable[tuple[str, str | None]], width: int = 14) -> str:
    """A heading and one wrapped line a pair; pairs without a value are left out."""
    lines = [hanging(f"{' ' * _INDENT}{key:<{width}}", value) for key, value in pairs if value]
    return "\n".join([title, *lines])


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print what may hold names and texts from files: nothing in it steers the terminal."""
    click.echo(visible(str(text)), err=err, nl=nl)


def visible(text: str) -> str:
    """Lines without passwords, and with `?` for what moves the cursor or turns the text around."""
    text = without_passwords(text)
    return "".join(each if each.isprintable() or each in _HARMLESS else "?" for each in text)


def valid_text(text: str) -> str:
    """With `?` for what is no character, such as in a file's name that is not UTF-8.

    OpenCV ends the process at such a text.
    """
    return text.encode(errors="replace").decode()


def printable(text: str) -> str:
    """Without control characters: a tree from elsewhere shall not move the cursor."""
    return "".join(each if each.isprintable() else "?" for each in text)


def no_formula(cell: str) -> str:
    """Text of a CSV cell, quoted if a spreadsheet would compute it (OWASP, CSV injection)."""
    return f"'{cell}" if cell[:1] in tuple("=+-@\t\r") else cell


def hanging(start: str, text: str) -> str:
    """`start`, then `text` wrapped to the terminal and indented to where it began."""
    columns = min(shutil.get_terminal_size().columns, _MOST_COLUMNS)
    return textwrap.fill(
        printable(text),
        max(columns, len(start) + 30),
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )


@functools.cache
def speak_when_dying() -> None:
    """A crash of native code says on stderr where it was, also inside of `captured_stderr`."""
    if not faulthandler.is_enabled():
        faulthandler.enable(os.dup(2))


_one_capture = threading.RLock()  # two at a time would put back each other's


@contextlib.contextmanager
def captured_stderr() -> Iterator[list[str]]:
    """Keep file descriptor 2 off the screen; the list holds its lines afterwards."""
    lines: list[str] = []
    with _one_capture, tempfile.TemporaryFile() as capture:
        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(capture.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            capture.seek(0)
            lines.extend(capture.read().decode(errors="replace").splitlines())
