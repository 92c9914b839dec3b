"""The encoder of a cut: the steps that a frame passes, and what they keep of the frames before.

That is in inputs that take, with each frame, what outputs gave with the one before.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from edge.bundle import CarriedState
from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph, prune
from edge_convert.cut.tflite.follow import FramePath
from edge_convert.cut.tflite.moves import FRAME_ITSELF, Frames, Value
from edge_convert.cut.tflite.past import NOW, Ages, Key, depths, key_of

FRAME = "frame"


class EncoderStates:
    """The last results of some steps, as tensors (..., rows of the frames, ...), oldest first.

    reads: all that is read of frames before.  operators: of the encoder, which grow.
    newest: the tensor with the newest frame's share of a value.
    inputs, outputs: the tensors by name.
    """

    def __init__(
        self,
        root: Any,
        reads: Iterable[tuple[Frames, Ages]],
        operators: list[Any],
        newest: Callable[[Value, main_graph.Shape], int],
    ) -> None:
        self._root, self._operators, self._newest = root, operators, newest
        self._depths = depths(reads)
        self._lines: dict[Key, int] = {}
        self.inputs: dict[str, int] = {}
        self.outputs: dict[str, int] = {}
        self._states = {key: self._input(key, depth) for key, depth in self._depths.items()}

    @property
    def pairs(self) -> tuple[CarriedState, ...]:
        """Which input takes which output."""
        return tuple(map(CarriedState, self.inputs, self.outputs))

    def rows(self, frames: Frames, ages: Ages) -> int:
        """The tensor that holds these frames of a value, one behind the other."""
        (oldest, latest), key = ages, key_of(frames)
        depth = self._depths[key]
        source = self._states[key] if latest else self._line(key)
        return self._cut(source, key, depth - oldest, oldest - latest + 1)

    def finish(self) -> None:
        """Make the outputs: what the inputs are to be with the next frame."""
        for name, (key, depth) in zip(list(self.inputs), self._depths.items()):
            next_name = f"{name}_next"
            if depth > 1:
                self.outputs[next_name] = self._cut(self._line(key), key, 1, depth, next_name)
            else:
                self.outputs[next_name] = main_graph.add_tensor(self._root, next_name, key[1])
                newest = self._newest(key[0], key[1])
                self._operators.append(
                    main_graph.reshape(self._root, newest, self.outputs[next_name])
                )

    def _input(self, key: Key, depth: int) -> int:
        name = f"state{len(self.inputs)}"
        self.inputs[name] = main_graph.add_tensor(self._root, name, _shape(key, depth))
        return self.inputs[name]

    def _line(self, key: Key) -> int:
        """The frames before and the newest one."""
        if key not in self._lines:
            name = line_of(next(n for n, t in self.inputs.items() if t == self._states[key]))
            line = main_graph.add_tensor(self._root, name, _shape(key, self._depths[key] + 1))
            sources = [self._states[key], self._newest(key[0], key[1])]
            self._operators.append(main_graph.join(self._root, sources, line, key[2]))
            self._lines[key] = line
        return self._lines[key]

    def _cut(self, source: int, key: Key, first: int, count: int, name: str = "before") -> int:
        """Some frames of a tensor that holds several."""
        shape = _shape(key, count)
        if flatbuffer.shape_of(self._root.subgraphs[0].tensors[source]) == shape:
            return source
        target = main_graph.add_tensor(self._root, name, shape)
        begin = tuple(first * key[3] if axis == key[2] else 0 for axis in range(len(shape)))
        self._operators.append(main_graph.cut_out(self._root, source, begin, target))
        return target


def line_of(state: str) -> str:
    """What a state is called together with the newest frame."""
    return f"{state}_line"


def _shape(key: Key, count: int) -> main_graph.Shape:
    _, share, axis, _ = key
    return (*share[:axis], share[axis] * count, *share[axis + 1 :])


def feature_shape(path: FramePath, value: Value) -> main_graph.Shape:
    """One frame's share, (1, ...), without other axes of 1 before it."""
    share = path.share(value)
    first = next((i for i, size in enumerate(share) if size > 1), len(share) - 1)
    return (1, *share[first:])


