"""What one benchmark run found out: typed, and as a JSON file, checked when read, whole when written."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.emulated import Predicted
from edge.engine.delegation import Delegation
from edge_benchmarks import prediction, statistics
from edge_benchmarks.inside.cross_check import CrossCheck, Overhead
from edge_benchmarks.inside.profile.figures import PartProfile
from edge_benchmarks.inside.roofline import Roof, RooflinePoint
from edge_benchmarks.measure import conditions, processes, timing
from edge_benchmarks.scenarios import catalogue, offline
from edge_common import ConfigError, decode, encode, write_whole
from edge_devices.detection.machine import Machine
from edge_devices.prediction.cores import Work
from edge_devices.telemetry import Sample

SCHEMA_VERSION = 3

STREAMED = "streamed"
SPLIT_RERUN = "split re-run"
WHOLE_INT8 = "whole window int8"
WHOLE_FLOAT = "whole window float32"
KERAS_PREDICT = "Keras predict"


@dataclass(frozen=True)
class PartRecord:
    """One part of the bundle. None: the figure could not be found out."""

    role: str
    precision: str
    size_bytes: int
    parameters: int | None
    multiply_adds: int | None


@dataclass(frozen=True)
class BundleRecord:
    """What was measured. sha256: of the file."""

    name: str
    sha256: str
    size_bytes: int
    streaming: str
    window: int
    parts: tuple[PartRecord, ...]


@dataclass(frozen=True)
class TaskFigure:
    """How right one task's answers are. `value` None: not measured, and `n` is 0.

    metric: `accuracy` (share of right labels) or `mean_absolute_error` in `unit`.
    interval: 95 %, of an accuracy (E. B. Wilson, 1927).
    """

    task: str
    metric: str
    value: float | None = None
    n: int = 0
    interval: tuple[float, float] | None = None
    unit: str = ""


@dataclass(frozen=True)
class Measurement:
    """One way of running the network over frames.

    not_measured: why there are no figures; empty if there are.
    total_ms: one frame from pixels to decision.  stages_ms: its stages.
    cpu_ms: processor time of that frame, all threads.
    invokes_ms: the runtime alone, all invocations of a part for one frame.
    overhead_ms: the total less all invocations.
    invocations: of each part for one frame that led to a decision, mean.
    round_p50_ms: median of `total_ms` in each round; the rounds of all ways alternate.
    agreement: share of answers equal to the float network's, by task.
    frames_ms: `total_ms` of every frame that was timed, in order; round_frames: how many
    of them each round holds.
    percentiles: of these, by name, with 95 % intervals.  verdict: `stable`, or why not.
    waits: whether it waits within a frame by design, so that idle time is no disturbance.
    """

    name: str
    not_measured: str = ""
    total_ms: statistics.Summary | None = None
    cpu_ms: statistics.Summary | None = None
    stages_ms: dict[str, statistics.Summary] = field(default_factory=dict)
    invokes_ms: dict[str, statistics.Summary] = field(default_factory=dict)
    overhead_ms: statistics.Summary | None = None
    invocations: dict[str, float] = field(default_factory=dict)
    round_p50_ms: tuple[float, ...] = ()
    size_bytes: int | None = None
    accuracy: tuple[TaskFigure, ...] = ()
    agreement: dict[str, float] = field(default_factory=dict)
    frames_ms: tuple[float, ...] = ()
    round_frames: tuple[int, ...] = ()
    percentiles: dict[str, statistics.PercentileEstimate] = field(default_factory=dict)
    outliers: statistics.Outliers | None = None
    verdict: str = ""
    waits: bool = False


@dataclass(frozen=True)
class EngineRecord:
    """One part of the bundle in another engine, the engine alone.

    not_measured: why there are no figures.  snr_db: of its answers against LiteRT's.
    """

    engine: str
    version: str
    part: str
    not_measured: str = ""
    invoke_ms: statistics.Summary | None = None
    snr_db: float | None = None


@dataclass(frozen=True)
class MemoryUse:
    """Of the measuring process, after the bundle was loaded and streamed. PSS: None if unknown."""

    rss_bytes: int
    peak_rss_bytes: int
    pss_bytes: int | None = None


@dataclass(frozen=True)
class Streaming:
    """What caching features can win over re-running the same parts, and what it does win."""

    ceiling: float
    achieved: float | None = None


@dataclass(frozen=True)
class Record:
    """Everything that one run of edge-bench found out; the first measurement is `streamed`.

    complete: False if it was interrupted; what had been measured by then stands here.
    failures: what was asked for and could not be had, and why.
    revision: of the project's git checkout, empty if there is none.
    process_floors_ms: the shortest frame of each of several fresh processes, streamed,
    which is what comparisons rest on.
    scenarios: result by key, of those that were run; `Scenario.result_of` gives it typed.
    profiles, roofline, engines: by the parts' roles, if they were asked for.
    instructions: of one inference, by emulated board and the parts' roles.
    telemetry: of the machine while the frames were timed.
    predicted: the latency that each part was held to, if a board was emulated.
    work: of each part on this machine's cores, if the latency model knows them, so that a
    record of a real board improves what is predicted (`devices/measurements/`).
    delegation: who computed the operators of each part, by its role.
    place: which of many boards it was, where a report has to tell them apart.
    """

    schema: int
    created_at: str
    edge_run: str
    bundle: BundleRecord
    machine: Machine
    setup: conditions.Setup
    measurements: tuple[Measurement, ...]
    data: str = ""
    streaming: Streaming | None = None
    cold_start: processes.ColdStart | None = None
    complete: bool = True
    failures: tuple[str, ...] = ()
    revision: str = ""
    process_floors_ms: tuple[float, ...] = ()
    scenarios: dict[str, Any] = field(default_factory=dict)
    timer: timing.TimerCheck | None = None
    overhead: Overhead | None = None
    cross_check: CrossCheck | None = None
    profiles: dict[str, PartProfile] = field(default_factory=dict)
    roof: Roof | None = None
    roofline: dict[str, RooflinePoint] = field(default_factory=dict)
    engines: tuple[EngineRecord, ...] = ()
    telemetry: tuple[Sample, ...] = ()
    energy: offline.Energy | None = None
    memory: MemoryUse | None = None
    delegation: dict[str, Delegation] = field(default_factory=dict)
    place: str = ""
    instructions: prediction.Instructions = field(default_factory=dict)
    predicted: Predicted | None = None
    work: dict[str, Work] = field(default_factory=dict)

    @property
    def streamed(self) -> Measurement:
        return self.measurements[0]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Why parts ran without the delegate that was asked for."""
        reasons = [each.fallback for each in self.delegation.values() if each.fallback]
        return tuple(dict.fromkeys(reasons))

    def measurement(self, name: str) -> Measurement | None:
        return next((m for m in self.measurements if m.name == name), None)


