"""A table of files: which rows are used, what stays together, and which part others put it in."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_common import ClipError, ConfigError, nearest_or_all
from edge_models.datasets import dataset, from_files
from edge_models.datasets.splits import PARTS

Cells = str | list[str]  # a column's cell, or some of which it must be one

_NAMES_OF_PARTS = {**{part: part for part in PARTS}, "val": "validation", "valid": "validation"}
NO_PART, NO_PARTS = "none", ("", "none")


@dataclass(frozen=True)
class TableSection(from_files.FolderSection):
    """Files that a table lists.

    Attributes:
        group: a column; rows with the same cell in it are in one part.
        split: a column of `train`, `validation` and `test`, which are taken as they are.
        fold_column: a column of three or more folds instead: fold number `fold` tests, the next
            one decides when to stop, and the others are trained on.
        fold_validates: whether the next fold does; false: all other folds are trained on, but for
            the `validation_share` of their groups.
        only: of some columns, the cells of the rows that are used.
        train, validation, test: the same, of the rows of each part.
    """

    group: str | None = None
    split: str | None = None
    fold_column: str | None = None
    fold: int | None = None
    fold_validates: bool | None = None
    only: dict[str, Cells] = field(default_factory=dict)
    train: dict[str, Cells] = field(default_factory=dict)
    validation: dict[str, Cells] = field(default_factory=dict)
    test: dict[str, Cells] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.split and self.fold_column:
            raise ConfigError("data.split and data.fold_column both choose the parts: keep one")
        if self.fold is not None and not self.fold_column:
            raise ConfigError("data.fold needs data.fold_column, the column that numbers the folds")
        if self.fold_validates is not None and not self.fold_column:
            raise ConfigError("data.fold_validates needs data.fold_column")

    @property
    def filters(self) -> dict[str, dict[str, Cells]]:
        """Of each part."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def columns_for_parts(self) -> list[str]:
        """All that decide what is used how; they are no tasks."""
        filters = (self.only, *self.filters.values())
        names = [self.group, self.split, self.fold_column, *(n for each in filters for n in each)]
        return [name for name in names if name]

    @property
    def split_by(self) -> str:
        """What stays together, and who chose the part, in words."""
        together = self.group or "file"
        if self.fold_column:
            return f"{together}, fold {self.fold or 0} of {self.fold_column} tests"
        if self.split:
            return f"{together}, parts as in the column {self.split}"
        return f"{together}, parts by the rows' cells" if self.has_filters else together

    @property
    def has_filters(self) -> bool:
        """Whether a part has rows of its own kind."""
        return any(self.filters.values())


Row = Mapping[str, str]


@dataclass(frozen=True)
class PlacedRow:
    """A row by its columns' names, what it stays with and the part that it is fixed in, or ""."""

    cells: Row
    group: str
    part: str


@dataclass(frozen=True)
class FileTable:
    """A CSV file.  header: names, all different.  rows: cells without spaces around them."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def check_columns(self, *names: str) -> None:
        """Raises ClipError if the table lacks a column."""
        for name in names:
            if name not in self.header:
                raise ClipError(
                    f"{self.path} has no column {name!r}{nearest_or_all(name, self.header)}"
                )


def read_table(path: Path) -> FileTable:
    """Raises ClipError if it cannot be read, or its first line is none of names."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [[cell.strip() for cell in row] for row in csv.reader(file)] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ClipError(f"{path} cannot be read as CSV: {error}") from error
    if len(header) < 2 or len(set(header)) < len(header) or not all(header):
        raise ClipError(
            f"{path} needs a first line of different names, the clip's and one a task, "
            "for example clip,action,age[years]"
        )
    return FileTable(path, tuple(header), tuple(map(tuple, rows)))


def placed_rows(
    table: FileTable, section: TableSection
) -> tuple[list[PlacedRow], list[dataset.Skipped]]:
    """The rows that are used, and those that give nothing; what the filters leave is in neither.

    Raises:
        ClipError: a column is not there, or a cell names no part.
        ConfigError: there is no such fold.
    """
    table.check_columns(*section.columns_for_parts)
    complete, skipped = _complete_rows(table)
    rows = [row for row in complete if _fits(row, section.only)]
    result = []
    for row, part in zip(rows, _parts(table, rows, section)):
        if part == NO_PART:
            skipped.append(dataset.Skipped(row[table.header[0]], "the table puts it in no part"))
        elif part is not None:
            result.append(PlacedRow(row, row[section.group] if section.group else "", part))
    return result, skipped


def _complete_rows(table: FileTable) -> tuple[list[Row], list[dataset.Skipped]]:
    rows: list[Row] = []
    skipped: list[dataset.Skipped] = []
    for cells in table.rows:
        if len(cells) == len(table.header):
            rows.append(dict(zip(table.header, cells)))
        else:
            reason = f"{len(cells)} cells, the first line has {len(table.header)}"
            skipped.append(dataset.Skipped(cells[0] if cells else "an empty line", reason))
    return rows, skipped


def _fits(row: Row, cells: Mapping[str, Cells]) -> bool:
    return all(row[name] in ([c] if isinstance(c, str) else c) for name, c in cells.items())


def _parts(table: FileTable, rows: list[Row], section: TableSection) -> Iterator[str | None]:
    """The part of each row, "" if it is to be drawn; None: its part wants rows of another kind."""
    if section.fold_column:
        parts = _parts_by_fold(rows, section)
    elif section.split:
        parts = [_named_part(table, row, section.split) for row in rows]
    elif section.has_filters:
        for row in rows:
            yield _part_by_filter(row, section)
        return
    else:
        parts = [""] * len(rows)
    for row, part in zip(rows, parts):
        yield part if _fits(row, section.filters.get(part, {})) else None


def _named_part(table: FileTable, row: Row, column: str) -> str:
    cell = row[column].lower()
    if cell in NO_PARTS:
        return NO_PART
    if cell not in _NAMES_OF_PARTS:
        raise ClipError(
            f"{table.path}: {column} of {row[table.header[0]]} is {row[column]!r}: a part is "
            f"{', '.join(PARTS)}, or none"
        )
    return _NAMES_OF_PARTS[cell]


def _parts_by_fold(rows: list[Row], section: TableSection) -> list[str]:
    column, fold = section.fold_column or "", section.fold or 0
    folds = sorted({row[column] for row in rows} - {""}, key=lambda cell: (len(cell), cell))
    if len(folds) < 3 or fold >= len(folds):
        raise ConfigError(
            f"data.fold is {fold}, and {column} has {len(folds)} folds: from 0 to below that, and "
            "three or more of them, to train, validate and test with"
        )
    parts = {folds[(fold + 1) % len(folds)]: "validation", folds[fold]: "test", "": NO_PART}
    if section.fold_validates is False:
        parts = {folds[fold]: "test", "": NO_PART}
    return [parts.get(row[column], "train") for row in rows]


def _part_by_filter(row: Row, section: TableSection) -> str | None:
    """The first whose filter fits; what fits no other is trained on unless that has one, too."""
    for part in ("test", "validation", "train"):
        if (cells := section.filters[part]) and _fits(row, cells):
            return part
    return None if section.train else "train"
