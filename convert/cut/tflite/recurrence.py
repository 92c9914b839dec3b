"""Recurrences whose steps are written out, as LSTM and GRU are: one step a frame, with a state.

The graph has a copy of the step for each frame, which reads that frame and what the copy before
gave. If all copies do the same, one of them is the encoder's, and what it gave with the frame before
is a state of it. The window's first step begins with zeros, and so does a stream behind a restart;
from the T-th frame on the stream remembers more than the window does. So the first step has to be that of
the window's first frame.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph
from edge_convert.cut.tflite.follow import Digest, FramePath, FrameStep
from edge_convert.cut.tflite.moves import FRAME_ITSELF, Frames, Value
from edge_convert.cut.tflite.rules import RESHAPES

_FEWEST_COPIES = 3  # beside the first, which is simplified
Result = tuple[int, int]  # an operator of a step, by its number there, and which of its outputs
Signature = tuple[Any, ...]


def roll_up(path: FramePath, digest: Digest) -> bool:
    """Add the steps of recurrences that are not followed yet; whether there are some.

    digest: equal for equal constants.
    """
    levels, newest = _levels(path), path.window - 1
    numbers = range(min(levels, default=newest), newest + 1)
    if len(numbers) < _FEWEST_COPIES or any(number not in levels for number in numbers):
        return False
    copies = _Copies(path, digest, levels)
    if not copies.are_alike:
        return False
    if copies.first:
        path.late_loop = copies.first
        return False
    _add_steps(path, copies)
    return True


def _levels(path: FramePath) -> dict[int, list[int]]:
    """The operators that are not followed, by the newest frame that each depends on.

    What is made of a state for the next step alone, such as its product with the weights, is of the
    next step: so the state is what begins with zeros.
    """
    latest = {tensor: max(frames.frames) for tensor, frames in path.contents.items()}
    level: dict[int, int] = {}
    for position, operator in enumerate(path.graph.operators):
        outputs = list(map(int, operator.outputs))
        frames = [latest[i] for i in main_graph.inputs_of(operator) if i in latest]
        if frames and not any(output in path.contents for output in outputs):
            level[position] = max(frames)
            latest |= dict.fromkeys(outputs, max(frames))
    for position in reversed(range(len(path.graph.operators))):
        number = level.get(position, _only_frame(path, position))
        if number is not None and _is_for_next(path, position, number, level):
            level[position] = number + 1
    levels: dict[int, list[int]] = {}
    for position in sorted(level):
        levels.setdefault(level[position], []).append(position)
    return levels


def _only_frame(path: FramePath, position: int) -> int | None:
    """The frame for which alone an operator is done; None if there are others."""
    frames = path.contents.get(int(path.graph.operators[position].outputs[0]))
    if frames is None or frames.value == FRAME_ITSELF:
        return None
    numbers = path.steps[frames.value.step].frames
    return next(iter(numbers)) if len(numbers) == 1 else None


def _is_for_next(path: FramePath, position: int, number: int, level: Mapping[int, int]) -> bool:
    operator = path.graph.operators[position]
    read = main_graph.inputs_of(operator)
    data = [index for index in read if main_graph.constant(path.root, index) is None]
    readers = [p for tensor in map(int, operator.outputs) for p in path.readers.get(tensor, ())]
    is_output = any(int(tensor) in path.graph.outputs for tensor in operator.outputs)
    return (
        path.kind_at(position) in _FOR_NEXT
        and len(data) == 1
        and bool(readers)
        and not is_output
        and all(level.get(reader) == number + 1 for reader in readers)
    )


_FOR_NEXT = frozenset({
    "ADD", "CONV_2D", "FULLY_CONNECTED", "SLICE", "SPLIT", "SPLIT_V", "STRIDED_SLICE", "UNPACK", *RESHAPES,
})  # fmt: skip


class _Copies:
    """The copies of a step from the second on: the operators of each, in the same order.

    first: the frame of the first copy, which begins with zeros.  pattern: what each operator of a step
    does.  positions, results: of each copy, by its frame.  initial: what the first copy gives, by what
    it stands for.  are_alike: whether all do the same with their frame and what the copy before gave.
    """

    def __init__(
        self, path: FramePath, digest: Digest, levels: Mapping[int, Sequence[int]]
    ) -> None:
        self.path, self._digest, self.first = path, digest, min(levels) - 1
        self.positions: dict[int, list[int]] = {}
        self.results: dict[int, dict[int, Result]] = {}
        self.initial: dict[Result, int] = {}
        self.pattern: list[Signature] = []
        self.are_alike = self._begin(levels) and all(
            self._match(number, levels[number], self.pattern, self.results[number - 1])
            for number in range(self.first + 2, path.window)
        )

    def _begin(self, levels: Mapping[int, Sequence[int]]) -> bool:
        """Take the third copy as the pattern, and find the second one, which has no known states."""
        second, third = self.first + 1, self.first + 2
        outputs = {int(t): t for p in levels[second] for t in self.path.graph.operators[p].outputs}
        own = self._results_of(levels[third])
        raw = [self._signature(position, third, own, outputs) for position in levels[third]]
        without = [(*s[:2], tuple(None if _is_state(o) else o for o in s[2]), s[3]) for s in raw]
        if not self._match(second, levels[second], without, {}):
            return False
        for number, (position, signature) in enumerate(zip(self.positions[second], raw)):
            operands = list(signature[2])
            tensors = map(int, self.path.graph.operators[position].inputs)
            for i, (operand, tensor) in enumerate(zip(signature[2], tensors)):
                if operand is None or (_is_state(operand) and not self._starts(operand[1], tensor)):
                    return False
                if _is_state(operand):
                    operands[i] = (_STATE, self.results[second][int(operand[1])])
            self.pattern.append((*raw[number][:2], tuple(operands), signature[3]))
        return bool(self.initial)

    def _starts(self, result: int, tensor: int) -> bool:
        """Note that the second copy reads a tensor in place of what one gives for the next."""
        results = self.results[self.first + 1]
        return result in results and self.initial.setdefault(results[result], tensor) == tensor

    def _match(
        self,
        number: int,
        positions: Sequence[int],
        pattern: Sequence[Signature],
        before: Mapping[int, Any],
    ) -> bool:
        """Find the operators of a frame that are a copy of the step, whatever their order is."""
        matched, results, remaining = list[int](), dict[int, Result](), list(positions)
        for signature in pattern:
            fitting = (
                p for p in remaining if self._signature(p, number, results, before) == signature
            )
            position = next(fitting, None)
            if position is None:
                return False
            remaining.remove(position)
            matched.append(position)
            results = self._results_of(matched)
        self.positions[number], self.results[number] = matched, results
        return True

    def _results_of(self, positions: Sequence[int]) -> dict[int, Result]:
        operators = [self.path.graph.operators[position] for position in positions]
        return {int(t): (j, o) for j, op in enumerate(operators) for o, t in enumerate(op.outputs)}

    def _signature(
        self, position: int, number: int, own: Mapping[int, Result], before: Mapping[int, Any]
    ) -> Signature:
        """What an operator does, in terms of its frame, its copy and the copy before."""
        path, operator = self.path, self.path.graph.operators[position]
        options = operator.builtinOptions
        operands = tuple(self._operand(int(i), number, own, before) for i in operator.inputs)
        shapes = tuple(path.shape(int(index)) for index in operator.outputs)
        return path.kind_at(position), repr(options and vars(options)), operands, shapes

    def _operand(
        self, tensor: int, number: int, own: Mapping[int, Result], before: Mapping[int, Any]
    ) -> Signature | None:
        """None of what is neither of this frame nor of the step before."""
        if tensor < 0 or main_graph.constant(self.path.root, tensor) is not None:
            return "constant", tensor < 0 or self._digest(tensor)
        if tensor in own:
            return _NOW, own[tensor]
        if tensor in before:
            return _STATE, before[tensor]
        frames = self.path.contents.get(tensor)
        alone = frames is not None and frames.place is None and frames.frames == (number,)
        return ("frame", frames.value, frames.share) if frames and alone else None


_NOW, _STATE = "now", "state"


def _is_state(operand: Signature | None) -> bool:
    return operand is not None and operand[0] == _STATE


def _add_steps(path: FramePath, copies: _Copies) -> None:
    """Let the path follow all copies as steps of every frame."""
    first, newest = len(path.steps), path.window - 1
    loop = range(first, first + len(copies.pattern))

    def frames_of(result: Result, number: int) -> Frames:
        operator = path.graph.operators[copies.positions[newest][result[0]]]
        value = Value(first + result[0], result[1])
        return Frames(value, (number,), path.shape(int(operator.outputs[result[1]])))

    for j, position in enumerate(copies.positions[newest]):
        operator, contents, ages = path.graph.operators[position], list[Frames | None](), []
        for tensor, operand in zip(map(int, operator.inputs), copies.pattern[j][2]):
            name, value = operand[:2]
            is_result = name in (_NOW, _STATE)
            back = int(name == _STATE)
            contents.append(
                frames_of(value, newest - back) if is_result else path.contents.get(tensor)
            )
            ages.append((back, back))
        shapes = tuple(path.shape(int(output)) for output in operator.outputs)
        step = FrameStep(position, tuple(contents), {}, shapes, tuple(ages), 1)
        step.multiply_adds = flatbuffer.multiply_adds_of(path.root, operator) or 0
        step.frames = set(range(copies.first, path.window))
        step.reach, step.loop = path.window, loop  # and further, which no window holds
        path.steps.append(step)
    for number, positions in copies.positions.items():
        for j, position in enumerate(positions):
            path.step_at[position] = first + j
            for output, tensor in enumerate(path.graph.operators[position].outputs):
                path.contents[int(tensor)] = frames_of((j, output), number)
    _take_first(path, copies, frames_of, loop[-1])


def _take_first(
    path: FramePath, copies: _Copies, frames_of: Callable[[Result, int], Frames], last_step: int
) -> None:
    """Count what the first copy does for the recurrence."""
    makers = {int(t): p for p, o in enumerate(path.graph.operators) for t in o.outputs}
    ahead = list(copies.initial.values())
    while ahead:
        position = makers.get(ahead.pop())
        step = None if position is None else path.step_at.get(position)
        if position is None or step is None or path.steps[step].frames != {copies.first}:
            continue
        path.step_at[position] = last_step
        ahead += main_graph.inputs_of(path.graph.operators[position])
    for result, tensor in copies.initial.items():
        if main_graph.constant(path.root, tensor) is None:
            path.contents[tensor] = frames_of(result, copies.first)
