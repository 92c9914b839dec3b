"""Which operator of the graph each kernel stands for, and in which order they run.

XNNPACK takes a graph in part. It names its kernels, not the operators that they came from; it
fuses some operators and adds some kernels, and keeps the order. So the two lists are aligned
with the least that is left without a partner (Needleman and Wunsch, 1970).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from edge.tflite.operators import Operator
from edge_benchmarks.inside.profile.figures import (
    KernelEstimate,
    OperatorTime,
    PartProfile,
    ProfileEvent,
    Trace,
    by_kind,
    estimate,
    spread_over,
)

_LOOKUP_TABLE = "INVALID UNARY OP"  # so XNNPACK calls a chain of int8 operators in one table
_ELEMENTWISE = frozenset(
    {"ABS", "ADD", "CEIL", "COS", "DEQUANTIZE", "DIV", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH"}
    | {"LEAKY_RELU", "LOG", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL", "NEG", "POW", "PRELU"}
    | {"QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE"}
    | {"SUB", "TANH"}
)
_COPIES = frozenset(
    {"CONCATENATION", "PACK", "RESHAPE", "SLICE", "SPLIT", "STRIDED_SLICE", "UNPACK"}
)
_RESHAPES = frozenset({"EXPAND_DIMS", "RESHAPE", "SQUEEZE"})
# kernel -> operators that it may stand for; others bear their operator's name
_OPERATORS = {
    _LOOKUP_TABLE: _ELEMENTWISE,
    "AVERAGE POOLING": {"AVERAGE_POOL_2D", "MEAN"},
    "BATCH MATRIX MULTIPLY": {"BATCH_MATMUL", "FULLY_CONNECTED"},
    "CLAMP": {"MAXIMUM", "MINIMUM", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"},
    "CONSTANT PAD": {"PAD", "PADV2"},
    "CONVERT": {"CAST", "DEQUANTIZE", "QUANTIZE"},
    "CONVOLUTION": {"CONV_2D", "DEPTHWISE_CONV_2D"},
    "COPY": _COPIES,
    "DECONVOLUTION": {"TRANSPOSE_CONV"},
    "DIVIDE": {"DIV"},
    "FULLY CONNECTED": {"BATCH_MATMUL", "CONV_2D", "FULLY_CONNECTED"},
    "MAX POOLING": {"MAX_POOL_2D"},
    "MULTIPLY": {"MUL"},
    "NEGATE": {"NEG"},
    "RECIPROCAL SQUARE ROOT": {"RSQRT"},
    "SIGMOID": {"LOGISTIC"},
    "SLICE": {"SLICE", "STRIDED_SLICE"},
    "SQUARE ROOT": {"SQRT"},
    "STATIC RESHAPE": _RESHAPES,
    "SUBTRACT": {"SUB"},
}
_HELPERS = frozenset({"CONVERT", "COPY", "STATIC RESHAPE", "TRANSPOSE"})  # added by XNNPACK
_DEPTHWISE = ("DWConv", "VMulCAddC")

_ALONE, _RARELY_ALONE = 1.0, 3.0
_BAND = 256  # how far the two lists may drift apart; bounds the cost for huge graphs


def kernel_name(tag: str) -> str:
    """A kernel as a reader knows it: `Unary lookup table` for XNNPACK's `Invalid Unary Op`."""
    return "Unary lookup table" if _kind(tag) == _LOOKUP_TABLE else tag


def align(tags: Sequence[str], operators: Sequence[str]) -> list[int | None]:
    """For each kernel the position of its operator; None for one that XNNPACK added.

    tags: kernels in the order in which they run.  operators: their names, in order.
    """
    return _walk_back(_best_steps(tags, operators), len(tags), len(operators))


def _kind(tag: str) -> str:
    return tag.split(" (")[0].upper()


def _fits(tag: str, operator: str) -> bool:
    if tag.endswith(_DEPTHWISE):
        return operator == "DEPTHWISE_CONV_2D"
    kind = _kind(tag)
    return operator in _OPERATORS.get(kind, {kind.replace(" ", "_")})


