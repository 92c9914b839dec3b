"""The counting plugin, and the classes of instructions that it tells apart."""

import csv
import functools
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from edge_common.errors import Unavailable
from edge_devices.emulation.cache import NoCompiler, Say, find_compiler, kept, key, run

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
    table = resources.files("edge_devices.emulation").joinpath("aarch64_instructions.csv")
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
    """The class of an instruction word; `other` if no pattern fits."""
    return next((kind.name for kind in kinds() if kind.fits(word)), "other")


_FLAGS = ("-O2", "-fPIC", "-shared")
_SOURCE = "count_instructions.c"


def compiler() -> list[str]:
    """The words that begin a compiler's command line. Raises Unavailable without one."""
    try:
        return find_compiler()
    except NoCompiler as error:
        raise Unavailable(str(error)) from error


def counting_plugin(say: Say) -> Path:
    """The plugin's shared library. Raises Unavailable without a compiler, BuildFailed."""
    source = Path(str(resources.files("edge_devices.emulation").joinpath(_SOURCE)))
    with_compiler = compiler()

    def build(folder: Path) -> None:
        target = folder / "count.so"
        run([*with_compiler, *_FLAGS, "-o", str(target), str(source)], f"compiling {_SOURCE}")

    name = f"count-{key(source.read_text(encoding='utf-8'), *with_compiler)}"
    return kept(name, build, "compiling the counting plugin", say) / "count.so"
