"""Counted instructions as a person reads them."""

from collections.abc import Iterator, Mapping

from benchmarks.cells import amount, megabytes
from benchmarks.instructions.figures import Instructions, a_frame
from devices.emulation.counts import Counts
from edge.text_table import text_table

_MEMORY = {"bytes loaded": "loaded_bytes", "bytes stored": "stored_bytes"}


def instructions_table(found: Instructions, invocations: Mapping[str, float]) -> str:
    """Parts and their classes down, boards across. invocations: of each part for a frame."""
    boards = list(found)
    whole = ["whole frame", *(amount(round(a_frame(found[b], invocations))) for b in boards)]
    rows = [row for role in found[boards[0]] for row in _part(role, found)]
    first = next(iter(found[boards[0]].values()))
    return (
        text_table(["instructions", *boards], [*rows, whole])
        + f"\ncounted under qemu with {first.runtime} {first.runtime_version}, one thread, "
        "one inference of each part: no time follows from them alone"
    )


def _part(role: str, found: Instructions) -> Iterator[list[str]]:
    counts = [parts[role] for parts in found.values()]
    yield [role, *(amount(each.instructions) for each in counts)]
    for name in _classes(counts):
        cells = (amount(each.classes[name]) if name in each.classes else "-" for each in counts)
        yield [f"  {name.replace('_', ' ')}", *cells]
    for label, field in _MEMORY.items():
        yield [f"  {label}", *(megabytes(getattr(each, field)) for each in counts)]


def _classes(counts: list[Counts]) -> list[str]:
    """Those that were met, the most frequent of any board first."""
    most: dict[str, int] = {}
    for each in counts:
        for name, count in each.classes.items():
            most[name] = max(most.get(name, 0), count)
    return sorted(most, key=lambda name: -most[name])
