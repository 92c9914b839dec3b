"""Sections of a document that a command writes: what stands between two marks."""

from pathlib import Path

from edge.errors import ConfigError
from edge.whole_file import write_whole


def replace_marked(path: Path, begin: str, end: str, text: str) -> None:
    """Put `text` between the marks of a file. Raises ConfigError where they are missing."""
    before, found_begin, rest = path.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ConfigError(f"{path} lacks the marks {begin} and {end}")
    write_whole(path, f"{before}{begin}\n{text}\n{end}{after}".encode())


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A table of GitHub's Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
