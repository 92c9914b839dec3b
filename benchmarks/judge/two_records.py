"""Two records compared: the verdict on a frame's time, and everything else that changed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edge_benchmarks.judge.changes import Change, changes
from edge_benchmarks.judge.comparable import check_measured, tolerated_differences
from edge_benchmarks.judge.compare import MIN_PROCESSES, Comparison, compare_apart
from edge_benchmarks.record.record import Record
from edge_benchmarks.run.measurement import doubts

ENOUGH_PROCESSES = 20  # they make a difference of 5 % visible


@dataclass(frozen=True)
class Side:
    """One of the two records. floor_ms: its shortest frame; None where no process told one."""

    file: str
    bundle: str
    sha256: str
    created_at: str
    revision: str
    processes: int
    floor_ms: float | None


@dataclass(frozen=True)
class TwoRecords:
    """verdict: of the one after: faster, slower, no difference; empty: `not_compared` says why.

    ratio: its frame's time over that of the one before.  interval: of it, 95 %.
    same_bundle: whether both measured one file.
    """

    before: Side
    after: Side
    same_bundle: bool
    verdict: str
    ratio: float | None
    interval: tuple[float, float] | None
    not_compared: str
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


def compare_records(
    files: tuple[str, str],
    before: Record,
    after: Record,
    *,
    across_machines: bool = False,
    across_settings: bool = False,
) -> TwoRecords:
    """Compare the records read from `files`.

    Raises ConfigError where machines or settings differ and the user did not allow for it,
    or where one holds no measurement.
    """
    for file, record in zip(files, (before, after)):
        check_measured(file, record)
    tolerated = tolerated_differences(before, after, across_machines, across_settings)
    found = compare_times(files, before, after)
    compared = found if isinstance(found, Comparison) else None
    return TwoRecords(
        before=_side(files[0], before),
        after=_side(files[1], after),
        same_bundle=before.bundle.sha256 == after.bundle.sha256,
        verdict=compared.verdict if compared else "",
        ratio=compared.ratio if compared else None,
        interval=compared.interval if compared else None,
        not_compared="" if compared else found,
        changes=tuple(changes(before, after)),
        warnings=(
            *(f"measured differently, {text}" for text in tolerated),
            *_warnings(files[0], before),
            *_warnings(files[1], after),
        ),
    )


def compare_times(files: tuple[str, str], before: Record, after: Record) -> Comparison | str:
    """The frame's time of both; or the reason why it cannot be compared, and what to run."""
    for file, record in zip(files, (before, after)):
        floors = record.process_floors_ms
        if len(floors) < MIN_PROCESSES:
            return (
                f"{file} holds the shortest frames of {len(floors)} processes and {MIN_PROCESSES} "
                f"are needed: edge-bench BUNDLE --processes {ENOUGH_PROCESSES} -o {file}"
            )
        if not all(0 < floor < math.inf for floor in floors):
            return f"{file} holds a frame that took no time: measure again"
    return compare_apart(before.process_floors_ms, after.process_floors_ms)


def _side(file: str, record: Record) -> Side:
    floors = record.process_floors_ms
    return Side(
        file,
        record.bundle.name,
        record.bundle.sha256,
        record.created_at,
        record.revision,
        len(floors),
        min(floors, default=None),
    )


def _warnings(file: str, record: Record) -> Iterator[str]:
    if not record.complete:
        yield f"{file} was interrupted: it holds what had been measured by then"
    yield from (f"{file}: {doubt}" for doubt in doubts(record))
