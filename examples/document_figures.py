"""Figures in documents: tables of Markdown, and what stands between two marks of a file."""

from pathlib import Path

from edge_common import ConfigError, write_whole


def replace_marked(path: Path, begin: str, end: str, text: str) -> None:
    """Put `text` between the marks of a file. Raises ConfigError if they are missing."""
    before, found_begin, behind_begin = path.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = behind_begin.partition(end)
    if not found_begin or not found_end:
        raise ConfigError(f"{path} lacks the marks {begin} and {end}")
    write_whole(path, f"{before}{begin}\n{text}\n{end}{after}".encode())


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A table of GitHub's Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
