"""Two records: whether they may be compared, and what a frame costs in one and in the other."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edge_benchmarks.judge.compare import MIN_PROCESSES, Change, Comparison, changes, compare_apart
from edge_benchmarks.record import Record
from edge_benchmarks.run.measurement import warnings_of
from edge_benchmarks.scenarios import catalogue
from edge_common.errors import ConfigError
from edge_devices.detection.machine import differences

ENOUGH_PROCESSES = 20  # they make a difference of 5 % visible


@dataclass(frozen=True)
class Across:
    """What may differ between two records that are compared all the same."""

    machines: bool = False
    settings: bool = False


ALIKE = Across()


@dataclass(frozen=True)
class Side:
    """One of the two records. floor_ms: its shortest frame; None if no process told one."""

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
    across: Across = ALIKE,
) -> TwoRecords:
    """Compare the records read from `files`.

    Raises ConfigError if machines or settings differ and the user did not allow for it,
    or if one holds no measurement.
    """
    for file, record in zip(files, (before, after)):
        check_measured(file, record)
    tolerated = tolerated_differences(before, after, across)
    times = compare_times(files, before, after)
    comparison = times if isinstance(times, Comparison) else None
    return TwoRecords(
        before=_side(files[0], before),
        after=_side(files[1], after),
        same_bundle=before.bundle.sha256 == after.bundle.sha256,
        verdict=comparison.verdict if comparison else "",
        ratio=comparison.ratio if comparison else None,
        interval=comparison.interval if comparison else None,
        not_compared=times if isinstance(times, str) else "",
        changes=tuple(changes(before, after)),
        warnings=(
            *(f"measured differently, {text}" for text in tolerated),
            *_warnings(files[0], before),
            *_warnings(files[1], after),
        ),
    )


_A_NANOSECOND_MS = 1e-6  # of less, ratios may be beyond all numbers


def compare_times(files: tuple[str, str], before: Record, after: Record) -> Comparison | str:
    """The frame's time of both; or the reason why it cannot be compared, and what to run."""
    for file, record in zip(files, (before, after)):
        floors = record.process_floors_ms
        if len(floors) < MIN_PROCESSES:
            return (
                f"{file} holds the shortest frames of {len(floors)} processes and {MIN_PROCESSES} "
                f"are needed: edge-bench BUNDLE --processes {ENOUGH_PROCESSES} -o {file}"
            )
        if not all(_A_NANOSECOND_MS <= floor < math.inf for floor in floors):
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
    yield from (f"{file}: {doubt}" for doubt in warnings_of(record))


def setting_differences(before: Record, after: Record) -> tuple[str, ...]:
    """The settings that change what a frame's time means and differ, in words."""
    first, second = _settings(before), _settings(after)
    in_both = [name for name in first if name in second]
    return tuple(f"{n}: {first[n]} and {second[n]}" for n in in_both if first[n] != second[n])


def _settings(record: Record) -> dict[str, str]:
    """Those of the frames that were timed, and of the scenarios that were run."""
    settings = record.setup.settings(left_out=bool(record.left_out))
    for scenario in catalogue.SCENARIOS:
        result = scenario.result_of(record)
        settings |= scenario.settings(result) if result else {}
    return settings


def comparable(before: Record, after: Record) -> bool:
    """Whether both were measured on one machine with the same settings."""
    return not (differences(before.machine, after.machine) or setting_differences(before, after))


def check_measured(file: str, record: Record) -> None:
    """Raise ConfigError for a record that was interrupted before anything was measured."""
    if not record.measurements:
        raise ConfigError(f"{file} holds no measurement: measure again")


def tolerated_differences(before: Record, after: Record, across: Across) -> tuple[str, ...]:
    """What differs although the user wants a comparison, in words.

    Raises ConfigError if machines or settings differ and the user did not allow for it.
    """
    machines = differences(before.machine, after.machine)
    settings = setting_differences(before, after)
    if machines and not across.machines:
        raise _refusal("on other machines", machines, "--across-machines")
    if settings and not across.settings:
        raise _refusal("with other settings", settings, "--across-settings")
    return machines + settings


def _refusal(how: str, reasons: tuple[str, ...], option: str) -> ConfigError:
    return ConfigError(
        f"the two records were measured {how} ({'; '.join(reasons)}): measure both alike, "
        f"or give {option}"
    )
