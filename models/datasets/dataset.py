"""A data set: its tasks and parts, how files are split into them, and clips of it as files."""

import csv
import io
import zipfile
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.tasks import Classification, Regression, Task
from edge_common import ClipError, ConfigError, console, whole_file, write_whole


def classification(name: str, labels: tuple[str, ...]) -> Task:
    """One of several labels, by softmax."""
    return Task(name, Classification.name, tuple(labels))


def regression(name: str, unit: str, scale: float = 1.0) -> Task:
    """A number; trained on value / scale."""
    return Task(name, Regression.name, (), scale, unit)


@dataclass(frozen=True)
class Split:
    """Indices by use, ascending; no index is in two of them. int64 each."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_files(strata: Sequence[Hashable], seed: int, *, validation: float, test: float) -> Split:
    """Split items at random, each stratum as evenly as its size allows.

    What a stratum's share lacks to a whole item is carried over to the next, so that
    the shares hold over all. A stratum's first item is always trained on.

    Args:
        strata: of each item, what it shares with its like (its classes).
        validation, test: shares, the rest is for training.

    Raises:
        ConfigError: the shares leave nothing to train on.
        ClipError: there are too few items for three parts.
    """
    if min(validation, test) <= 0 or validation + test >= 1:
        raise ConfigError(
            f"validation_share {validation} and test_share {test} must both be above 0 "
            "and together below 1"
        )
    random = np.random.default_rng(seed)
    parts: tuple[list, list, list] = ([], [], [])
    owed = {1: 0.0, 2: 0.0}
    for members in _by_stratum(strata):
        remaining = list(random.permutation(members))
        for part, share in ((2, test), (1, validation)):
            owed[part] += share * len(members)
            count = min(int(owed[part] + 0.5), len(remaining) - 1)
            owed[part] -= count
            parts[part].extend(remaining[:count])
            remaining = remaining[count:]
        parts[0].extend(remaining)
    if not all(parts):
        raise ClipError(
            f"{len(strata)} usable files in {len(set(strata))} combinations of classes are too "
            "few to train, validate and test with: add more of each class"
        )
    return Split(*(np.sort(np.array(part, np.int64)) for part in parts))


def _by_stratum(strata: Sequence[Hashable]) -> list[list[int]]:
    members: dict[Hashable, list[int]] = {}
    for index, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(index)
    return [members[stratum] for stratum in sorted(members, key=repr)]


SHOWN = 3  # of what was skipped, in one line


@dataclass(frozen=True)
class Skipped:
    """A file, or a part of one, that gives no example, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Subset:
    """Examples of one use. Only the labels are in memory.

    Attributes:
        clip: reads or renders example i: uint8 RGB (T, H, W, 3). The same i gives the
            same pixels; threads may call it at once.
        labels: for each task (N,): int64 classes, or float64 values in the task's unit.
        sources: int64 (N,), a number for the file or photo that each example was made of;
            those of one are alike, and count as less than as many. None: each has its own.
    """

    clip: Callable[[int], np.ndarray]
    labels: dict[str, np.ndarray]
    sources: np.ndarray | None = None

    def __len__(self) -> int:
        return len(next(iter(self.labels.values())))

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

    def summary(self) -> list[str]:
        """What there is, what was skipped and what to beware of; one line each."""
        parts = (self.train, self.validation, self.test)
        counts = "{} train, {} validation and {} test".format(*(f"{len(p):,}" for p in parts))
        lines = [f"{self.name}: {counts} clips; tasks {', '.join(t.name for t in self.tasks)}"]
        if self.skipped:
            lines.append(_skipped_line(self.skipped))
        return lines + [f"note: {note}" for note in self.notes]


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


CALIBRATION_CLIPS, TEST_CLIPS = 160, 2000  # at most; whoever reads such a file loads all of it


def export_clip_sets(data: DataSet, folder: Path, seed: int) -> list[Path]:
    """Write calibration.npz (train clips) and test.npz (test clips), drawn at random.

    Raises OSError if they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, part, most in (
        ("calibration", data.train, CALIBRATION_CLIPS), ("test", data.test, TEST_CLIPS),
    ):  # fmt: skip
        order = np.random.default_rng(seed).permutation(len(part))
        paths.append(folder / f"{name}.npz")
        write_part(paths[-1], part, np.sort(order[:most]), data.shape)
    return paths


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
