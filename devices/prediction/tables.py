"""The shipped tables."""

import csv
from collections.abc import Iterator
from importlib import resources


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a table in `devices/data/`, each by column."""
    text = resources.files("devices").joinpath("data", name).read_text("utf-8")
    return csv.DictReader(text.splitlines())
