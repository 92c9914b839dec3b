"""The cut of a float32 .tflite: an encoder of single frames and a head over T features."""

import copy
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph, obstacles, prune
from edge_convert.cut.tflite.candidates import CutCandidate, CutTiming, candidates, choose
from edge_convert.cut.tflite.follow import FramePath, follow, with_biases_apart
from edge_convert.cut.tflite.moves import FRAME_ITSELF, Frames, Value
from edge_convert.cut.tflite.names import LayerNames, StepNames

FRAME = "frame"


@dataclass(frozen=True)
class CutFile:
    """Both parts of a network as float32 .tflite with one signature each, `serving_default`.

    encoder: `frame` (1, H, W, C) -> {feature: (1, ...)}.
    head: {feature: (1, window, ...)} -> the outputs of the source, under its names.
    """

    encoder: bytes
    head: bytes
    features: tuple[str, ...]
    window: int


class CuttableFile:
    """A float32 .tflite over a window (1, T, H, W, C), and where it can be cut.

    layers: what Keras calls the parts of its graph, if they come from there. Raises ModelError that
    says what stands in the way if it cannot be cut at all.
    """

    def __init__(self, model: bytes, layers: LayerNames | None = None) -> None:
        self._model = with_biases_apart(model)
        self.path = follow(self._model)
        obstacles.refuse_answers_for_frames(self.path)
        self._timing, self._names = CutTiming(self.path), StepNames(self.path, layers)
        self.candidates = candidates(self.path, self._timing, self._names)
        obstacles.refuse_idle(self.path, self.candidates)

    def choose(self, behind: str | None = None) -> CutCandidate:
        """The cut with the least work a frame, or the one behind a layer. Raises ModelError."""
        return choose(self.candidates, behind)

    def notes(self, candidate: CutCandidate) -> list[str]:
        """What a person should know of a cut."""
        return obstacles.notes(self.path, candidate, self._names)

    def split(self, candidate: CutCandidate) -> CutFile:
        """Both parts."""
        features = dict(zip(candidate.features, candidate.values, strict=True))
        encoder = _Encoder(flatbuffer.read(self._model), self.path, features).build()
        encoded = {
            t
            for t, f in self.path.contents.items()
            if self._timing.is_encoded(f.value, candidate.place)
        }
        head = _Head(flatbuffer.read(self._model), self.path, features, encoded).build()
        return CutFile(encoder, head, candidate.features, self.path.window)


def split(model: bytes, behind: str | None = None) -> CutFile:
    """Cut a float32 .tflite (1, T, H, W, C) where it takes the least work, or behind a layer.

    Raises ModelError that names the operator in the way if single frames pass nothing that is
    worth it, and if the input has another form.
    """
    file = CuttableFile(model)
    return file.split(file.choose(behind))


def feature_shape(path: FramePath, value: Value) -> main_graph.Shape:
    """One frame's share, (1, ...), without other axes of 1 before it."""
    share = path.share(value)
    first = next((i for i, size in enumerate(share) if size > 1), len(share) - 1)
    return (1, *share[first:])


class _Encoder:
    """`frame` (1, H, W, C) -> {feature: (1, ...)}: the steps that the features need."""

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
        for step in self._needed():
            self._add(step)
        outputs = {name: self._output(name, value) for name, value in self._features.items()}
        self._graph.operators = self._operators
        main_graph.sign(root, {FRAME: frame}, outputs)
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

    def _add(self, number: int) -> None:
        step, graph = self._path.steps[number], self._graph
        operator = copy.copy(self._source[step.position])
        inputs = list(map(int, operator.inputs))
        for i, frames in enumerate(step.contents):
            if frames is not None:
                inputs[i] = self._tensor(frames.value, frames.share)
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


class _Head:
    """{feature: (1, T, ...)} -> the source's outputs: all operators that are not the encoder's."""

    def __init__(
        self, root: Any, path: FramePath, features: Mapping[str, Value], encoded: Set[int]
    ) -> None:
        self._root, self._path, self._encoded = root, path, encoded
        self._graph = root.subgraphs[0]
        self._features = features
        self._operators: list[Any] = []

    def build(self) -> bytes:
        root, path, graph = self._root, self._path, self._graph
        remaining = [o for o in graph.operators if not self._encoded >= set(map(int, o.outputs))]
        read = {index for o in remaining for index in main_graph.inputs_of(o)}
        boundary = sorted({*read, *map(int, graph.outputs)} & self._encoded)
        inputs = {}
        for name, value in self._features.items():
            shape = (1, path.window, *feature_shape(path, value)[1:])
            inputs[name] = main_graph.add_tensor(root, name, shape)
            self._lay_out(inputs[name], [t for t in boundary if path.contents[t].value == value])
        graph.operators = [*self._operators, *remaining]
        main_graph.sign(root, inputs, main_graph.outputs_of(root))
        prune.tidy(root)
        return flatbuffer.write(root)

    def _lay_out(self, feature: int, targets: Sequence[int]) -> None:
        """Make the tensors of the graph that hold some of T features."""
        alone = {
            t: self._path.contents[t].frames[0]
            for t in targets
            if self._path.contents[t].place is None
        }
        unpacked = self._unpacked(feature) if len(set(alone.values())) > 1 else []
        for target in targets:
            frames = self._path.contents[target]
            if target in alone and unpacked:
                self._reshape(unpacked[alone[target]], target)
            else:
                self._order(self._selected(feature, frames), target, frames)

    def _unpacked(self, feature: int) -> list[int]:
        _, window, *shape = flatbuffer.shape_of(self._graph.tensors[feature])
        outputs = [main_graph.add_tensor(self._root, "alone", (1, *shape)) for _ in range(window)]
        self._operators.append(main_graph.unpack(self._root, feature, outputs, axis=1))
        return outputs

    def _selected(self, feature: int, frames: Frames) -> int:
        numbers, (_, window, *shape) = (
            frames.frames,
            flatbuffer.shape_of(self._graph.tensors[feature]),
        )
        if numbers == tuple(range(window)):
            return feature
        target = main_graph.add_tensor(self._root, "selected", (1, len(numbers), *shape))
        first = numbers[0]
        if numbers == tuple(range(first, first + len(numbers))):
            begin = (0, first, *(0 for _ in shape))
            operator = main_graph.cut_out(self._root, feature, begin, target)
        else:
            operator = main_graph.gather(self._root, feature, np.array(numbers, np.int32), target)
        self._operators.append(operator)
        return target

    def _order(self, features: int, target: int, frames: Frames) -> None:
        """Lay whole features, (1, n, ...), out as the tensor that they are the shares of."""
        shape, count = self._path.shape(target), len(frames.frames)
        stride = frames.place.stride(shape) if frames.place else math.prod(shape)
        outer = math.prod(shape) // (count * stride)
        if outer == 1:
            self._reshape(features, target)
            return
        apart = main_graph.add_tensor(self._root, "apart", (count, outer, stride))
        ordered = main_graph.add_tensor(self._root, "ordered", (outer, count, stride))
        self._reshape(features, apart)
        self._operators.append(main_graph.transpose(self._root, apart, ordered, (1, 0, 2)))
        self._reshape(ordered, target)

    def _reshape(self, source: int, target: int) -> None:
        self._operators.append(main_graph.reshape(self._root, source, target))