def to_json(record: Record) -> str:
    """The record as the text of a file."""
    fields = encode(record)
    results = {each.key(): encode(each.result_of(record)) for each in catalogue.SCENARIOS}
    text = json.dumps(fields | {"scenarios": results}, indent=1, allow_nan=False)
    return text + "\n"


def from_json(text: str, name: str = "record") -> Record:
    """Read a record's text. Raises ConfigError if it is another version, or no record."""
    try:
        fields = json.loads(text)
        schema = fields.get("schema") if isinstance(fields, dict) else None
        if schema != SCHEMA_VERSION:
            raise ConfigError(
                f"{name} has record version {schema}, this edge-bench reads {SCHEMA_VERSION}: "
                "measure again"
            )
        if any(abs(number) > _LARGEST for number in _numbers(fields)):
            raise ValueError(f"it holds a number beyond {_LARGEST:g}")
        record = decode(Record, fields)
        _refuse_impossible_times(record)
        return replace(record, scenarios=_results(record.scenarios))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is no benchmark record ({error}): measure again") from error


_LARGEST = 2.0**63
_SHORTEST_MS, _LONGEST_MS = 1e-6, 1e12


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _numbers(inner)


def _refuse_impossible_times(record: Record) -> None:
    """Raises ValueError for times of frames that ratios of them could not be taken of."""
    times_ms: dict[str, tuple[float, ...]] = {}
    for measurement in record.measurements:
        times_ms[f"{measurement.name}.round_p50_ms"] = measurement.round_p50_ms
        if total_ms := measurement.total_ms:
            times_ms[f"{measurement.name}.total_ms"] = (total_ms.min, total_ms.mean, total_ms.p50)
    for name, values in times_ms.items():
        if not all(_SHORTEST_MS <= value <= _LONGEST_MS for value in values):
            raise ValueError(f"'{name}' holds what no frame takes")


def _results(encoded: Mapping[str, Any]) -> dict[str, Any]:
    """The results of the scenarios that were run. Raises ValueError for an unknown scenario."""
    types = {each.key(): each.result_type() for each in catalogue.SCENARIOS}
    for unknown in encoded.keys() - types.keys():
        raise ValueError(f"unknown field 'scenarios.{unknown}'")
    return {
        key: decode(result_type, encoded[key], f"scenarios.{key}")
        for key, result_type in types.items()
        if encoded.get(key) is not None
    }


def read_record(path: str | os.PathLike) -> Record:
    """Read a record file. Raises ConfigError if it cannot be read or is none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}): give a record of edge-bench"
        ) from error
    return from_json(text, str(path))


def write_record(path: str | os.PathLike, record: Record) -> None:
    """Write under the final name only when whole. Raises SinkError if it cannot."""
    write_whole(Path(path), to_json(record).encode())
