"""A data set: its tasks and parts, and clips of it as files."""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.tasks import Classification, Regression, Task
from edge_common import console, whole_file, write_whole


def classification(name: str, labels: tuple[str, ...]) -> Task:
    """One of several labels, by softmax."""
    return Task(name, Classification.name, tuple(labels))


def regression(name: str, unit: str, scale: float = 1.0) -> Task:
    """A number; trained on value / scale."""
    return Task(name, Regression.name, (), scale, unit)


SHOWN = 3  # of what was skipped, in one line
MOST_EXAMPLES = 20


@dataclass(frozen=True)
class Skipped:
    """A file, or a part of one, that gives no example, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Leak:
    """A file of the part `part` that shows what `other` shows, a file of another part."""

    part: str
    file: str
    other: str


@dataclass(frozen=True)
class Subset:
    """Examples of one use. Only the labels are in memory.

    Attributes:
        clip: reads or renders example i: uint8 RGB (T, H, W, 3). The same i gives the
            same pixels; threads may call it at once.
        labels: for each task (N,): int64 classes, or float64 values in the task's unit.
        sources: int64 (N,), a number for the file, photo or group that each example is of;
            those of one are alike, and count as less than as many. None: each has its own.
    """

    clip: Callable[[int], np.ndarray]
    labels: dict[str, np.ndarray]
    sources: np.ndarray | None = None

    def __len__(self) -> int:
        return len(next(iter(self.labels.values())))

    def example(self, index: int) -> tuple[np.ndarray, dict[str, float]]:
        """A clip and its labels by task."""
        return self.clip(index), {task: values[index] for task, values in self.labels.items()}

    @property
    def source_of_each(self) -> np.ndarray:
        """int64 (N,): `sources`, or a number of its own for each example."""
        return np.arange(len(self)) if self.sources is None else self.sources


@dataclass(frozen=True)
class DataSet:
    """Examples for training, for deciding when to stop, and for the final measurement.

    Attributes:
        tasks: what is asked of each example.
        shape: T, H, W of a clip.
        source: what the data is, for reports and for the trained network.
        mirrored: for tasks whose answer a mirrored picture changes, the new class of each.
        skipped: what gives no example.
        notes: what the user should know of these data before trusting a figure.
        impostors: examples of people that are in no other part, if there are any.
        split_by: what stays in one part, and who chose the part, in words.
        leaks: what the split failed to keep together.
    """

    name: str
    tasks: tuple[Task, ...]
    train: Subset
    validation: Subset
    test: Subset
    shape: tuple[int, int, int]
    frame_rate_hz: float
    source: str
    mirrored: Mapping[str, np.ndarray] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    impostors: Subset | None = None
    split_by: str = "file"
    leaks: tuple[Leak, ...] = ()

    @property
    def groups(self) -> dict[str, int]:
        """How many sources each part has."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: len(np.unique(part.source_of_each)) for name, part in parts.items()}

    def summary(self) -> list[str]:
        """What there is, what was skipped and what to beware of; one line each."""
        parts = (self.train, self.validation, self.test)
        counts = "{} train, {} validation and {} test".format(*(f"{len(p):,}" for p in parts))
        lines = [f"{self.name}: {counts} clips; tasks {', '.join(t.name for t in self.tasks)}"]
        groups = ", ".join(f"{count:,} {part}" for part, count in self.groups.items())
        lines.append(f"split by {self.split_by}: {groups}")
        if self.skipped:
            lines.append(_skipped_line(self.skipped))
        return lines + [f"note: {note}" for note in self.notes]

    def split_facts(self) -> dict[str, object]:
        """By what was split, how many groups each part has, and what leaks: for report.json."""
        counts = Counter(leak.part for leak in self.leaks)
        return {
            "by": self.split_by,
            "groups": self.groups,
            "leaks": {part: counts[part] for part in ("validation", "test")},
            "leak_examples": [[leak.file, leak.other] for leak in self.leaks[:MOST_EXAMPLES]],
        }


def write_skipped(path: Path, skipped: Sequence[Skipped]) -> None:
    """List them all in a CSV file. Raises SinkError if it cannot be written."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("skipped", "reason"))
    rows.writerows(map(console.no_formula, (item.name, item.reason)) for item in skipped)
    write_whole(path, text.getvalue().encode())


def _skipped_line(skipped: Sequence[Skipped]) -> str:
    listed = ", ".join(f"{item.name} ({item.reason})" for item in skipped[:SHOWN])
    more = f" and {len(skipped) - SHOWN} more" if len(skipped) > SHOWN else ""
    return f"skipped {len(skipped)}: {listed}{more}"


# so many clips at most; whoever reads such a file loads all of it
CLIP_SETS = {"calibration": 160, "test": 2000}


def export_clip_sets(
    data: DataSet, folder: Path, seed: int, names: Sequence[str] = tuple(CLIP_SETS)
) -> list[Path]:
    """Write calibration.npz (train clips) and test.npz (test clips), or one, drawn at random.

    Raises OSError if they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"calibration": data.train, "test": data.test}
    paths = [folder / f"{name}.npz" for name in names]
    for path, name in zip(paths, names):
        part = parts[name]
        write_part(path, part, drawn(len(part), CLIP_SETS[name], seed), data.shape)
    return paths


def drawn(total: int, count: int, seed: int) -> np.ndarray:
    """Which clips of `total` are drawn, ascending: int64, at most `count`; all of them if that is 0."""
    return np.sort(np.random.default_rng(seed).permutation(total)[: count or total])


def write_part(
    path: Path, part: Subset, indices: Sequence[int] | np.ndarray, shape: tuple[int, int, int]
) -> None:
    """Write some clips in the project's clip format, one after another."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(indices), *shape, 3)}
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        with archive.open("clips.npy", "w", force_zip64=True) as clips:
            np.lib.format.write_array_header_2_0(clips, header)
            for index in indices:
                clips.write(np.ascontiguousarray(part.clip(int(index))).data)
        for task, values in part.labels.items():
            with archive.open(f"{task}.npy", "w") as labels:
                np.lib.format.write_array(labels, values[indices])
