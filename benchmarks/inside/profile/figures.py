"""What a profile says: the time of each operator, of each kind, and what is left over."""

from collections.abc import Sequence
from dataclasses import dataclass


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
    below_resolution_ms: what they share; where it is much, the residual says little.
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
        return sum(found.ms for found in self.operators)

    @property
    def residual(self) -> float:
        """What no operator accounts for, relative to the whole; negative where they exceed it."""
        return 1.0 - self.sum_ms / self.whole_ms

    def slowest(self, count: int) -> list[OperatorTime]:
        """The operators that take longest, longest first."""
        return sorted(self.operators, key=lambda found: -found.ms)[:count]


def by_kind(operators: Sequence[OperatorTime]) -> tuple[KindTime, ...]:
    """Sums over operators of one kind, longest first."""
    fused: dict[int, list[str]] = {}
    for found in operators:
        if found.fused_into is not None:
            fused.setdefault(found.fused_into, []).append(found.operator)
    kinds: dict[str, list[OperatorTime]] = {}
    for found in operators:
        if found.fused_into is None:
            names = dict.fromkeys([found.operator, *fused.get(found.index, ())])
            kinds.setdefault(" + ".join(names), []).append(found)
    times = [_kind(name, members) for name, members in kinds.items()]
    return tuple(sorted(times, key=lambda kind: -kind.ms))


def _kind(name: str, members: Sequence[OperatorTime]) -> KindTime:
    return KindTime(
        name,
        len(members),
        sum(found.multiply_adds for found in members),
        sum(found.ms for found in members),
        sum(found.share for found in members),
    )
