"""Anybody's clips: a folder a label (`LABEL/clip.mp4`), or a table with a column a task."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.check.clips import VIDEO_SUFFIXES, windows_of
from edge.sources.images import ImageFiles, images_in, natural_key
from edge.sources.video import VideoFile
from edge.tasks import Classification, Label, Regression, Task, TaskKind, kind_of
from edge_common.errors import ClipError
from edge_models.datasets.dataset import DataSet, Skipped
from edge_models.datasets.from_files import FolderContent, FolderSection, Item, Request, data_set
from edge_models.networks.tasks import classification

_NUMBERS = re.compile(r"(\w+)\[(.*)\]")  # a column `age[years]`


@dataclass(frozen=True)
class ClipsSection(FolderSection):
    """Clips, each a video or a folder of frames.

    Attributes:
        task: what the folders' names are labels of.
        table: a CSV file in the folder instead: its first column is the clip, each
            other one a task; `NAME[UNIT]` is a number, any other a class.
    """

    task: str = "action"
    table: str = ""


def load(section: ClipsSection, request: Request) -> DataSet:
    """Read clips; a long one gives windows spread over it.

    Raises:
        ClipError: the folder or the table is missing, malformed, or holds too few clips.
        ConfigError: no folder is given, or the shares leave nothing to train on.
    """
    folder = section.folder()
    if section.table:
        content = _from_table(folder, folder / section.table)
    else:
        content = _from_folders(folder, section.task)

    def read(path: Path) -> Iterator[np.ndarray]:
        return windows_in(path, request.window, request.size)

    return data_set(
        folder.name, content, read, request, section, f"clips of {folder.name}", "clips"
    )


def windows_in(path: Path, window: int, size: int) -> Iterator[np.ndarray]:
    """Consecutive frames, uint8 RGB (window, size, size, 3).

    Raises:
        SourceError: it is neither a video nor a folder of frames.
        ClipError: it is shorter than a window.
    """
    source = ImageFiles(path.name, images_in(path)) if path.is_dir() else VideoFile(str(path))
    empty = True
    for clip in windows_of(source, window, (size, size)):
        empty = False
        yield clip
    if empty:
        raise ClipError(f"shorter than a window of {window} frames")


def _from_folders(folder: Path, task: str) -> FolderContent:
    labelled = sorted((p for p in folder.iterdir() if _is_clip_folder(p)), key=natural_key)
    if len(labelled) < 2:
        raise ClipError(
            f"{folder} holds {len(labelled)} folders of clips: make one for each of two or more "
            "labels, or name a table in [data]"
        )
    items, skipped = [], []
    for number, label in enumerate(labelled):
        for path in sorted(label.glob("[!.]*"), key=natural_key):
            if path.suffix.lower() in VIDEO_SUFFIXES or path.is_dir():
                items.append(Item(path, (float(number),)))
            else:
                skipped.append(Skipped(f"{label.name}/{path.name}", "neither video nor folder"))
    labels = tuple(path.name for path in labelled)
    return FolderContent(items, (classification(task, labels),), skipped)


def _is_clip_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _from_table(folder: Path, table: Path) -> FolderContent:
    header, rows = _read_table(table)
    usable, skipped = [], []
    listed: set[str] = set()
    for row in rows:
        reason = _wrong_with(row, header, folder)
        if not reason and row[0] in listed:
            reason = "listed twice; the first line counts"
        if reason:
            skipped.append(Skipped(row[0] if row else "an empty line", reason))
        else:
            listed.add(row[0])
            usable.append(row)
    columns = list(zip(*usable))[1:] if usable else [()] * (len(header) - 1)
    tasks = tuple(_task(name, column, table) for name, column in zip(header[1:], columns))
    items = [Item(folder / row[0], _labels(row[1:], tasks)) for row in usable]
    return FolderContent(items, tasks, skipped)


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


def _wrong_with(row: Sequence[str], header: Sequence[str], folder: Path) -> str:
    """Why a row gives no example; empty if it does."""
    if len(row) != len(header):
        return f"{len(row)} cells, the first line has {len(header)}"
    if not (folder / row[0]).exists() or not row[0]:
        return "no such file"
    for name, cell in zip(header[1:], row[1:]):
        kind, _, _ = _column(name)
        if problem := kind.cell_problem(cell):
            return f"{name} {problem}"
    return ""


def _column(header: str) -> tuple[type[TaskKind], str, str]:
    """Kind, name and unit of a column: `NAME[UNIT]` holds numbers, any other classes."""
    number = _NUMBERS.fullmatch(header)
    return (Regression, number[1], number[2]) if number else (Classification, header, "")


def _task(header: str, cells: Sequence[str], table: Path) -> Task:
    kind, name, unit = _column(header)
    try:
        return replace(kind.from_cells(name, tuple(cells)), unit=unit)
    except ValueError as error:
        raise ClipError(f"{table}: {error}") from error


def _labels(cells: Sequence[str], tasks: Sequence[Task]) -> tuple[Label, ...]:
    return tuple(kind_of(task).parse(cell) for cell, task in zip(cells, tasks))
