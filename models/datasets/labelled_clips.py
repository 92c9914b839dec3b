"""Anybody's clips: a folder a label (`LABEL/clip.mp4`), or a table with a column a task."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edge.check.clips import VIDEO_SUFFIXES, windows_of
from edge.sources import images, video
from edge.stream import Resizer
from edge.tasks import (
    KINDS,
    Classification,
    Label,
    Regression,
    Task,
    TaskKind,
    kind_of,
    multi_label,
)
from edge_common import ClipError, ConfigError, nearest_or_all
from edge_models.datasets import dataset, from_files

_NUMBERS = re.compile(r"(\w+)\[(.*)\]")  # a column `age[years]`


@dataclass(frozen=True)
class ClipsSection(from_files.FolderSection):
    """Clips, each a video or a folder of frames.

    Attributes:
        task: what the folders' names are labels of.
        table: a CSV file in the folder instead: its first column is the clip, each
            other one a task; `NAME[UNIT]` is a number, any other a class.
        kinds: of the table's columns that are of another kind, such as `multi-label`, whose
            cells are lists such as `a|c`, an empty cell if no label holds.
        labels: of columns, all that there are, written `a|b|c`; without, those in the cells.
    """

    task: str = "action"
    table: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column, kind in self.kinds.items():
            if kind not in KINDS or not KINDS[kind].in_tables:
                kinds = [name for name, task_kind in KINDS.items() if task_kind.in_tables]
                raise ConfigError(f"data.kinds.{column} is {kind!r}{nearest_or_all(kind, kinds)}")


def load(section: ClipsSection, request: from_files.ClipRequest) -> dataset.DataSet:
    """Read clips; a long one gives windows spread over it.

    Raises:
        ClipError: the folder or the table is missing, malformed, or holds too few clips.
        ConfigError: no folder is given, or the shares leave nothing to train on.
    """
    folder = section.folder()
    content = _from_table(folder, section) if section.table else _from_folders(folder, section.task)

    def read(path: Path) -> Iterator[np.ndarray]:
        return windows_in(path, request.window, request.size)

    return from_files.data_set(
        folder.name, content, read, request, section, f"clips of {folder.name}", "clips"
    )


def windows_in(path: Path, window: int, size: int) -> Iterator[np.ndarray]:
    """Consecutive frames, uint8 RGB (window, size, size, 3).

    Raises:
        SourceError: it is neither a video nor a folder of frames.
        ClipError: it is shorter than a window.
    """
    source = (
        images.ImageFiles(path.name, images.images_in(path))
        if path.is_dir()
        else video.VideoFile(str(path))
    )
    empty = True
    for clip in windows_of(source, window, Resizer((size, size))):
        empty = False
        yield clip
    if empty:
        raise ClipError(f"shorter than a window of {window} frames")


def _from_folders(folder: Path, task: str) -> from_files.FolderContent:
    labelled = sorted((p for p in folder.iterdir() if _is_clip_folder(p)), key=images.natural_key)
    if len(labelled) < 2:
        raise ClipError(
            f"{folder} holds {len(labelled)} folders of clips: make one for each of two or more "
            "labels, or name a table in [data]"
        )
    items, skipped = [], []
    for number, label in enumerate(labelled):
        for path in sorted(label.glob("[!.]*"), key=images.natural_key):
            if path.suffix.lower() in VIDEO_SUFFIXES or path.is_dir():
                items.append(from_files.Item(path, (float(number),)))
            else:
                skipped.append(
                    dataset.Skipped(f"{label.name}/{path.name}", "neither video nor folder")
                )
    labels = tuple(path.name for path in labelled)
    return from_files.FolderContent(items, (dataset.classification(task, labels),), skipped)


def _is_clip_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


@dataclass(frozen=True)
class _Column:
    """A column of a table: what its cells are labels of.  labels: () for those in the cells."""

    title: str
    kind: type[TaskKind]
    name: str
    unit: str
    labels: tuple[str, ...]

    def task(self, cells: Sequence[str], table: Path) -> Task:
        """Raises ClipError if there is nothing to learn."""
        try:
            return replace(
                self.kind.from_cells(self.name, tuple(cells), self.labels), unit=self.unit
            )
        except ValueError as error:
            raise ClipError(f"{table}: {error}") from error


def _columns(header: Sequence[str], section: ClipsSection) -> list[_Column]:
    """One a task. Raises ConfigError if the training file names one that there is not."""
    columns = [_column(title, section) for title in header[1:]]
    names = [column.name for column in columns]
    for name in (*section.kinds, *section.labels):
        if name not in names:
            raise ConfigError(
                f"[data] names the column {name!r}, and {section.table} has none"
                f"{nearest_or_all(name, names)}"
            )
    return columns


def _column(title: str, section: ClipsSection) -> _Column:
    """`NAME[UNIT]` holds numbers, any other classes, unless the training file says otherwise."""
    number = _NUMBERS.fullmatch(title)
    name, unit = (number[1], number[2]) if number else (title, "")
    kind = section.kinds.get(name, Regression.name if number else Classification.name)
    labels = (part.strip() for part in section.labels.get(name, "").split(multi_label.SEPARATOR))
    return _Column(title, KINDS[kind], name, unit, tuple(filter(None, labels)))


def _from_table(folder: Path, section: ClipsSection) -> from_files.FolderContent:
    table = folder / section.table
    header, rows = _read_table(table)
    columns = _columns(header, section)
    usable, skipped = [], []
    listed: set[str] = set()
    for row in rows:
        reason = _wrong_with(row, columns, folder)
        if not reason and row[0] in listed:
            reason = "listed twice; the first line counts"
        if reason:
            skipped.append(dataset.Skipped(row[0] if row else "an empty line", reason))
        else:
            listed.add(row[0])
            usable.append(row)
    cells = list(zip(*usable))[1:] if usable else [()] * len(columns)
    tasks = tuple(column.task(each, table) for column, each in zip(columns, cells))
    items = [from_files.Item(folder / row[0], _labels(row[1:], tasks)) for row in usable]
    return from_files.FolderContent(items, tasks, skipped)


def _read_table(table: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [[cell.strip() for cell in row] for row in csv.reader(file)] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ClipError(f"{table} cannot be read as CSV: {error}") from error
    if len(header) < 2 or len(set(header)) < len(header) or not all(header):
        raise ClipError(
            f"{table} needs a first line of different names, the clip's and one a task, "
            "for example clip,action,age[years]"
        )
    return header, rows


def _wrong_with(row: Sequence[str], columns: Sequence[_Column], folder: Path) -> str:
    """Why a row gives no example; empty if it does."""
    if len(row) != len(columns) + 1:
        return f"{len(row)} cells, the first line has {len(columns) + 1}"
    if not row[0] or not _is_there(folder / row[0]):
        return "no such file"
    for column, cell in zip(columns, row[1:]):
        if problem := column.kind.cell_problem(cell, column.labels):
            return f"{column.title} {problem}"
    return ""


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is longer than any file's
        return False


def _labels(cells: Sequence[str], tasks: Sequence[Task]) -> tuple[Label, ...]:
    return tuple(kind_of(task).parse(cell) for cell, task in zip(cells, tasks))
