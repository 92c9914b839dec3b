"""Text for a terminal: headings with pairs below, and lines that wrap under their own start."""

import shutil
import textwrap
from collections.abc import Iterable

_INDENT = 2
_MOST_COLUMNS = 110  # longer lines are hard to read


def section(title: str, pairs: Iterable[tuple[str, str | None]], width: int = 14) -> str:
    """A heading and one wrapped line a pair; pairs without a value are left out."""
    lines = [hanging(f"{' ' * _INDENT}{key:<{width}}", value) for key, value in pairs if value]
    return "\n".join([title, *lines])


def printable(text: str) -> str:
    """Without control characters: a tree from elsewhere shall not move the cursor."""
    return "".join(each if each.isprintable() else "?" for each in text)


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