def _cost_of_kernel(tag: str) -> float:
    return _ALONE if _kind(tag) in _HELPERS else _RARELY_ALONE


def _cost_of_operator(name: str) -> float:
    return _ALONE if name in _ELEMENTWISE | _COPIES | _RESHAPES else _RARELY_ALONE


_OPERATOR_ALONE, _KERNEL_ALONE, _PAIR = range(3)
_Steps = list[dict[int, int]]  # by kernels and operators behind: the best last step


def _best_steps(tags: Sequence[str], operators: Sequence[str]) -> _Steps:
    alone = [_cost_of_operator(name) for name in operators]
    steps: _Steps = []
    above: dict[int, float] = {}
    for i in range(len(tags) + 1):
        costs: dict[int, float] = {}
        best: dict[int, int] = {}
        for j in _band(i, len(tags), len(operators)):
            options = [math.inf, math.inf, math.inf]
            if j > 0:
                options[_OPERATOR_ALONE] = costs.get(j - 1, math.inf) + alone[j - 1]
            if i > 0:
                options[_KERNEL_ALONE] = above.get(j, math.inf) + _cost_of_kernel(tags[i - 1])
            if i > 0 and j > 0 and _fits(tags[i - 1], operators[j - 1]):
                options[_PAIR] = above.get(j - 1, math.inf)
            best[j] = min(range(3), key=options.__getitem__)
            costs[j] = options[best[j]] if i or j else 0.0
        steps.append(best)
        above = costs
    return steps


