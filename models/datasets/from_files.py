"""A data set of labelled files: decoded once into one that is mapped, split by groups of them."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

from edge.tasks import Label, Task, kind_of
from edge_common import ClipError, ConfigError, EdgeError, whole_file
from edge_models.datasets import splits
from edge_models.datasets.dataset import DataSet, Skipped, Subset

UNKNOWN_RATE_HZ, ALIKE_RATES = 25.0, 1.2


@dataclass(frozen=True)
class ClipRequest:
    """How clips are wanted: T frames of size x size pixels; `cache` keeps what was decoded."""

    window: int
    size: int
    seed: int
    cache: Path

    @property
    def shape(self) -> tuple[int, int, int]:
        """T, H, W of a clip."""
        return self.window, self.size, self.size


@dataclass(frozen=True)
class FolderSection:
    """A folder of files, in a training file's [data].

    Attributes:
        path: the folder, from where the command runs; `--data` comes before it.
        validation_share: of the files or groups; they decide when to stop.
        test_share: of the files or groups; nobody sees them until the end.
    """

    path: str = ""
    validation_share: float = 0.1
    test_share: float = 0.3
    frame_rate_hz: float = UNKNOWN_RATE_HZ

    def folder(self) -> Path:
        """The folder. Raises ConfigError if none is given, ClipError if it is none."""
        if not self.path:
            raise ConfigError("where is the data? give --data FOLDER, or path in [data]")
        if not Path(self.path).is_dir():
            raise ClipError(f"{self.path} is no folder: give the folder of the data set")
        return Path(self.path)


@dataclass(frozen=True)
class Item:
    """A file and its labels, in the tasks' order: classes as numbers, values in their unit.

    Attributes:
        group: what must be in one part; "": the file alone.
        part: train, validation or test, if others fixed it.
    """

    path: Path
    labels: tuple[Label, ...]
    group: str = ""
    part: str = ""

    @property
    def stays_with(self) -> str:
        """Its group, or a name of its own."""
        return self.group or str(self.path)


@dataclass(frozen=True)
class FolderContent:
    """What a folder holds, by the names of its files or a table; `split_by`: see `DataSet`."""

    items: Sequence[Item]
    tasks: tuple[Task, ...]
    skipped: Sequence[Skipped] = field(default_factory=list)
    split_by: str = "file"


@dataclass(frozen=True)
class Window:
    """Frames, uint8 RGB (T, H, W, 3), and how many of them were a second; 0: unknown."""

    pixels: np.ndarray
    rate_hz: float = 0.0


# of a file, and of what is lacking, why
Reader = Callable[[Path], Iterable["Window | Skipped"]]


@dataclass(frozen=True)
class Decoded:
    """Windows of all files that gave any.

    Attributes:
        windows: uint8 (N, T, H, W, 3), memory-mapped.
        file: int64 (N,), the index of the file that each window came from.
        rates_hz: float64 (N,), frames a second of each; 0: unknown.
    """

    windows: np.ndarray
    file: np.ndarray
    rates_hz: np.ndarray
    skipped: tuple[Skipped, ...]


Parser = Callable[[Path], "tuple[float, ...]"]


def parse_names(paths: Sequence[Path], parse: Parser) -> tuple[list[Item], list[Skipped]]:
    """The labels in files' names; `parse` raises ValueError, with the reason, if there are none."""
    items, skipped = [], []
    for path in paths:
        try:
            items.append(Item(path, parse(path)))
        except ValueError as error:
            skipped.append(Skipped(path.name, str(error)))
    return items, skipped


def data_set(
    name: str, content: FolderContent, read: Reader, request: ClipRequest, section: FolderSection,
    source: str, variant: str = "",
) -> DataSet:  # fmt: skip
    """Decode the files and split them; all windows of a file, and of a group, go to one part.

    Args:
        what: all that decides a file's windows, but their shape.

    Raises:
        ClipError: no file can be used, or they are too few.
        ConfigError: the shares leave nothing to train on.
    """
    if not content.items:
        first = content.skipped[0] if content.skipped else None
        reason = f"; of {len(content.skipped)} files, {first.name}: {first.reason}" if first else ""
        raise ClipError(f"{section.path} holds no file that can be used{reason}")
    decoded = decode([i.path for i in content.items], read, request.shape, request.cache, variant)
    usable = np.unique(decoded.file)
    items = [content.items[index] for index in usable]
    members = [splits.GroupMember(i.stays_with, _classes(i, content.tasks), i.part) for i in items]
    shares = splits.Shares(section.validation_share, section.test_share)
    split = splits.split(members, request.seed, shares)
    sources = np.zeros(len(content.items), np.int64)
    sources[usable] = np.unique([item.stays_with for item in items], return_inverse=True)[1]
    train, validation, test = (
        _part(decoded, usable[files], sources, content)
        for files in (split.train, split.validation, split.test)
    )
    return DataSet(
        name, content.tasks, train, validation, test, shape=request.shape,
        frame_rate_hz=section.frame_rate_hz or _mean_rate(decoded), source=source,
        skipped=(*content.skipped, *decoded.skipped), split_by=content.split_by,
        notes=(*_notes(items, content.tasks, split), *_rate_notes(decoded.rates_hz)),
    )  # fmt: skip


def _mean_rate(decoded: Decoded) -> float:
    """Of the windows whose rate is known."""
    rates = decoded.rates_hz[decoded.rates_hz > 0]
    return round(float(rates.mean()), 2) if len(rates) else UNKNOWN_RATE_HZ


