"""What one benchmark run found out: the typed form of `record.json`."""

from dataclasses import dataclass, field

from benchmarks.statistics import Summary
from devices.machine import Machine

SCHEMA_VERSION = 1

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
class FrameSet:
    """The frames that were timed: where they are from, how many and how large."""

    source: str
    count: int
    height: int
    width: int


@dataclass(frozen=True)
class Setup:
    """How it was measured: what has to agree before two records may be compared."""

    runtime: str
    runtime_version: str
    threads: int
    delegate: str | None
    frames: FrameSet
    min_frames: int
    min_seconds: float
    rounds: int
    warmup_frames: int


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

    not_measured: why there are no figures; empty where there are.
    total_ms: one frame from pixels to decision.  stages_ms: its stages.
    cpu_ms: processor time of that frame, all threads.
    invokes_ms: the runtime alone, all invocations of a part for one frame.
    overhead_ms: the total less all invocations.
    invocations: of each part for one frame, mean.
    round_p50_ms: median of `total_ms` in each round; the rounds of all ways alternate.
    agreement: share of answers equal to the float network's, by task.
    """

    name: str
    not_measured: str = ""
    total_ms: Summary | None = None
    cpu_ms: Summary | None = None
    stages_ms: dict[str, Summary] = field(default_factory=dict)
    invokes_ms: dict[str, Summary] = field(default_factory=dict)
    overhead_ms: Summary | None = None
    invocations: dict[str, float] = field(default_factory=dict)
    round_p50_ms: tuple[float, ...] = ()
    size_bytes: int | None = None
    accuracy: tuple[TaskFigure, ...] = ()
    agreement: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ColdStart:
    """Fresh processes of edge-run: from process start to the first pushed frame's result.

    frames: how many frames each process ran.  peak_rss_bytes: the largest of all.
    """

    first_result_s: Summary
    peak_rss_bytes: int
    frames: int


@dataclass(frozen=True)
class Streaming:
    """What caching features can win over re-running the same parts, and what it does win."""

    ceiling: float
    achieved: float | None = None


@dataclass(frozen=True)
class Record:
    """Everything that one run of edge-bench found out; the first measurement is `streamed`."""

    schema: int
    created_at: str
    edge_run: str
    bundle: BundleRecord
    machine: Machine
    setup: Setup
    measurements: tuple[Measurement, ...]
    data: str = ""
    streaming: Streaming | None = None
    cold_start: ColdStart | None = None

    @property
    def streamed(self) -> Measurement:
        return self.measurements[0]

    def measurement(self, name: str) -> Measurement | None:
        return next((m for m in self.measurements if m.name == name), None)
