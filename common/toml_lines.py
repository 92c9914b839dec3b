"""On which line of a TOML file each key stands, which parsers do not tell."""

import re
from collections import Counter
from collections.abc import Mapping

from edge_common.data import toml_parser

Place = tuple[str | int, ...]

_KEY = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*\]\]?")
_ASSIGNMENT = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")


def line_numbers(text: str) -> Mapping[Place, int]:
    """From 1 on, of each table and each key, such as `("alert", 0, "above")`, of valid TOML.

    What stands within an inline table or a list has the line of its key.
    """
    numbers: dict[Place, int] = {}
    arrays, table, lines = Counter[Place](), Place(), text.splitlines()
    skip_until = 0
    for index, line in enumerate(lines):
        if index < skip_until:
            continue
        if header := _HEADER.match(line):
            table = _table(_parts(header[2]), arrays, header[1] == "[[")
            numbers[table] = index + 1
        elif assignment := _ASSIGNMENT.match(line):
            numbers[(*table, *_parts(assignment[1]))] = index + 1
            skip_until = _end(lines, index)
    return numbers


def _table(parts: list[str], arrays: Counter[Place], is_item: bool) -> Place:
    """Where a header's keys go: into the newest item of each array on the way."""
    place: Place = ()
    for number, part in enumerate(parts):
        place = (*place, part)
        if is_item and number == len(parts) - 1:
            arrays[place] += 1
        if arrays[place]:
            place = (*place, arrays[place] - 1)
    return place


def _parts(key: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(_KEY, key)]


def _end(lines: list[str], start: int) -> int:
    """The line behind a key's value, which may reach over several."""
    for end in range(start + 1, len(lines) + 1):
        try:
            toml_parser().loads("\n".join(lines[start:end]))
        except ValueError:
            continue
        return end
    return start + 1
