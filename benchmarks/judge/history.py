"""Records of a folder, grouped by what may be compared, oldest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edge_benchmarks.judge import compare, records
from edge_benchmarks.record import Record, read_record
from edge_common.errors import ConfigError

FACTS_SUFFIX = ".facts.json"


@dataclass(frozen=True)
class Entry:
    """One record. floor_ms: its shortest frame.  accuracy, mean absolute error: by task.

    change: of a frame's time since the one before it in the group: faster, slower, no
    difference, or empty; ratio: of the two.
    """

    file: str
    created_at: str
    revision: str
    sha256: str
    complete: bool
    p50_ms: float | None
    p99_ms: float | None
    floor_ms: float | None
    size_bytes: int
    accuracy: dict[str, float]
    change: str = ""
    ratio: float | None = None


@dataclass(frozen=True)
class Group:
    """Records of one network, machine and way of running."""

    bundle: str
    machine: str
    settings: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Unreadable:
    """A file of the folder that is no record, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class History:
    """All that a folder holds."""

    groups: tuple[Group, ...]
    unreadable: tuple[Unreadable, ...]


Dated = tuple[str, Record]


def read_history(folder: Path) -> History:
    """Read all records of a folder, `*.json` but facts; those of its own folders are not read.

    Raises ConfigError if there is no file to read.
    """
    paths = sorted(p for p in folder.glob("*.json") if not p.name.endswith(FACTS_SUFFIX))
    if not paths:
        raise ConfigError(f"{folder} holds no records: measure with edge-bench BUNDLE -o FILE.json")
    dated_records: list[Dated] = []
    unreadable = []
    for path in paths:
        try:
            dated_records.append((path.name, read_record(path)))
        except ConfigError as error:
            unreadable.append(Unreadable(path.name, " ".join(str(error).split())))
    return History(tuple(map(_group, group_records(dated_records))), tuple(unreadable))


def group_records(dated_records: Iterable[Dated]) -> list[list[Dated]]:
    """By what may be compared; oldest first in each group."""
    groups: list[list[Dated]] = []
    for name, record in sorted(dated_records, key=lambda dated: (_moment(dated[1]), dated[0])):
        for group in groups:
            first = group[0][1]
            if first.bundle.name == record.bundle.name and records.comparable(first, record):
                group.append((name, record))
                break
        else:
            groups.append([(name, record)])
    return groups


def _moment(record: Record) -> datetime:
    """When it was made; what is no date comes first."""
    try:
        moment = datetime.fromisoformat(record.created_at)
    except ValueError:
        return datetime.min.replace(tzinfo=timezone.utc)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _group(dated: Sequence[Dated]) -> Group:
    first = dated[0][1]
    setup, machine = first.setup, first.machine
    board = "" if machine.board == "generic" else f"{machine.board}, "
    return Group(
        first.bundle.name,
        f"{board}{machine.cpu}, {machine.cores} cores",
        f"{setup.engine}, frames {setup.frames.width} x {setup.frames.height}",
        tuple(_entries(dated)),
    )


def _entries(dated: Sequence[Dated]) -> Iterable[Entry]:
    before: Dated | None = None
    for name, record in dated:
        compared = records.compare_times((before[0], name), before[1], record) if before else ""
        if isinstance(compared, compare.Comparison):
            yield _entry(name, record, compared.verdict, compared.ratio)
        else:
            yield _entry(name, record)
        if record.process_floors_ms:  # what tells no floor is no ground to compare with
            before = name, record


def _entry(name: str, record: Record, change: str = "", ratio: float | None = None) -> Entry:
    latency = record.streamed.total_ms if record.measurements else None
    figures = record.streamed.accuracy if record.measurements else ()
    return Entry(
        file=name,
        created_at=record.created_at,
        revision=record.revision,
        sha256=record.bundle.sha256,
        complete=record.complete,
        p50_ms=latency.p50 if latency else None,
        p99_ms=latency.p99 if latency else None,
        floor_ms=min(record.process_floors_ms, default=None),
        size_bytes=record.bundle.size_bytes,
        accuracy={f.task: f.value for f in figures if f.value is not None},
        change=change,
        ratio=ratio,
    )
