"""What every data set is: named tasks, and examples of three uses that are read one by one."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..tasks import Task

SHOWN = 3  # of what was skipped, in one line


@dataclass(frozen=True)
class Skipped:
    """A file, or a part of one, that gives no example, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Part:
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
        strangers: examples of people that are in no other part, where there are any.
    """

    name: str
    tasks: tuple[Task, ...]
    train: Part
    validation: Part
    test: Part
    shape: tuple[int, int, int]
    frame_rate_hz: float
    source: str
    mirrored: Mapping[str, np.ndarray] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    strangers: Part | None = None

    def summary(self) -> list[str]:
        """What there is, what was skipped and what to beware of; one line each."""
        parts = (self.train, self.validation, self.test)
        counts = "{} train, {} validation and {} test".format(*(f"{len(p):,}" for p in parts))
        lines = [f"{self.name}: {counts} clips; tasks {', '.join(t.name for t in self.tasks)}"]
        if self.skipped:
            lines.append(_skipped_line(self.skipped))
        return lines + [f"note: {note}" for note in self.notes]


def write_skipped(path: Path, skipped: Sequence[Skipped]) -> None:
    """List them all in a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("skipped", "reason"))
        rows.writerows((item.name, item.reason) for item in skipped)


def _skipped_line(skipped: Sequence[Skipped]) -> str:
    shown = ", ".join(f"{item.name} ({item.reason})" for item in skipped[:SHOWN])
    more = f" and {len(skipped) - SHOWN} more" if len(skipped) > SHOWN else ""
    return f"skipped {len(skipped)}: {shown}{more}"
