"""How many instructions of each class one inference executes."""

from collections.abc import Sequence
from dataclasses import dataclass

from devices.emulation.kinds import Kind


@dataclass(frozen=True)
class Counts:
    """Of one inference of one graph, after a first one, on one thread.

    The same each time; between two installations of the emulated Python, which may place
    things otherwise in memory, they were found up to 0.001 % apart.
    instructions: all of them.  blocks: straight pieces of code that were entered.
    classes: instructions by class, those that were met; they add up to `instructions`.
    loaded_bytes, stored_bytes: between registers and memory, caches among it.
    """

    board: str
    runtime: str
    runtime_version: str
    instructions: int
    blocks: int
    classes: dict[str, int]
    loaded_bytes: int
    stored_bytes: int


@dataclass(frozen=True)
class Mark:
    """What a line of the plugin says: counts since the mark before."""

    tag: int
    instructions: int
    blocks: int
    of_kinds: tuple[int, ...]


def parse_marks(text: str, number_of_kinds: int) -> tuple[Mark, ...]:
    """The plugin's lines. Raises ValueError where one is not whole."""
    marks = []
    for line in text.splitlines():
        tag, instructions, blocks, *of_kinds = map(int, line.split())
        if len(of_kinds) != number_of_kinds:
            raise ValueError(f"{len(of_kinds)} counts in a line, not {number_of_kinds}")
        marks.append(Mark(tag, instructions, blocks, tuple(of_kinds)))
    return tuple(marks)


def by_class(mark: Mark, kinds: Sequence[Kind]) -> dict[str, int]:
    """Instructions of each class that was met, and `other` for those of none."""
    found: dict[str, int] = {}
    for kind, count in zip(kinds, mark.of_kinds, strict=True):
        if count:
            found[kind.name] = found.get(kind.name, 0) + count
    other = mark.instructions - sum(mark.of_kinds)
    return {**found, **({"other": other} if other else {})}


def moved_bytes(mark: Mark, kinds: Sequence[Kind], name: str) -> int:
    """Bytes that the instructions of a class load or store."""
    pairs = zip(kinds, mark.of_kinds, strict=True)
    return sum(kind.moved_bytes * count for kind, count in pairs if kind.name == name)
