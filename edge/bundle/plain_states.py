"""Which outputs of a third-party .tflite are its memory, and which inputs take them again."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.bundle import TensorSpec
from edge.bundle.manifest_check import DTYPES
from edge.tflite import tables
from edge_common import BundleError

NONE = "none"
ONLY = "only one picture or window (1, [T,] H, W, 1 or 3) can be run"
STAYS_0 = -1  # in place of an output
_MOST_LISTED = 12
_WRAPPING = re.compile(r"^(serving_default_|call_)+|:\d+$")  # what converters put around names
_DIRECTIONS = frozenset(
    {"i", "in", "input", "prev", "previous", "past", "old", "init", "initial"}
    | {"o", "out", "output", "next", "new", "present", "updated"}
)


@dataclass(frozen=True)
class Ends:
    """The inputs of a graph, or its outputs.

    signature: what each is called there; empty if there is none.
    """

    tensors: Sequence[TensorSpec]
    signature: Sequence[str] = ()

    @property
    def names(self) -> tuple[list[str], list[str]]:
        """What each is called in the signature and in the graph, without what converters add."""
        graph = [tensor.name for tensor in self.tensors]
        plain = [[_WRAPPING.sub("", name) for name in names] for names in (self.signature, graph)]
        return plain[0], plain[1]

    def position(self, text: str) -> int:
        """Of what has that number or name. Raises ValueError unless exactly one has."""
        if text.isascii() and text.isdigit() and int(text) < len(self.tensors):
            return int(text)
        for names in (list(self.signature), [t.name for t in self.tensors], *self.names):
            if names.count(text) == 1:
                return names.index(text)
        raise ValueError(text)

    @property
    def overview(self) -> str:
        count = len(self.tensors)
        return self.listed(range(count)) if count <= _MOST_LISTED else f"0 to {count - 1}"

    def listed(self, positions: Sequence[int]) -> str:
        """Such as `2 'state_a' [1, 8] float32`."""
        signature, graph = self.names
        names = [a or b for a, b in zip(signature, graph)] or graph
        forms = [f"{list(t.shape)} {t.dtype}" for t in self.tensors]
        return ", ".join(f"{i} '{names[i]}' {forms[i]}" for i in positions)


@dataclass(frozen=True)
class Memory:
    """frame: the position of the input that takes frames.

    states: for each other input the output that it takes from the frame before, or STAYS_0.
    answers: outputs that are no states; all, if each is one.
    """

    frame: int
    states: Mapping[int, int] = field(default_factory=dict)
    answers: Sequence[int] = ()
    words: Sequence[str] = ()


def read(path: Path, inputs: Ends, outputs: Ends, graph: tables.Graph | None, text: str) -> Memory:
    """Pair inputs that take no frames with outputs of the same form.

    By `text` (`IN=OUT,IN=OUT` in names or numbers, or `none`), else by name, else by form, if
    that leaves only one way, or by what is computed from what. Raises BundleError if not all
    inputs find an output, or more than one.
    """
    every = range(len(outputs.tensors))
    if len(inputs.tensors) < 2:
        if text not in ("", NONE):
            raise BundleError(f"{path} has one input, and so no states: leave out --states")
        return Memory(0, answers=every)
    if others := {tensor.dtype for tensor in inputs.tensors} - {*DTYPES}:
        raise BundleError(f"{path} has inputs of type {', '.join(sorted(others))}: {ONLY}")
    pairing = _Pairing(inputs, outputs, graph)
    try:
        if text != NONE:
            pairing.take(text)
    except ValueError as error:
        raise BundleError(
            f"--states does not fit {path} ({error}): give IN=OUT,IN=OUT in names or numbers of "
            f"inputs {inputs.overview} and outputs {outputs.overview}; IN=none stays 0"
        ) from error
    pairing.choose_frame()
    if text != NONE:
        pairing.by_name()
        pairing.choose_frame()
        pairing.by_form()
        pairing.choose_frame()
    elif pairing.frame is not None:
        pairing.pair(dict.fromkeys(pairing.free_inputs, STAYS_0), "0 as asked for")
    if pairing.frame is None or pairing.free_inputs:
        raise BundleError(f"{path} {pairing.problem}")
    answers = pairing.free_outputs or every
    return Memory(pairing.frame, pairing.states, answers, [pairing.words])


class _Pairing:
    """Inputs and outputs that find each other.

    graph: what is computed from what; None if that cannot be read.
    """

    def __init__(self, inputs: Ends, outputs: Ends, graph: tables.Graph | None) -> None:
        self.inputs, self.outputs = inputs, outputs
        self._sources = graph.sources() if graph else ()
        self._unchanged = graph.handed_on() if graph else set()
        self.states: dict[int, int] = {}
        self.frame: int | None = None
        self._ways: dict[str, int] = {}

    @property
    def free_inputs(self) -> list[int]:
        taken_up = {*self.states, self.frame}
        return [i for i in range(len(self.inputs.tensors)) if i not in taken_up]

    @property
    def free_outputs(self) -> list[int]:
        carried = set(self.states.values())
        return [i for i in range(len(self.outputs.tensors)) if i not in carried]

    @property
    def words(self) -> str:
        ways = ", ".join(f"{count} {way}" for way, count in self._ways.items())
        return f"states that go from frame to frame: {ways}"

    @property
    def problem(self) -> str:
        """What to say if not all inputs found something."""
        read, written = self.free_inputs, self.free_outputs
        if not any(self._fit(i, o) for i in read for o in written) or not any(
            map(_is_frame, self.inputs.tensors)
        ):
            form = ", ".join(str(list(tensor.shape)) for tensor in self.inputs.tensors)
            return f"takes {form}; {ONLY}"
        return (
            "has several inputs, and it cannot be told which outputs they take from the frame "
            f"before: inputs {self.inputs.listed(read)}; outputs {self.outputs.listed(written)}: "
            "say --states IN=OUT,IN=OUT in these names or numbers (IN=none: it stays 0)"
        )

    def pair(self, pairs: Mapping[int, int], way: str) -> None:
        self.states |= pairs
        if pairs:
            self._ways[way] = self._ways.get(way, 0) + len(pairs)

    def take(self, text: str) -> None:
        """Pair as a user says. Raises ValueError that says what is wrong."""
        stated: dict[int, int] = {}
        for item in filter(None, text.split(",")):
            name, equals, other = (part.strip() for part in item.partition("="))
            if not equals:
                raise ValueError(f"'{item}' is no pair")
            try:
                source = self.inputs.position(name)
                target = STAYS_0 if other == NONE else self.outputs.position(other)
            except ValueError as error:
                raise ValueError(f"there is no '{error}', or more than one") from None
            if source in stated or (target != STAYS_0 and target in stated.values()):
                raise ValueError(f"one of '{item}' is in two pairs")
            if target != STAYS_0 and not self._are_alike(source, target):
                raise ValueError(f"'{item}' differ in shape or type")
            stated[source] = target
        self.pair(stated, "as asked for")

    def choose_frame(self) -> None:
        """The one input that can take a frame, if there are no two."""
        frames = [i for i in self.free_inputs if _is_frame(self.inputs.tensors[i])]
        if self.frame is None and len(frames) == 1:
            (self.frame,) = frames

    def by_name(self) -> None:
        """Equal names first, then those that differ in a direction: `r1i` and `r1o`."""
        for simplify in (str, _without_direction):
            for inputs, outputs in zip(self.inputs.names, self.outputs.names):
                self.pair(self._same_names(inputs, outputs, simplify), "by name")

    def _same_names(
        self, inputs: Sequence[str], outputs: Sequence[str], simplify: Callable[[str], str]
    ) -> dict[int, int]:
        read, written = list(map(simplify, inputs)), list(map(simplify, outputs))
        return {
            i: written.index(name)
            for i, name in enumerate(read)
            if name
            and i in self.free_inputs
            and read.count(name) == written.count(name) == 1
            and written.index(name) in self.free_outputs
            and self._fit(i, written.index(name))
        }

    def by_form(self) -> None:
        """Of several with one form, the output has to be computed from the input.

        An output has to be left: a network that answers nothing but states says so by names.
        """
        pairs: dict[int, int] = {}
        for form in {self.inputs.tensors[i].form for i in self.free_inputs}:
            read = [i for i in self.free_inputs if self.inputs.tensors[i].form == form]
            written = {i: {o for o in self.free_outputs if self._fit(i, o)} for i in read}
            if len(read) > 1 or len(written[read[0]]) > 1:
                written = {i: {o for o in written[i] if self._computed(o, i)} for i in read}
            pairs |= only_way(written)
        if len(pairs) < len(self.free_outputs):
            self.pair(pairs, "by form (--states says otherwise)")

    def _are_alike(self, source: int, target: int) -> bool:
        return self.inputs.tensors[source].form == self.outputs.tensors[target].form

    def _fit(self, source: int, target: int) -> bool:
        """Whether the input can take that output, which is not the input itself."""
        return self._are_alike(source, target) and (source, target) not in self._unchanged

    def _computed(self, target: int, source: int) -> bool:
        """Whether the output is computed from that input, as far as anybody knows."""
        return not self._sources or source in self._sources[target]


def only_way(candidates: Mapping[int, set[int]]) -> dict[int, int]:
    """One of the candidates for each key, no two the same; empty if there are no or many ways.

    If there is one way only, some key has a single candidate: otherwise the candidates that are
    not taken would lead around in a circle.
    """
    open_keys, pairs = {key: set(values) for key, values in candidates.items()}, {}
    while open_keys:
        key = next((key for key, values in open_keys.items() if len(values) == 1), None)
        if key is None:
            return {}
        (pairs[key],) = open_keys.pop(key)
        for values in open_keys.values():
            values.discard(pairs[key])
    return pairs


def _is_frame(tensor: TensorSpec) -> bool:
    """Whether it has the form of one picture, and more than one pixel."""
    *before, height, width, channels = (1, 1, *tensor.shape)[-5:]
    return (
        len(tensor.shape) in (4, 5)
        and before == [1, 1]
        and min(height, width) > 1
        and (channels in (1, 3))
    )


def _without_direction(name: str) -> str:
    """Without words such as `in` and `out`; "" if nothing with a letter is left."""
    spaced = re.sub(r"(?<=\d)(?=[io]$)", "_", name.lower())
    words = [w for w in re.split(r"[^a-z0-9]+", spaced) if w and w not in _DIRECTIONS]
    return "_".join(words) if re.search("[a-z]", "".join(words)) else ""
