"""Where a network can be cut, what each cut would cost, and which one is taken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer
from edge_common import ModelError, console
from edge_convert.cut.tflite.follow import FramePath
from edge_convert.cut.tflite.moves import FRAME_ITSELF, KINDS, Frames, Value
from edge_convert.cut.tflite.names import StepNames
from edge_convert.cut.tflite.past import Ages, depths

MOST_ROWS = 12  # of a table that shows all
NEVER = 1 << 30  # the head does it, wherever the cut is


@dataclass(frozen=True)
class CutCandidate:
    """A cut behind the step `behind`, the `place`-th in the order of `CutTiming`.

    names: what else that step may be called.
    values: what the head reads of each frame.  features: their names.
    encoder_multiply_adds: a frame.  head_multiply_adds: a decision.
    ring_values: numbers that the ring keeps, T features.
    written_values: numbers that the operators of both parts write for a frame and its decision.
    reads_frames: the head reads the raw frames too.
    state_values: numbers that the encoder keeps of the frames before.  whole_multiply_adds: of the uncut
    network, which may do less of a layer that looks back than T times what a frame takes.
    """

    behind: str
    place: int
    features: tuple[str, ...]
    encoder_multiply_adds: int
    head_multiply_adds: int
    ring_values: int
    names: frozenset[str] = frozenset()
    values: tuple[Value, ...] = ()
    written_values: int = 0
    reads_frames: bool = False
    state_values: int = 0
    whole_multiply_adds: int = 0

    @property
    def multiply_adds(self) -> int:
        """Of a frame that a decision is made on."""
        return self.encoder_multiply_adds + self.head_multiply_adds

    @property
    def kept_values(self) -> int:
        """Numbers that go from frame to frame."""
        return self.ring_values + self.state_values


class CutTiming:
    """From which cut on each value is the encoder's, and from which on nothing in the head reads it.

    Cuts are counted along `order`: the steps of a single frame come last, for the encoder does
    them for every frame of which the head needs one; cuts behind `end` are not worth it. Features
    are real numbers: what is true or counted stays in the head until all that reads it has left.
    """

    def __init__(self, path: FramePath) -> None:
        self._path = path
        steps = path.steps
        self.order = _order(path)
        place = {step: index for index, step in enumerate(self.order)}
        for number in {s.loop[-1]: s.loop for s in steps if s.loop}.values():  # each is done as one
            place |= dict.fromkeys(number, max(place[step] for step in number))
        self._available: dict[Value, int] = {FRAME_ITSELF: -1}
        self._done: dict[int, int] = {}  # by step
        self.done_at: list[list[int]] = [[] for _ in steps]
        self._read_until: dict[Value, int] = {}
        for step in reversed(range(len(steps))):
            for output in range(len(steps[step].shares)):
                value = Value(step, output)
                self._read_until[value] = self._last_reader(value)
                is_real = self._is_real(value)
                self._available[value] = place[step]
                if not is_real:
                    self._available[value] = max(place[step], self._read_until[value])
            outputs = [self._available[Value(step, o)] for o in range(len(steps[step].shares))]
            self._done[step] = max(outputs)
            if self._done[step] < NEVER:
                self.done_at[self._done[step]].append(step)
        self._read_until[FRAME_ITSELF] = self._last_reader(FRAME_ITSELF)

    @cached_property
    def _tensors(self) -> dict[Value, list[int]]:
        tensors: dict[Value, list[int]] = {}
        for tensor, frames in self._path.contents.items():
            tensors.setdefault(frames.value, []).append(tensor)
        return tensors

    def _last_reader(self, value: Value) -> int:
        last, path = -1, self._path
        for tensor in self._tensors.get(value, ()):
            if tensor in path.graph.outputs:
                return NEVER
            for position in path.readers.get(tensor, ()):
                if path.step_at.get(position, NEVER) > value.step:  # else with the next frame
                    last = max(last, self._left_at(position, value))
        return last

    def _left_at(self, position: int, value: Value) -> int:
        """The cut from which on an operator that reads a value is not the head's any more."""
        path = self._path
        if position in path.step_at:
            return self._done[path.step_at[position]]
        outputs = [path.contents.get(int(t)) for t in path.graph.operators[position].outputs]
        moves = all(frames is not None and frames.value == value for frames in outputs)
        return -1 if moves else NEVER

    def _is_real(self, value: Value) -> bool:
        """Whether it holds real numbers, and of frames of the window alone."""
        index = self._path.tensor_of(value)
        within = min(self._path.contents[index].frames) >= 0
        return within and self._path.graph.tensors[index].type == schema.TensorType.FLOAT32

    def is_encoded(self, value: Value, place: int) -> bool:
        """Whether a value is the encoder's, cut there."""
        return self._available[value] <= place

    @property
    def end(self) -> int:
        """Behind the steps of several frames, unless those of one free the head of the raw frames."""
        several = sum(len(step.frames) > 1 for step in self._path.steps)
        reads = [FRAME_ITSELF in values for values in (((FRAME_ITSELF,), *self.boundaries))]
        return len(self.order) if reads[several] and not reads[-1] else several

    @cached_property
    def boundaries(self) -> list[tuple[Value, ...]]:
        """What the head reads of each frame at each cut, in the order of the steps."""
        read: list[list[Value]] = [[] for _ in self.order]
        for value in sorted(self._available, key=lambda value: (value.step, value.output)):
            first, end = max(0, self._available[value]), self._read_until[value]
            for place in range(first, min(end, len(self.order))):
                read[place].append(value)
        return [tuple(values) for values in read]