def _rate_notes(rates_hz: np.ndarray) -> list[str]:
    """Of windows that are far from alike in time, which the runner cannot be."""
    low, high = np.percentile(rates_hz, (5, 95))
    if low <= 0 or high <= ALIKE_RATES * low:
        return []
    return [f"windows have {low:.3g} to {high:.3g} frames a second; a camera gives their mean"]


def _classes(item: Item, tasks: Sequence[Task]) -> tuple[Label, ...]:
    return tuple(v for v, task in zip(item.labels, tasks) if kind_of(task).has_classes)


def _part(
    decoded: Decoded, files: np.ndarray, sources: np.ndarray, content: FolderContent
) -> Subset:
    kept_windows = np.flatnonzero(np.isin(decoded.file, files))
    columns = zip(*(content.items[index].labels for index in decoded.file[kept_windows]))
    labels = {
        task.name: np.array(column, kind_of(task).label_dtype)
        for task, column in zip(content.tasks, columns)
    }
    return Subset(
        lambda index: np.array(decoded.windows[kept_windows[index]]),
        labels,
        sources[decoded.file[kept_windows]],
    )


def _notes(items: Sequence[Item], tasks: Sequence[Task], split: splits.Split) -> list[str]:
    """Classes of which nothing can be measured."""
    notes = []
    for position, task in enumerate(tasks):
        classes = [kind_of(task).classes(item.labels[position]) for item in items]
        files = Counter(number for numbers in classes for number in numbers)
        tested = {number for index in split.test for number in classes[index]}
        for number, label in enumerate(task.labels):
            if not files[number]:
                notes.append(f"{task.name}: no file of {label}")
            elif number not in tested:
                count = "one file" if files[number] == 1 else f"{files[number]} files"
                notes.append(f"{task.name}: {count} of {label}, trained on but not tested")
    return notes


DECODED_VERSION = 1  # to be raised when the same files give other frames

FILES_AHEAD = 8


def decode(
    paths: Sequence[Path],
    read: Reader,
    shape: tuple[int, int, int],
    cache: Path,
    variant: str,
) -> Decoded:
    """Decode all files, or take what an earlier run made of the same ones.

    Args:
        read: may raise an EdgeError, which skips the file.
        shape: T, H, W of each window.
        cache: folder for folders of decoded frames.
        what: all else that decides the frames, in words.

    Raises:
        ClipError: no file gives a window.
        OSError: the disk is full, or the folder cannot be written.
    """
    folder = cache / f"clips-{_fingerprint(paths, shape, variant)}"
    index = folder / "index.json"
    if not index.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(paths, read, shape, folder)
    content = json.loads(index.read_text(encoding="utf-8"))
    skipped = tuple(Skipped(*pair) for pair in content["skipped"])
    files = np.array(content["file"], np.int64)
    if not len(files):
        first = f", for example {skipped[0].name} ({skipped[0].reason})" if skipped else ""
        raise ClipError(f"none of {len(paths)} files can be used{first}: check the folder")
    windows = np.memmap(folder / "frames.u8", np.uint8, "r", shape=(len(files), *shape, 3))
    rates_hz = np.array(content.get("rates_hz", [0.0] * len(files)))  # older ones have none
    return Decoded(windows, files, rates_hz, skipped)


def _write(paths: Sequence[Path], read: Reader, shape: tuple[int, int, int], folder: Path) -> None:
    of_window: list[int] = []
    rates_hz: list[float] = []
    skipped: list[Skipped] = []
    # Written, not mapped: a full disk is then an error and not a crash.
    bar = click.progressbar(length=len(paths), label="decoding")
    with whole_file(folder / "frames.u8") as frames, bar as progress:
        for number, windows in enumerate(_ahead(paths, read)):
            for window in windows:
                if isinstance(window, Skipped):
                    skipped.append(window)
                else:
                    frames.write(_checked(window.pixels, shape).data)
                    of_window.append(number)
                    rates_hz.append(window.rate_hz)
            progress.update(1)
    listed = [[item.name, item.reason] for item in skipped]
    content = {"file": of_window, "rates_hz": rates_hz, "skipped": listed}
    with whole_file(folder / "index.json") as file:
        file.write(json.dumps(content).encode())


def _checked(window: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The window, its bytes in order; a reader that breaks its promise is a bug."""
    if window.shape != (*shape, 3) or window.dtype != np.uint8:
        raise ValueError(f"a reader gave {window.dtype} {window.shape}, not uint8 {(*shape, 3)}")
    return np.ascontiguousarray(window)


def _ahead(paths: Sequence[Path], read: Reader) -> Iterator[list["Window | Skipped"]]:
    """What each file gives, in order, a few of them read ahead."""
    with ThreadPoolExecutor(min(FILES_AHEAD, os.cpu_count() or 1)) as pool:
        coming: list[Future] = []
        try:
            for path in paths:
                coming.append(pool.submit(_read_one, path, read))
                if len(coming) >= FILES_AHEAD:
                    yield coming.pop(0).result()
            while coming:
                yield coming.pop(0).result()
        finally:
            for future in coming:
                future.cancel()


def _read_one(path: Path, read: Reader) -> list["Window | Skipped"]:
    try:
        return list(read(path))
    except EdgeError as error:
        return [Skipped(path.name, str(error))]


def _fingerprint(paths: Sequence[Path], shape: tuple[int, int, int], variant: str) -> str:
    """16 hex digits that change with the files (by name, size, time) and the windows."""
    digest = hashlib.sha256(f"{DECODED_VERSION} {shape} {variant}".encode())
    for path in paths:
        state = path.stat()
        digest.update(f"{path.absolute()} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
