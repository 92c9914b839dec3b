"""A data set of labelled files: decoded once into one that is mapped, split by groups of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.tasks import Label, Task, kind_of
from edge_common import ClipError, ConfigError
from edge_models.datasets import perceptual, splits
from edge_models.datasets.dataset import DataSet, Leak, Skipped, Subset
from edge_models.datasets.decoding import Decoded, Reader, decode

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
    leaks = _leaks(items, decoded.hashes, split)
    return DataSet(
        name, content.tasks, train, validation, test, shape=request.shape,
        frame_rate_hz=section.frame_rate_hz or _mean_rate(decoded), source=source,
        skipped=(*content.skipped, *decoded.skipped), split_by=content.split_by, leaks=leaks,
        notes=(*_leak_notes(leaks), *_notes(items, content.tasks, split), *_rate_notes(decoded.rates_hz)),
    )  # fmt: skip


def _mean_rate(decoded: Decoded) -> float:
    """Of the windows whose rate is known."""
    rates = decoded.rates_hz[decoded.rates_hz > 0]
    return round(float(rates.mean()), 2) if len(rates) else UNKNOWN_RATE_HZ


def _leaks(items: Sequence[Item], hashes: np.ndarray, split: splits.Split) -> tuple[Leak, ...]:
    """Files that show what a part shows which is seen before theirs."""
    leaks = []
    before = {"validation": split.train, "test": np.append(split.train, split.validation)}
    for part, others in before.items():
        own = getattr(split, part)
        pairs = perceptual.near_pairs(hashes[own], hashes[others], perceptual.SURELY_SAME)
        first = dict(reversed(pairs.tolist()))
        leaks += [
            Leak(part, items[int(own[a])].path.name, items[int(others[b])].path.name)
            for a, b in sorted(first.items())
        ]
    return tuple(leaks)


def _leak_notes(leaks: Sequence[Leak]) -> list[str]:
    if not leaks:
        return []
    counts = Counter(leak.part for leak in leaks)
    files = " and ".join(f"{count:,} of {part}" for part, count in counts.items())
    return [
        f"leakage: {files} show what a file of another part shows, for example {leaks[-1].file} what "
        f"{leaks[-1].other} does: name a column as group in [data], or leave them out"
    ]


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
    """Classes of which nothing can be learnt, or measured."""
    notes = []
    for position, task in enumerate(tasks):
        classes = [kind_of(task).classes(item.labels[position]) for item in items]
        trained, tested = (
            {number for index in part for number in classes[index]}
            for part in (split.train, split.test)
        )
        for number, label in enumerate(task.labels):
            files = [item for item, own in zip(items, classes) if number in own]
            if not files:
                notes.append(f"{task.name}: no file of {label}")
            elif number not in tested:
                notes.append(f"{task.name}: {_count(files)} of {label}, trained on but not tested")
            elif number not in trained:
                notes.append(f"{task.name}: {_count(files)} of {label}, tested but not trained on")
    return notes


def _count(files: Sequence[Item]) -> str:
    """`one file`, or `3 files, all of anna,`."""
    groups = {item.stays_with for item in files}
    together = f", all of {min(groups)}," if len(groups) == 1 else ""
    return "one file" if len(files) == 1 else f"{len(files)} files{together}"