def _order(path: FramePath) -> list[int]:
    """The steps, those that only move numbers as late as possible, those of one frame last."""
    steps, needed_from = path.steps, [len(path.steps)] * len(path.steps)
    for number in reversed(range(len(steps))):
        if path.kind_at(steps[number].position) not in _MOVES_ONLY:
            needed_from[number] = number
        if len(steps[number].frames) > 1:
            for frames in steps[number].contents:
                if frames and frames.value != FRAME_ITSELF:
                    needed_from[frames.value.step] = min(
                        needed_from[frames.value.step], needed_from[number]
                    )
    return sorted(range(len(steps)), key=lambda s: (len(steps[s].frames) == 1, needed_from[s], s))


def candidates(path: FramePath, timing: CutTiming, names: StepNames) -> list[CutCandidate]:
    """All cuts along the way that single frames go, from the first to the last."""
    operators = path.graph.operators
    work = [flatbuffer.multiply_adds_of(path.root, operator) or 0 for operator in operators]
    writes = [_written(path, position) for position in range(len(operators))]
    head_work, head_written = (_by_step(path, amounts) for amounts in (work, writes))
    encoder = encoder_written = 0
    head, head_writes = sum(work), sum(writes)
    order = timing.order[: timing.end]
    raw_anyway = bool(order) and FRAME_ITSELF in timing.boundaries[len(order) - 1]
    cuts, reads = [], list[tuple[Frames, Ages]]()
    for place, step in enumerate(order):
        reads += path.steps[step].reads
        encoder += path.steps[step].multiply_adds
        encoder_written += _written(path, path.steps[step].position) // path.steps[step].copies
        for finished in timing.done_at[place]:
            head -= head_work[finished]
            head_writes -= head_written[finished]
        values, loop = timing.boundaries[place], path.steps[step].loop
        within_loop = any(other in order[place + 1 :] for other in loop)
        if (FRAME_ITSELF in values and not raw_anyway) or within_loop:
            continue
        cuts.append(
            CutCandidate(
                behind=names.label(step),
                place=place,
                features=tuple(f"f{i}_{names.feature(v)}" for i, v in enumerate(values)),
                encoder_multiply_adds=encoder,
                head_multiply_adds=head,
                ring_values=path.window * sum(math.prod(path.share(v)) for v in values),
                names=names.all(step),
                values=values,
                written_values=encoder_written + head_writes,
                reads_frames=FRAME_ITSELF in values,
                whole_multiply_adds=sum(work),
                state_values=sum(n * math.prod(key[1]) for key, n in depths(reads).items()),
            )
        )
    return cuts


