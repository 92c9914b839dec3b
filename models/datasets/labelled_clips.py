"""Anybody's clips: a folder a label (`LABEL/clip.mp4`), or a table with a column a task."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.check.clips import VIDEO_SUFFIXES
from edge.sinks.keeper.table import UNLABELLED, is_note
from edge.sources import images
from edge.tasks import (
    KINDS,
    Classification,
    Regression,
    Task,
    TaskKind,
    kind_of,
    multi_label,
)
from edge_common import ClipError, ConfigError, nearest_or_all
from edge_models.datasets import dataset, decoding, from_files, tables, windows

_NUMBERS = re.compile(r"(\w+)\[(.*)\]")  # a column `age[years]`


@dataclass(frozen=True)
class ClipsSection(tables.TableSection):
    """Clips, each a video or a folder of frames.

    Attributes:
        task: what the folders' names are labels of.
        table: a CSV file in the folder instead: its first column is the clip, each
            other one a task; `NAME[UNIT]` is a number, any other a class.
        sampling, stride, windows_a_clip, pad: see `Sampling`; without, windows of consecutive
            frames one behind the other.
        frame_rate_hz: of the windows; 0: what the clips' files and the sampling come to.
        tasks: of its columns; without, all that do not decide the parts, nor tell where a clip that
            `edge-run --keep` kept is from (`suggested_...`, `kept_...`).
        kinds: of the table's columns that are of another kind, such as `multi-label`, whose
            cells are lists such as `a|c`, an empty cell if no label holds.
        labels: of columns, all that there are, written `a|b|c`; without, those in the cells.
    """

    task: str = "action"
    table: str = ""
    sampling: list[str] = field(default_factory=list)
    stride: int | None = None
    windows_a_clip: int | None = None
    pad: str | None = None
    frame_rate_hz: float = 0.0
    tasks: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.windows  # raises if there are none such
        if not self.table and (self.tasks or self.columns_for_parts):
            raise ConfigError("data names columns, and no table that has them: give data.table")
        for column, kind in self.kinds.items():
            if kind not in KINDS or not KINDS[kind].in_tables:
                kinds = [name for name, task_kind in KINDS.items() if task_kind.in_tables]
                raise ConfigError(f"data.kinds.{column} is {kind!r}{nearest_or_all(kind, kinds)}")

    @property
    def windows(self) -> windows.Sampling:
        """Raises ConfigError if there is no such sampling."""
        keys = {
            "kinds": tuple(self.sampling),
            **{k: getattr(self, k) for k in ("stride", "windows_a_clip", "pad")},
        }
        return windows.Sampling(**{name: value for name, value in keys.items() if value})


def load(section: ClipsSection, request: from_files.ClipRequest) -> dataset.DataSet:
    """Read clips; a long one gives windows spread over it.

    Raises:
        ClipError: the folder or the table is missing, malformed, or holds too few clips.
        ConfigError: no folder is given, or the shares leave nothing to train on.
    """
    folder = section.folder()
    content = _from_table(folder, section) if section.table else _from_folders(folder, section.task)

    sampling = section.windows

    def read(path: Path) -> Iterator[decoding.ClipWindow]:
        return windows.windows_in(path, request.window, request.size, sampling)

    source = f"clips of {folder.name}" + (f", {sampling}" if section.sampling else "")
    return from_files.data_set(
        folder.name, content, read, request, section, source, f"clips {sampling!r}"
    )


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


def _columns(table: tables.FileTable, section: ClipsSection) -> list[_Column]:
    """One a task. Raises ConfigError if the training file names one that there is not."""
    columns = [_column(title, section) for title in table.header[1:]]
    names = [column.name for column in columns]
    for name in (*section.kinds, *section.labels, *section.tasks):
        if name not in names:
            raise ConfigError(
                f"[data] names the column {name!r}, and {section.table} has none"
                f"{nearest_or_all(name, names)}"
            )
    for_parts = section.columns_for_parts
    titles = section.tasks or [
        c.name for c in columns if c.title not in for_parts and not is_note(c.title)
    ]
    if not titles:
        raise ConfigError(
            f"[data] leaves no column of {section.table} as a task: name some as tasks"
        )
    return [column for column in columns if column.name in titles]


def _column(title: str, section: ClipsSection) -> _Column:
    """`NAME[UNIT]` holds numbers, any other classes, unless the training file says otherwise."""
    number = _NUMBERS.fullmatch(title)
    name, unit = (number[1], number[2]) if number else (title, "")
    kind = section.kinds.get(name, Regression.name if number else Classification.name)
    labels = (part.strip() for part in section.labels.get(name, "").split(multi_label.SEPARATOR))
    return _Column(title, KINDS[kind], name, unit, tuple(filter(None, labels)))


def _from_table(folder: Path, section: ClipsSection) -> from_files.FolderContent:
    table = tables.read_table(folder / section.table)
    columns = _columns(table, section)
    rows, skipped = tables.placed_rows(table, section)
    usable: dict[str, tables.PlacedRow] = {}
    for row in rows:
        clip = row.cells[table.header[0]]
        reason = _wrong_with(row.cells, clip, columns, folder)
        if not reason and clip in usable:
            reason = "listed twice; the first line counts"
        if reason:
            skipped.append(dataset.Skipped(clip or "a row without a clip", reason))
        else:
            usable[clip] = row
    cells = {c.title: [row.cells[c.title] for row in usable.values()] for c in columns}
    tasks = tuple(column.task(cells[column.title], table.path) for column in columns)
    items = [
        from_files.Item(
            folder / clip,
            tuple(kind_of(t).parse(row.cells[c.title]) for t, c in zip(tasks, columns)),
            row.group,
            row.part,
        )
        for clip, row in usable.items()
    ]
    return from_files.FolderContent(items, tasks, skipped, section.split_by)


def _wrong_with(cells: tables.Row, clip: str, columns: Sequence[_Column], folder: Path) -> str:
    """Why a row gives no example; empty if it does."""
    if not clip or not _is_there(folder / clip):
        return "no such file"
    for column in columns:
        if cells[column.title] == UNLABELLED:
            return f"{column.title} is {UNLABELLED}: nobody has labelled it"
        if problem := column.kind.cell_problem(cells[column.title], column.labels):
            return f"{column.title} {problem}"
    return ""


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is longer than any file's
        return False
