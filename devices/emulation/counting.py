"""Counting instead of timing: the instructions of one inference, the same on every machine."""

import csv
import functools
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from edge_common import RunFailed, Unavailable, children
from edge_devices.emulation import cache, counted_inference, guest
from edge_devices.profiles import Profile

_WORD_BITS = 32
ANY = "x"


@dataclass(frozen=True)
class InstructionKind:
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
def kinds() -> tuple[InstructionKind, ...]:
    """The shipped table, in its order."""
    table = resources.files("edge_devices.emulation").joinpath("aarch64_instructions.csv")
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return tuple(parse(row["class"], row["bits"], int(row["bytes"])) for row in rows)


@functools.cache
def class_names() -> tuple[str, ...]:
    """Each class once, in the order of the table."""
    return tuple(dict.fromkeys(kind.name for kind in kinds()))


def parse(name: str, bits: str, moved_bytes: int = 0) -> InstructionKind:
    """A kind from a pattern of 0, 1 and x, the highest bit first, spaces anywhere."""
    pattern = bits.replace(" ", "")
    if len(pattern) != _WORD_BITS or set(pattern) - set(f"01{ANY}"):
        raise ValueError(f"{bits!r} is no pattern of 32 bits")
    mask = int("".join("0" if bit == ANY else "1" for bit in pattern), 2)
    return InstructionKind(name, mask, int(pattern.replace(ANY, "0"), 2), moved_bytes)


def class_of(word: int) -> str:
    """The class of an instruction word; `other` if no pattern fits."""
    return next((kind.name for kind in kinds() if kind.fits(word)), "other")


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
    """The plugin's lines. Raises ValueError if one is not whole."""
    marks = []
    for line in text.splitlines():
        tag, instructions, blocks, *of_kinds = map(int, line.split())
        if len(of_kinds) != number_of_kinds:
            raise ValueError(f"{len(of_kinds)} counts in a line, not {number_of_kinds}")
        marks.append(Mark(tag, instructions, blocks, tuple(of_kinds)))
    return tuple(marks)


def by_class(mark: Mark, kinds: Sequence[InstructionKind]) -> dict[str, int]:
    """Instructions of each class that was met, and `other` for those of none."""
    counts: dict[str, int] = {}
    for kind, count in zip(kinds, mark.of_kinds, strict=True):
        if count:
            counts[kind.name] = counts.get(kind.name, 0) + count
    other = mark.instructions - sum(mark.of_kinds)
    return {**counts, **({"other": other} if other else {})}


def moved_bytes(mark: Mark, kinds: Sequence[InstructionKind], name: str) -> int:
    """Bytes that the instructions of a class load or store."""
    pairs = zip(kinds, mark.of_kinds, strict=True)
    return sum(kind.moved_bytes * count for kind, count in pairs if kind.name == name)


SEED = 0
RUNTIME = "litert"
ARCHITECTURE = "aarch64"  # whose instructions the table tells apart
_SCRIPT = "counted_inference.py"


def _silent(step: str) -> None:
    pass


@dataclass(frozen=True)
class InstructionCounter:
    """An emulated board with the plugin that counts."""

    board: guest.EmulatedBoard
    plugin: Path

    def count(self, model: bytes) -> Counts:
        """Count one inference of a .tflite on random input of a fixed seed, with one thread.

        The same to the instruction each time. Raises RunFailed if the model does not run.
        """
        # paths that are always as long: even their length would change the count
        with tempfile.TemporaryDirectory(prefix="count-", dir="/tmp") as name:
            folder = Path(name)
            (folder / "model.tflite").write_bytes(model)
            version = self._run(folder)
            return _counts(self.board.profile, version, _mark(folder / "counts"))

    def _run(self, folder: Path) -> str:
        """Leave counts in a folder that holds the model; gives the runtime's version."""
        table, script = folder / "kinds", folder / _SCRIPT
        table.write_text("".join(f"{kind.mask:x} {kind.value:x}\n" for kind in kinds()))
        script.write_bytes(resources.files("edge_devices.emulation").joinpath(_SCRIPT).read_bytes())
        options = f"kinds={_escaped(table)},out={_escaped(folder / 'counts')}"
        target = f"an emulated {self.board.profile.title}"
        try:
            process = self.board.run(
                [str(script), str(folder / "model.tflite"), str(SEED)],
                plugin=f"{_escaped(self.plugin)},{options}",
            )
        except subprocess.TimeoutExpired as error:
            raise RunFailed(f"one inference on {target} took over {error.timeout:.0f} s") from error
        if process.returncode != 0:
            raise RunFailed(
                f"the model does not run on {target}: {children.last_line(process.stderr)}"
            )
        return process.stdout.strip()


def counter(profile: Profile, say: cache.Say = _silent) -> InstructionCounter:
    """Make ready to count for a board; 30 s and 350 MB once, then quick.

    Raises Unavailable if qemu, its plugins, apt or a compiler is missing, or the board is
    none that can be counted for; BuildFailed if building fails.
    """
    if profile.cpu.architecture != ARCHITECTURE:
        raise Unavailable(
            f"{profile.name} is {profile.cpu.architecture}: instructions are told apart "
            f"for {ARCHITECTURE} only, take a board of that"
        )
    plugin = counting_plugin(say)
    return InstructionCounter(guest.emulated_board(profile, say, plugins=True), plugin)


def count(model: bytes, profile: Profile, say: cache.Say = _silent) -> Counts:
    """Instructions of one inference of a model on a board; raises as `counter` and `InstructionCounter`."""
    return counter(profile, say).count(model)


def count_tflite(model: Path | bytes, profile: Profile, say: cache.Say = _silent) -> Counts:
    """As `count`, of any .tflite file or its content."""
    return count(model if isinstance(model, bytes) else model.read_bytes(), profile, say)


def _escaped(path: Path) -> str:
    """qemu takes a comma for the end of a value, two of them for one."""
    return str(path).replace(",", ",,")


def _mark(out: Path) -> Mark:
    try:
        marks = parse_marks(out.read_text(), len(kinds()))
        return next(mark for mark in marks if mark.tag == counted_inference.AFTER)
    except (OSError, ValueError, StopIteration) as error:
        raise RunFailed(f"qemu's counting plugin left no counts ({error})") from error


def _counts(profile: Profile, version: str, mark: Mark) -> Counts:
    return Counts(
        board=profile.name,
        runtime=RUNTIME,
        runtime_version=version,
        instructions=mark.instructions,
        blocks=mark.blocks,
        classes=by_class(mark, kinds()),
        loaded_bytes=moved_bytes(mark, kinds(), "load"),
        stored_bytes=moved_bytes(mark, kinds(), "store"),
    )


_FLAGS = ("-O2", "-fPIC", "-shared")
_SOURCE = "count_instructions.c"


def compiler() -> list[str]:
    """The words that begin a compiler's command line. Raises Unavailable without one."""
    try:
        return cache.find_compiler()
    except cache.NoCompiler as error:
        raise Unavailable(str(error)) from error


def counting_plugin(say: cache.Say) -> Path:
    """The plugin's shared library. Raises Unavailable without a compiler, BuildFailed."""
    source = Path(str(resources.files("edge_devices.emulation").joinpath(_SOURCE)))
    with_compiler = compiler()

    def build(folder: Path) -> None:
        target = folder / "count.so"
        cache.run([*with_compiler, *_FLAGS, "-o", str(target), str(source)], f"compiling {_SOURCE}")

    name = f"count-{cache.key(source.read_text(encoding='utf-8'), *with_compiler)}"
    return cache.kept(name, build, "compiling the counting plugin", say) / "count.so"
