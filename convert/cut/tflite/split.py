"""The cut of a float32 .tflite: an encoder of single frames and a head over T features."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.bundle import CarriedState
from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cut.tflite import main_graph, obstacles, prune
from edge_convert.cut.tflite.candidates import CutCandidate, CutTiming, candidates, choose
from edge_convert.cut.tflite.encoder import EncoderGraph, feature_shape
from edge_convert.cut.tflite.follow import FramePath, follow
from edge_convert.cut.tflite.form import with_biases_apart
from edge_convert.cut.tflite.moves import Frames, Value
from edge_convert.cut.tflite.names import LayerNames, StepNames
from edge_convert.cut.tflite.past import Past
from edge_convert.cut.tflite.recurrence import roll_up

_WORTH = 0.9  # of the work a frame: states are worth it if no more is left


@dataclass(frozen=True)
class CutFile:
    """Both parts of a network as float32 .tflite with one signature each, `serving_default`.

    encoder: `frame` (1, H, W, C) -> {feature: (1, ...)}.
    head: {feature: (1, window, ...)}, and the source's inputs beside frames -> the outputs of the source,
    under its names.
    states: inputs of the encoder beside the frame, and outputs that they take with the next one; then
    the head may read fewer than all frames of a feature.
    """

    encoder: bytes
    head: bytes
    features: tuple[str, ...]
    window: int
    states: tuple[CarriedState, ...] = ()


class CuttableFile:
    """A float32 .tflite over a window (1, T, H, W, C), and where it can be cut.

    layers: what Keras calls the parts of its graph, if they come from there.  memory: what the encoder
    may keep of the frames before. Raises ModelError that says what stands in the way if it cannot be
    cut at all.
    """

    def __init__(
        self, model: bytes, layers: LayerNames | None = None, memory: Past = Past.NOTHING
    ) -> None:
        self._model, self.memory = with_biases_apart(model), memory
        extend = {"extend": roll_up} if memory is Past.CARRIED else {}
        self.path = follow(self._model, memory, **extend)
        obstacles.refuse_answers_for_frames(self.path)
        self._timing, self._names = CutTiming(self.path), StepNames(self.path, layers)
        self.candidates = candidates(self.path, self._timing, self._names)
        obstacles.refuse_idle(self.path, self.candidates)
        if memory is Past.EXACT:
            self.candidates = [cut for cut in self.candidates if self._is_exact(cut)]
            obstacles.refuse_idle(self.path, self.candidates)
        self.more_notes: list[str] = []

    def choose(self, behind: str | None = None) -> CutCandidate:
        """The cut with the least work a frame, or the one behind a layer. Raises ModelError."""
        return choose(self.candidates, behind)

    def knows(self, behind: str) -> bool:
        """Whether a cut lies behind a layer."""
        return any(behind in (cut.behind, *cut.names) for cut in self.candidates)

    def notes(self, candidate: CutCandidate) -> list[str]:
        """What a person should know of a cut."""
        return [*obstacles.notes(self.path, candidate, self._names), *self.more_notes]

    @property
    def work(self) -> int:
        """Multiply-adds of a frame at the best cut."""
        return self.choose().multiply_adds

    def notes_of_states(self, candidate: CutCandidate) -> list[str]:
        """What the encoder keeps of the frames before, and whether that is exact."""
        return obstacles.notes_of_states(self.path, candidate, self.memory)

    def split(self, candidate: CutCandidate) -> CutFile:
        """Both parts."""
        features = dict(zip(candidate.features, candidate.values, strict=True))
        encoder = EncoderGraph(flatbuffer.read(self._model), self.path, features)
        model = encoder.build()
        encoded = self._encoded(candidate)
        read = self._read(encoded)
        head = _Head(flatbuffer.read(self._model), self.path, features, encoded, read).build()
        return CutFile(model, head, candidate.features, self.path.window, tuple(encoder.states))

    def _encoded(self, candidate: CutCandidate) -> set[int]:
        """The tensors that hold results of the encoder."""
        return {
            t
            for t, f in self.path.contents.items()
            if self._timing.is_encoded(f.value, candidate.place) and min(f.frames) >= 0
        }

    def _is_exact(self, candidate: CutCandidate) -> bool:
        """Whether the head reads no result that depends on zeros before the window's first frame."""
        read = (self.path.contents[tensor] for tensor in self._read(self._encoded(candidate)))
        return all(min(frames.frames) >= self.path.reach(frames.value) for frames in read)

    def _read(self, encoded: Set[int]) -> set[int]:
        """Those of the encoder's tensors that the head's outputs need."""
        graph = self.path.graph
        needed = set(map(int, graph.outputs))
        for operator in reversed(graph.operators):
            outputs = set(map(int, operator.outputs)) - encoded
            if outputs & needed:
                needed.update(main_graph.inputs_of(operator))
        return needed & encoded


