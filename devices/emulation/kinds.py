"""The instructions that are told apart: a table of bit patterns, each in a class.

The patterns are those of the Arm Architecture Reference Manual (DDI 0487), chapter C4.1; they
stand in `aarch64_instructions.csv`, of which the first that fits counts.
"""

import csv
import functools
from dataclasses import dataclass
from importlib import resources

_WORD_BITS = 32
ANY = "x"


@dataclass(frozen=True)
class Kind:
    """Instructions of one pattern.

    name: its class, such as `widening_multiply`.  moved_bytes: that one of them loads or stores.
    """

    name: str
    mask: int
    value: int
    moved_bytes: int

    def fits(self, word: int) -> bool:
        """Whether an instruction word is of this kind."""
        return word & self.mask == self.value


@functools.cache
def kinds() -> tuple[Kind, ...]:
    """The shipped table, in its order."""
    table = resources.files("devices.emulation").joinpath("aarch64_instructions.csv")
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return tuple(parse(row["class"], row["bits"], int(row["bytes"])) for row in rows)


@functools.cache
def class_names() -> tuple[str, ...]:
    """Each class once, in the order of the table."""
    return tuple(dict.fromkeys(kind.name for kind in kinds()))


def parse(name: str, bits: str, moved_bytes: int = 0) -> Kind:
    """A kind from a pattern of 0, 1 and x, the highest bit first, spaces anywhere."""
    pattern = bits.replace(" ", "")
    if len(pattern) != _WORD_BITS or set(pattern) - set(f"01{ANY}"):
        raise ValueError(f"{bits!r} is no pattern of 32 bits")
    mask = int("".join("0" if bit == ANY else "1" for bit in pattern), 2)
    return Kind(name, mask, int(pattern.replace(ANY, "0"), 2), moved_bytes)


def class_of(word: int) -> str:
    """The class of an instruction word; `other` where no pattern fits."""
    return next((kind.name for kind in kinds() if kind.fits(word)), "other")
