"""What single frames reach alone: the network's graph is replayed with one frame.

Each tensor that holds nothing but frames, each passed alone, gets a *twin*: one
frame's share of it. What two frames pass in the same way is computed once.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
from keras import layers, tree

from edge_convert.cut.keras.cost import multiply_adds
from edge_convert.cut.keras.framewise import MISFITS, Layout, Twin, keeps_frames_apart
from edge_convert.cut.keras.graph import Call, Graph, Value
from edge_convert.cut.keras.model import window_shape
from edge_convert.cut.keras.movement import moved
from edge_convert.cut.keras.one_frame import Way, ways
from edge_convert.cut.keras.rebuild import Assembly


@dataclass(frozen=True)
class Step:
    """A call that frames pass alone: its multiply-adds a frame, and for how many it is called.

    way: what stands for it; None where it only moves frames.
    again: the same was computed before, of another frame's place in the window.
    """

    call: Call
    way: Way | None = None
    multiply_adds: int = 0
    frames: int = 0
    again: bool = False


@dataclass(frozen=True)
class _Made:
    twins: list[Twin]
    way: Way


@dataclass
class Followed:
    """The graph as far as single frames reach alone."""

    source: Value
    frame: Any  # the encoder's input
    twins: dict[Value, Twin]
    layouts: dict[Value, Layout]
    steps: list[Step] = field(default_factory=list)

    def up_to(self, length: int) -> "Followed":
        """The same as if only the first `length` calls had been followed."""
        steps = self.steps[:length]
        reached = {self.source, *(value for step in steps for value in step.call.outputs)}
        twins = {value: twin for value, twin in self.twins.items() if value in reached}
        return Followed(self.source, self.frame, twins, self.layouts, steps)


def follow(
    model: keras.Model,
    graph: Graph,
    keep: Iterable[Step] | None = None,
) -> Followed:
    """Follow single frames from the input as far as they stay alone.

    keep: take these steps only, which were found before.
    """
    kept = None if keep is None else {step.call: step for step in keep}
    follower = _Follower(model, graph, kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras wonders about windows of one frame
        for call in graph.calls:
            follower.pass_through(call)
    return follower.followed


class _Follower:
    def __init__(
        self,
        model: keras.Model,
        graph: Graph,
        keep: Mapping[Call, Step] | None,
    ) -> None:
        window, *size = window_shape(model)
        frame = keras.Input(batch_shape=(1, *size), name="frame")
        (source,) = graph.inputs
        self._assembly = Assembly(["frame"])
        self._keep = keep
        self._made: dict[Any, _Made] = {}
        self._reshaped: dict[Any, Twin] = {}
        self.followed = Followed(
            source,
            frame,
            {source: Twin(self._assembly, source.made_by, frame, stacked=False)},
            {source: Layout(tuple(range(window)), stacked=True)},
        )

    def pass_through(self, call: Call) -> None:
        """Run one call on a single frame, if it keeps frames apart or only moves them."""
        if self._keep is not None and call not in self._keep:
            return
        if not call.inputs or not all(value in self.followed.twins for value in call.inputs):
            return
        layouts = [self.followed.layouts[value] for value in call.inputs]
        if len(set(layouts)) == 1 and self._pass_alike(call, layouts[0]):
            return
        self._pass_moved(call, layouts)

    def _pass_alike(self, call: Call, layout: Layout) -> bool:
        """Where frames go in and come out in the same layout."""
        key = layout.stacked, sameness(call, self.followed.twins)
        again = key in self._made
        made = self._made.get(key) or self._make(call, layout)
        if made is None:
            return False
        self._made[key] = made
        inputs = [_shape(self.followed.twins[value], layout) for value in call.inputs]
        work = multiply_adds(call.operation, inputs, [_shape(twin, layout) for twin in made.twins])
        step = Step(call, made.way, work, len(layout.frames), again)
        self._note(step, made.twins, [layout] * len(made.twins))
        return True

    def _make(self, call: Call, layout: Layout) -> _Made | None:
        """What one frame becomes, in the first way that gives its share of the window's."""
        for way in self._ways(call, layout):
            try:
                form = way.form(self._assembly)
                twins = self._run(call, form, way)
            except MISFITS:
                continue  # its weights or constants depend on T
            pairs = zip(call.outputs, twins, strict=True)
            if not all(layout.of(twin.shape)[1:] == value.shape[1:] for value, twin in pairs):
                continue
            if way.certain or keeps_frames_apart(call, form, layout, way.stacked):
                return _Made(twins, way)
        return None

    def _ways(self, call: Call, layout: Layout) -> Iterable[Way]:
        if self._keep is None:
            return ways(call.operation, layout)
        way = self._keep[call].way
        return [replace(way, certain=True)] if way else []

    def _run(self, call: Call, form: Callable[..., Any], way: Way) -> list[Twin]:
        twins = self.followed.twins
        given = {v: twins[v].window if way.stacked else twins[v].frame for v in call.inputs}
        found = call.replay(given, form)
        return [Twin(self._assembly, call.operation.name, t, way.stacked) for t in found]

    def _pass_moved(self, call: Call, layouts: list[Layout]) -> None:
        """Where frames are taken apart, put together, folded or reshaped."""
        found = moved(call, [self.followed.twins[value] for value in call.inputs], layouts)
        if found is not None:
            twins = [self._reshape(move.twin, move.shape, call.operation.name) for move in found]
            self._note(Step(call), twins, [move.layout for move in found])

    def _reshape(self, twin: Twin, shape: tuple[int, ...], name: str) -> Twin:
        if shape == twin.shape:
            return twin
        key = id(twin), shape
        if key not in self._reshaped:
            tensor = self._assembly.reshape(twin.frame, (-1, *shape))
            self._reshaped[key] = Twin(self._assembly, name, tensor, stacked=False)
        return self._reshaped[key]

    def _note(self, step: Step, twins: list[Twin], layouts: list[Layout]) -> None:
        self.followed.twins.update(zip(step.call.outputs, twins, strict=True))
        self.followed.layouts.update(zip(step.call.outputs, layouts, strict=True))
        self.followed.steps.append(step)


def _shape(twin: Twin, layout: Layout) -> tuple[int, ...]:
    return (1, 1, *twin.shape) if layout.stacked else (1, *twin.shape)


def sameness(call: Call, twins: Mapping[Value, Twin]) -> Any:
    """Equal for two calls that make the same of the same twins."""
    of_tensors = {
        id(tensor): ("twin", id(twins[value]))
        for tensor, value in zip(call.node.input_tensors, call.inputs, strict=True)
    }
    told = tree.flatten((call.node.arguments.args, call.node.arguments.kwargs))
    arguments = tuple(of_tensors.get(id(leaf)) or _of_constant(leaf) for leaf in told)
    return _of_operation(call.operation), arguments


def _of_operation(operation: Any) -> Any:
    """A layer with weights is itself only; others are the same where their configs are."""
    if isinstance(operation, layers.Layer) and operation.weights:
        return id(operation)
    try:
        config = operation.get_config()
    except NotImplementedError:
        return id(operation)
    return type(operation), repr({key: config[key] for key in config if key != "name"})


def _of_constant(leaf: Any) -> Any:
    if hasattr(leaf, "shape"):
        array = np.asarray(leaf)
        return array.shape, array.dtype.str, array.tobytes()
    return repr(leaf)