def cuttable_file(
    model: bytes, layers: LayerNames | None = None, behind: str | None = None, carry: bool = False
) -> CuttableFile:
    """The same network with what its encoder may keep of the frames before.

    It keeps nothing unless that saves a tenth of the work, or `behind` is a place that is only there
    then.  carry: also keep what makes its answers others than the window's. Raises ModelError if it
    cannot be cut, or nothing could be carried.
    """
    files, errors = list[CuttableFile](), list[ModelError]()
    model = with_biases_apart(model)
    for memory in Past:
        try:
            files.append(CuttableFile(model, layers, memory))
        except ModelError as error:
            errors.append(error)
    usable = [file for file in files if carry or file.memory is not Past.CARRIED]
    if not usable:
        raise errors[0]
    chosen = usable[0]
    for file in usable[1:]:
        unknown = behind is not None and not chosen.knows(behind)
        least = 1.0 if carry else _WORTH
        if (file.work <= least * chosen.work and file.work < chosen.work) or unknown:
            chosen = file
    carried = files[-1]
    if not carry and carried.memory is Past.CARRIED and carried.work <= _WORTH * chosen.work:
        share = carried.work / max(chosen.work, 1)
        chosen.more_notes = [obstacles.note_of_zeros(carried.path, carried.choose(), share)]
    late = max(file.path.late_loop for file in files)
    if carry and late:
        raise ModelError(
            f"--carry-state needs recurrences that begin with the window's first frame, and one here begins "
            f"with frame {late + 1}: build the layers before it with padding='causal', or leave it out"
        )
    if carry and chosen.memory is Past.NOTHING:
        raise ModelError(
            "--carry-state would save nothing here: no layer pads with zeros before the first frame, and "
            "no state goes from frame to frame; leave it out"
        )
    return chosen


def split(model: bytes, behind: str | None = None) -> CutFile:
    """Cut a float32 .tflite (1, T, H, W, C) where it takes the least work, or behind a layer.

    Raises ModelError that names the operator in the way if single frames pass nothing that is
    worth it, and if the input has another form.
    """
    file = CuttableFile(model)
    return file.split(file.choose(behind))


class _Head:
    """{feature: (1, T, ...)} -> the source's outputs: all operators that are not the encoder's."""

    def __init__(
        self,
        root: Any,
        path: FramePath,
        features: Mapping[str, Value],
        encoded: Set[int],
        read: Set[int],
    ) -> None:
        self._root, self._path, self._encoded, self._read = root, path, encoded, read
        self._graph = root.subgraphs[0]
        self._features, self._first = features, 0
        self._operators: list[Any] = []

    def build(self) -> bytes:
        root, path, graph = self._root, self._path, self._graph
        _, *side_values = main_graph.inputs_by_name(root).items()
        remaining = [o for o in graph.operators if not self._encoded >= set(map(int, o.outputs))]
        inputs = {}
        for name, value in self._features.items():
            targets = [t for t in sorted(self._read) if path.contents[t].value == value]
            self._first = self._first_read(value, targets)
            shape = (1, path.window - self._first, *feature_shape(path, value)[1:])
            inputs[name] = main_graph.add_tensor(root, name, shape)
            self._lay_out(inputs[name], targets)
        graph.operators = [*self._operators, *remaining]
        main_graph.sign(root, {**inputs, **dict(side_values)}, main_graph.outputs_of(root))
        prune.tidy(root)
        return flatbuffer.write(root)

    def _first_read(self, value: Value, targets: Sequence[int]) -> int:
        """The first frame of the window that a value is read of; all are, if one frame makes it."""
        if not self._path.reach(value):
            return 0
        return min((n for t in targets for n in self._path.contents[t].frames), default=0)

    def _lay_out(self, feature: int, targets: Sequence[int]) -> None:
        """Make the tensors of the graph that hold some of T features, from `_first` on."""
        alone = {
            t: self._path.contents[t].frames[0] - self._first
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
        numbers = tuple(number - self._first for number in frames.frames)
        _, window, *shape = flatbuffer.shape_of(self._graph.tensors[feature])
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