_MOVES_ONLY = frozenset({*KINDS, "PAD", "PADV2", "TILE"})


def _written(path: FramePath, position: int) -> int:
    """How many numbers a step's operator computes; those that it only moves count for nothing."""
    if position not in path.step_at or path.kind_at(position) in _MOVES_ONLY:
        return 0
    return sum(math.prod(path.shape(int(t))) for t in path.graph.operators[position].outputs)


def _by_step(path: FramePath, amounts: Sequence[int]) -> list[int]:
    totals = [0] * len(path.steps)
    for position, step in path.step_at.items():
        totals[step] += amounts[position]
    return totals


def choose(cuts: Sequence[CutCandidate], behind: str | None = None) -> CutCandidate:
    """The cut with the least work a frame, or the last one behind a layer.

    Among equals the one that computes the fewest numbers, then the one with the smallest ring and
    the fewest features, then the last. Raises ModelError if no cut lies behind `behind`.
    """
    if behind is None:
        return min(reversed(cuts), key=_cost)
    for candidate in reversed(cuts):
        if candidate.behind == behind or behind in candidate.names:
            return candidate
    names = ", ".join(dict.fromkeys(candidate.behind for candidate in cuts))
    raise ModelError(f"no cut lies behind a layer '{behind}': choose one of {names}")


def _cost(candidate: CutCandidate) -> tuple[int, ...]:
    return (
        candidate.multiply_adds,
        candidate.written_values,
        candidate.kept_values,
        len(candidate.features),
    )


def one_a_layer(cuts: Sequence[CutCandidate], selected: CutCandidate) -> list[CutCandidate]:
    """Of a layer's own cuts the last, or the selected one."""
    last = {candidate.behind: candidate for candidate in cuts} | {selected.behind: selected}
    return [candidate for candidate in cuts if last[candidate.behind] is candidate]


def table(cuts: Sequence[CutCandidate], selected: CutCandidate, window: int) -> str:
    """The candidates for a person: work on both sides, memory of the ring, what is gained.

    Of many, those are left out that another beats in work and in memory.
    """
    cuts = one_a_layer(cuts, selected)
    listed = cuts if len(cuts) <= MOST_ROWS else _unbeaten(cuts, selected)
    rows = [
        (
            f"{'>' if c is selected else ' '} {c.behind}",
            f"{c.encoder_multiply_adds / 1e6:.2f}",
            f"{c.head_multiply_adds / 1e6:.2f}",
            f"{c.multiply_adds / 1e6:.2f}",
            f"{_gain(c, window):.1f} x",
            f"{c.kept_values * 4 / 1e3:.1f}",
            len(c.features),
        )
        for c in listed
    ]
    header = ("cut behind", "encoder", "head", "a frame", "at most", "ring kB", "features")
    note = (
        "encoder, head, a frame: million multiply-adds; at most: gain over the whole window a frame"
    )
    if len(listed) < len(cuts):
        note += f"; {len(cuts) - len(listed)} cuts that need more work and memory are not shown"
    return console.text_table(header, rows) + f"\n{note}"


def _unbeaten(every: Sequence[CutCandidate], selected: CutCandidate) -> list[CutCandidate]:
    def cost(candidate: CutCandidate) -> tuple[int, int]:
        return candidate.multiply_adds, candidate.kept_values

    def beaten(candidate: CutCandidate) -> bool:
        costs = (cost(other) for other in every)
        return any(
            c != cost(candidate) and c[0] <= cost(candidate)[0] and c[1] <= cost(candidate)[1]
            for c in costs
        )

    return [candidate for candidate in every if candidate is selected or not beaten(candidate)]


def _gain(candidate: CutCandidate, window: int) -> float:
    whole = window * candidate.encoder_multiply_adds + candidate.head_multiply_adds
    if candidate.state_values:
        whole = candidate.whole_multiply_adds
    return whole / candidate.multiply_adds if candidate.multiply_adds else 1.0