class EncoderGraph:
    """`frame` (1, H, W, C) -> {feature: (1, ...)}: the steps that the features need.

    states: which of its inputs take what its outputs gave with the frame before.
    """

    states: Sequence[CarriedState] = ()

    def __init__(self, root: Any, path: FramePath, features: Mapping[str, Value]) -> None:
        self._root, self._path, self._features = root, path, features
        self._graph = root.subgraphs[0]
        self._source = list(self._graph.operators)
        self._operators: list[Any] = []
        self._tensors: dict[tuple[Value, main_graph.Shape], int] = {}

    def build(self) -> bytes:
        root, path = self._root, self._path
        frame = main_graph.add_tensor(root, FRAME, (1, *path.shape(path.source)[2:]))
        self._tensors[FRAME_ITSELF, path.share(FRAME_ITSELF)] = self._reshaped(
            frame, path.share(FRAME_ITSELF), "window_of_one"
        )
        required = self._needed()
        reads = [read for step in required for read in path.steps[step].reads]
        past = EncoderStates(root, reads, self._operators, self._tensor)
        for step in required:
            self._add(step, past)
        outputs = {name: self._output(name, value) for name, value in self._features.items()}
        past.finish()
        self.states = past.pairs
        self._graph.operators = self._operators
        main_graph.sign(root, {FRAME: frame, **past.inputs}, {**outputs, **past.outputs})
        prune.tidy(root)
        return flatbuffer.write(root)

    def _needed(self) -> list[int]:
        ahead, required = [value.step for value in self._features.values()], set[int]()
        while ahead:
            step = ahead.pop()
            if step != FRAME_ITSELF.step and step not in required:
                required.add(step)
                ahead += [frames.value.step for frames in self._path.steps[step].contents if frames]
        return sorted(required)

    def _add(self, number: int, past: EncoderStates) -> None:
        step, graph = self._path.steps[number], self._graph
        operator = copy.copy(self._source[step.position])
        inputs = list(map(int, operator.inputs))
        for i, (frames, ages) in enumerate(zip(step.contents, step.ages, strict=True)):
            if frames is not None and ages == NOW:
                inputs[i] = self._tensor(frames.value, frames.share)
            elif frames is not None:
                inputs[i] = past.rows(frames, ages)
            elif i in step.constants:
                name = f"{main_graph.name_of(graph.tensors[inputs[i]])}_of_one_frame"
                inputs[i] = main_graph.add_constant(self._root, name, step.constants[i])
        outputs = []
        for output, (old, share) in enumerate(zip(map(int, operator.outputs), step.shares)):
            tensor = graph.tensors[old]
            outputs.append(main_graph.add_tensor(self._root, "", share, tensor.type))
            graph.tensors[outputs[-1]].name = tensor.name
            self._tensors[Value(number, output), share] = outputs[-1]
        operator.inputs, operator.outputs = inputs, outputs
        self._operators.append(operator)

    def _tensor(self, value: Value, share: main_graph.Shape) -> int:
        """A value in the shape that somebody reads."""
        if (value, share) not in self._tensors:
            source = self._tensors[value, self._path.share(value)]
            name = main_graph.name_of(self._graph.tensors[source])
            self._tensors[value, share] = self._reshaped(source, share, f"{name}_reshaped")
        return self._tensors[value, share]

    def _reshaped(self, tensor: int, shape: main_graph.Shape, name: str) -> int:
        kind = self._graph.tensors[tensor].type
        target = main_graph.add_tensor(self._root, name, shape, kind)
        self._operators.append(main_graph.reshape(self._root, tensor, target))
        return target

    def _output(self, name: str, value: Value) -> int:
        shape = feature_shape(self._path, value)
        tensor = self._tensors[value, self._path.share(value)]
        if value != FRAME_ITSELF and self._path.share(value) == shape:
            return tensor
        return self._reshaped(tensor, shape, name)
