"""How records and machines are called where several stand on one page."""

from collections.abc import Callable, Sequence
from itertools import count

from benchmarks.record import Record
from devices.machine import Machine, differences
from edge.delegates.choice import label_of

_GENERIC = "generic"


def machine_name(machine: Machine) -> str:
    """The board, or where it has no name the processor."""
    known = machine.board != _GENERIC
    return machine.board if known else f"{machine.cpu}, {machine.cores} cores"


def machine_labels(records: Sequence[Record]) -> list[str]:
    """The machine of each record; machines that cannot be compared are called differently."""
    kinds: list[tuple[str, Machine]] = []
    labels = []
    for record in records:
        label = next((name for name, m in kinds if not differences(m, record.machine)), None)
        if label is None:
            label = _unused(machine_name(record.machine), [used for used, _ in kinds])
            kinds.append((label, record.machine))
        labels.append(label)
    return labels


def record_labels(records: Sequence[Record]) -> list[str]:
    """The bundle's name, its machine if there are several, and what else tells records apart."""
    machines = machine_labels(records)
    several = len(set(machines)) > 1
    names = [_name(record) for record in records]
    labels = [f"{n}, {m}" for n, m in zip(names, machines)] if several else names
    facts: list[Callable[[Record], str]] = [
        lambda record: threads(record.setup.threads),
        lambda record: record.setup.runtime,
        lambda record: f"delegate {label_of(record.setup.delegate)}",
        lambda record: f"bundle {record.bundle.sha256[:8]}",
        lambda record: record.created_at,
    ]
    for fact in facts:
        told = [fact(record) for record in records]
        ambiguous = [_differ(label, labels, told) for label in labels]
        labels = [
            f"{label}, {new}" if more else label
            for label, new, more in zip(labels, told, ambiguous)
        ]
    taken: list[str] = []
    for label in labels:
        taken.append(_unused(label, taken))
    return taken


def _name(record: Record) -> str:
    """Of a played board, so that no figure stands there as if it were measured."""
    played = f", predicted for {record.predicted.board}" if record.predicted else ""
    return record.bundle.name + played


def threads(number: int) -> str:
    return f"{number} thread" + ("s" if number > 1 else "")


def _differ(label: str, labels: Sequence[str], told: Sequence[str]) -> bool:
    """Whether records that are called `label` differ in what is told of them."""
    return len({fact for other, fact in zip(labels, told) if other == label}) > 1


def _unused(name: str, used: Sequence[str]) -> str:
    if name not in used:
        return name
    return next(new for i in count(2) if (new := f"{name} ({i})") not in used)
