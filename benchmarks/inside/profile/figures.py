"""What a profile says: the time of each operator, of each kind, and what is left over."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_common.data import decode, encode


@dataclass(frozen=True)
class OperatorTime:
    """One operator of the flatbuffer.

    share: of the time of all operators, 0 to 1.
    delegated: whether XNNPACK ran it, or else a kernel of the runtime's own.
    kernel: what ran it, in the runtime's words.
    fused_into: the index of the operator whose kernel does this one's work too.
    """

    index: int
    operator: str
    shape: tuple[int, ...]
    multiply_adds: int
    ms: float
    share: float
    delegated: bool
    kernel: str = ""
    fused_into: int | None = None


@dataclass(frozen=True)
class KindTime:
    """All operators of one kind, those fused into another listed with it: `LOGISTIC + MUL`."""

    kind: str
    count: int
    multiply_adds: int
    ms: float
    share: float


@dataclass(frozen=True)
class PartProfile:
    """Where the time of one part goes.

    method: where the times come from.  runs: how many were recorded.
    whole_ms: the part without profiler, in its fastest tenth of runs, as the operators' times.
    below_resolution: operators so short that they only share what the others leave of the whole.
    below_resolution_ms: what they share; if it is much, the residual says little.
    """

    method: str
    threads: int
    runs: int
    whole_ms: float
    operators: tuple[OperatorTime, ...]
    kinds: tuple[KindTime, ...]
    below_resolution: int = 0
    below_resolution_ms: float = 0.0

    @property
    def sum_ms(self) -> float:
        """Of all operators."""
        return sum(time.ms for time in self.operators)

    @property
    def residual(self) -> float:
        """What no operator accounts for, relative to the whole; negative if they exceed it."""
        return 1.0 - self.sum_ms / self.whole_ms

    def slowest(self, count: int) -> list[OperatorTime]:
        """The operators that take longest, longest first."""
        return sorted(self.operators, key=lambda time: -time.ms)[:count]


def by_kind(operators: Sequence[OperatorTime]) -> tuple[KindTime, ...]:
    """Sums over operators of one kind, longest first."""
    fused: dict[int, list[str]] = {}
    for time in operators:
        if time.fused_into is not None:
            fused.setdefault(time.fused_into, []).append(time.operator)
    kinds: dict[str, list[OperatorTime]] = {}
    for time in operators:
        if time.fused_into is None:
            names = dict.fromkeys([time.operator, *fused.get(time.index, ())])
            kinds.setdefault(" + ".join(names), []).append(time)
    times = [_kind(name, members) for name, members in kinds.items()]
    return tuple(sorted(times, key=lambda kind: -kind.ms))


def _kind(name: str, members: Sequence[OperatorTime]) -> KindTime:
    return KindTime(
        name,
        len(members),
        sum(time.multiply_adds for time in members),
        sum(time.ms for time in members),
        sum(time.share for time in members),
    )


@dataclass(frozen=True)
class ProfileEvent:
    """One kernel that ran.

    tag: its name.  delegated: whether XNNPACK ran it.
    index: of the operator in the graph, or of a delegated kernel within its partition.
    """

    tag: str
    delegated: bool
    index: int


@dataclass(frozen=True)
class Trace:
    """Runs of one part in order: profiled ones, and others without profiler in between.

    elapsed_us: a row a profiled run, a whole number an event, as LiteRT reports them.
    whole_ns: the runs without profiler.
    """

    events: tuple[ProfileEvent, ...]
    elapsed_us: tuple[tuple[int, ...], ...]
    whole_ns: tuple[int, ...]

    @property
    def matrix(self) -> np.ndarray:
        """`elapsed_us` as (runs, events)."""
        shape = len(self.elapsed_us), len(self.events)
        return np.array(self.elapsed_us, np.float64).reshape(shape)


def to_json(trace: Trace) -> object:
    return encode(trace)


def from_json(value: object) -> Trace:
    """Raises ValueError if a field is missing or of another type."""
    return decode(Trace, value)


_QUIET_SHARE = 0.1  # of the runs: those that other programs disturbed least
_MINIMUM_RUNS = 10
_CUT_OFF_US = 0.5  # what cutting off to whole microseconds takes away on average


@dataclass(frozen=True)
class KernelEstimate:
    """The trace's kernels in the order of its events.

    kernel_ms: of each.  whole_ms: of the part without profiler.
    short: for each kernel whether it is below the resolution of the profiler.
    """

    kernel_ms: tuple[float, ...]
    whole_ms: float
    short: tuple[bool, ...]


def estimate(trace: Trace) -> KernelEstimate:
    """Time each kernel over the tenth of the runs with the smallest sum.

    Means over whole runs, so that the kernels add up to the part. XNNPACK cuts each time
    off to whole microseconds (`xnn_get_elapsed_time`): half a microsecond is added, and
    kernels below one share what the others leave of the whole, up to half each.
    """
    runs = trace.matrix
    quiet = runs[np.argsort(runs.sum(axis=1), kind="stable")[: _quiet(len(runs))]]
    means = quiet.mean(axis=0)
    whole = np.sort(np.array(trace.whole_ns, np.float64) / 1e3)[: _quiet(len(trace.whole_ns))]
    delegated = np.array([event.delegated for event in trace.events], bool)
    short = delegated & (means < 1)
    means = means + _CUT_OFF_US * (delegated & ~short)
    if short.any():
        share_us = (whole.mean() - means.sum()) / short.sum()
        means = means + np.clip(share_us, 0, _CUT_OFF_US) * short
    return KernelEstimate(
        tuple((means / 1e3).tolist()), float(whole.mean() / 1e3), tuple(short.tolist())
    )


def _quiet(runs: int) -> int:
    return min(runs, max(_MINIMUM_RUNS, round(runs * _QUIET_SHARE)))


def spread_over(
    owners: Sequence[int | None], kernel_ms: Sequence[float], operators: Sequence[int]
) -> dict[int, float]:
    """The kernels' times by operator.

    owners: for each kernel its operator, by position in `operators`. One that belongs to
    none prepares the next that does, or finishes the last.
    """
    last = max((k for k, owner in enumerate(owners) if owner is not None), default=None)
    total = dict.fromkeys(operators, 0.0)
    waiting = 0.0
    for kernel, (owner, ms) in enumerate(zip(owners, kernel_ms)):
        if owner is None and last is not None and kernel > last:
            owner = owners[last]
        if owner is None:
            waiting += ms
            continue
        total[operators[owner]] += waiting + ms
        waiting = 0.0
    return total