def _band(i: int, tags: int, operators: int) -> range:
    middle = i * operators // max(tags, 1)
    reach = max(_BAND, operators // max(tags, 1) + 1)
    return range(max(0, middle - reach), min(operators, middle + reach) + 1)


def _walk_back(steps: _Steps, i: int, j: int) -> list[int | None]:
    owners: list[int | None] = [None] * i
    while i or j:
        step = steps[i][j]
        if step == _PAIR:
            owners[i - 1] = j - 1
        i -= step != _OPERATOR_ALONE
        j -= step != _KERNEL_ALONE
    return owners


@dataclass(frozen=True)
class Stretch:
    """Operators that run one after the other, all delegated (one partition) or none."""

    delegated: bool
    operators: tuple[int, ...]


def stretches(operators: Sequence[Operator], undelegated: Collection[int]) -> list[Stretch]:
    """The operators, by index, as the runtime runs them.

    Partitions are grown greedily: each takes every operator of its own sort whose inputs
    are there (TFLite's graph_info.cc, PartitionGraphIntoIndependentNodeSubsets).
    """
    remaining = list(operators)
    missing = {tensor for operator in remaining for tensor in operator.outputs}
    result: list[Stretch] = []
    while remaining:
        first = next((o for o in remaining if not missing.intersection(o.inputs)), remaining[0])
        delegated = first.index not in undelegated
        members = _grow(remaining, missing, undelegated, delegated) or [first]
        result.append(Stretch(delegated, tuple(o.index for o in members)))
        missing.difference_update(tensor for o in members for tensor in o.outputs)
        placed_indices = set(result[-1].operators)
        remaining = [o for o in remaining if o.index not in placed_indices]
    return result


def _grow(
    remaining: Sequence[Operator],
    missing: Collection[int],
    undelegated: Collection[int],
    delegated: bool,
) -> list[Operator]:
    still_missing, members = set(missing), []
    for operator in remaining:
        same_sort = (operator.index not in undelegated) == delegated
        if same_sort and not still_missing.intersection(operator.inputs):
            members.append(operator)
            still_missing.difference_update(operator.outputs)
    return members


METHOD = "LiteRT's own profiler"
_INTO_THE_NEXT = frozenset({"PAD", "PADV2"})  # a convolution pads by itself


def assemble(operators: Sequence[Operator], trace: Trace, threads: int) -> PartProfile:
    """The profile of the part with these operators, in the order of the graph."""
    kernel_times = estimate(trace)
    undelegated = {event.index for event in trace.events if not event.delegated}
    owners = owners_of(operators, trace.events, undelegated)
    times = spread_over(owners, kernel_times.kernel_ms, range(len(operators)))
    rows = _rows(operators, times, _kernels(owners, trace.events), undelegated)
    return PartProfile(
        method=METHOD,
        threads=threads,
        runs=len(trace.elapsed_us),
        whole_ms=kernel_times.whole_ms,
        operators=rows,
        kinds=by_kind(rows),
        below_resolution=_short(kernel_times, owners),
        below_resolution_ms=sum(
            ms for ms, short in zip(kernel_times.kernel_ms, kernel_times.short) if short
        ),
    )


def owners_of(
    operators: Sequence[Operator], events: Sequence[ProfileEvent], undelegated: Collection[int]
) -> list[int | None]:
    """The operator, by index, of each event; None for a kernel that XNNPACK added."""
    expected = stretches(operators, undelegated)
    runs = _runs(events)
    if [run[0].delegated for run in runs] != [stretch.delegated for stretch in expected]:
        return align([event.tag for event in events], [o.name for o in operators])
    return [
        owner
        for stretch, run in zip(expected, runs)
        for owner in _owners_in(operators, stretch, run)
    ]


def _runs(events: Sequence[ProfileEvent]) -> list[list[ProfileEvent]]:
    """Events one after the other, by partition: its kernels are counted from 0."""
    runs: list[list[ProfileEvent]] = []
    for event in events:
        begins = not runs or runs[-1][-1].delegated != event.delegated
        if begins or (event.delegated and event.index == 0):
            runs.append([])
        runs[-1].append(event)
    return runs


def _owners_in(
    operators: Sequence[Operator], stretch: Stretch, run: Sequence[ProfileEvent]
) -> list[int | None]:
    if not stretch.delegated:
        return [event.index for event in run]
    names = [operators[i].name for i in stretch.operators]
    places = align([event.tag for event in run], names)
    return [None if place is None else stretch.operators[place] for place in places]


def _kernels(owners: Sequence[int | None], events: Sequence[ProfileEvent]) -> dict[int, str]:
    return {
        owner: kernel_name(event.tag) for owner, event in zip(owners, events) if owner is not None
    }


def _short(kernel_times: KernelEstimate, owners: Sequence[int | None]) -> int:
    """Operators of which every kernel is shorter than the profiler can tell."""
    long = {owner for owner, short in zip(owners, kernel_times.short) if not short}
    return len({owner for owner in owners if owner is not None} - long)


def _rows(
    operators: Sequence[Operator],
    times: Mapping[int, float],
    kernels: Mapping[int, str],
    undelegated: Collection[int],
) -> tuple[OperatorTime, ...]:
    total = sum(times.values()) or 1.0
    fused = _fused(operators, kernels)
    return tuple(
        OperatorTime(
            index=o.index,
            operator=o.name,
            shape=o.shape,
            multiply_adds=o.multiply_adds,
            ms=times[o.index],
            share=times[o.index] / total,
            delegated=o.index not in undelegated,
            kernel=kernels.get(o.index, ""),
            fused_into=fused.get(o.index),
        )
        for o in operators
    )


def _fused(operators: Sequence[Operator], kernels: Collection[int]) -> dict[int, int]:
    """For each operator without a kernel the one whose kernel does its work.

    The last of those that it reads from; for padding the first that reads from it.
    """
    maker = {tensor: o.index for o in operators for tensor in o.outputs}
    reader = {tensor: o.index for o in reversed(operators) for tensor in o.inputs}
    fused: dict[int, int] = {}
    for o in operators:
        if o.index in kernels:
            continue
        before = sorted(maker[i] for i in o.inputs if i in maker)[-1:]
        after = sorted(reader[i] for i in o.outputs if i in reader)[:1]
        neighbours = after or before if o.name in _INTO_THE_NEXT else before or after
        if neighbours:
            fused[o.index] = fused.get(neighbours[0], neighbours[0])
    return fused
