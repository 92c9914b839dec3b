"""In which order TFLite runs the operators of a graph that a delegate has taken in part."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from edge.operators import Operator


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
    left = list(operators)
    missing = {tensor for operator in left for tensor in operator.outputs}
    found: list[Stretch] = []
    while left:
        first = next((o for o in left if not missing.intersection(o.inputs)), left[0])
        delegated = first.index not in undelegated
        taken = _grow(left, missing, undelegated, delegated) or [first]
        found.append(Stretch(delegated, tuple(o.index for o in taken)))
        missing.difference_update(tensor for o in taken for tensor in o.outputs)
        gone = set(found[-1].operators)
        left = [o for o in left if o.index not in gone]
    return found


def _grow(
    left: Sequence[Operator],
    missing: Collection[int],
    undelegated: Collection[int],
    delegated: bool,
) -> list[Operator]:
    still_missing, taken = set(missing), []
    for operator in left:
        same = (operator.index not in undelegated) == delegated
        if same and not still_missing.intersection(operator.inputs):
            taken.append(operator)
            still_missing.difference_update(operator.outputs)
    return taken
