"""What single frames reach alone: the network's graph is replayed with one frame.

Each tensor that holds nothing but frames, each passed alone, gets a per-frame tensor: one
frame's share of it. What two frames pass in the same way is computed once.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from edge_convert.cut.keras import cost, framewise, rebuild
from edge_convert.cut.keras.model import Call, CallGraph, Value, window_shape
from edge_convert.cut.keras.movement import data_movement


@dataclass(frozen=True)
class FrameStep:
    """A call that frames pass alone: its multiply-adds a frame, and for how many it is called.

    frame_operation: what stands for it; None if it only moves frames.
    reused: the same was computed before, of another frame's place in the window.
    """

    call: Call
    frame_operation: framewise.FrameOperation | None = None
    multiply_adds: int = 0
    frames: int = 0
    reused: bool = False


@dataclass(frozen=True)
class _Computed:
    frame_tensors: list[framewise.FrameTensor]
    frame_operation: framewise.FrameOperation


@dataclass
class FramePath:
    """The graph as far as single frames reach alone."""

    source: Value
    frame: Any  # the encoder's input
    frame_tensors: dict[Value, framewise.FrameTensor]
    layouts: dict[Value, framewise.Layout]
    steps: list[FrameStep] = field(default_factory=list)

    def up_to(self, length: int) -> "FramePath":
        """The same as if only the first `length` calls had been followed."""
        steps = self.steps[:length]
        reached = {self.source, *(value for step in steps for value in step.call.outputs)}
        frame_tensors = {
            value: frame_tensor
            for value, frame_tensor in self.frame_tensors.items()
            if value in reached
        }
        return FramePath(self.source, self.frame, frame_tensors, self.layouts, steps)


def follow(
    model: keras.Model,
    graph: CallGraph,
    keep: Iterable[FrameStep] | None = None,
) -> FramePath:
    """Follow single frames from the input as far as they stay alone.

    keep: take these steps only, which were found before.
    """
    steps = None if keep is None else {step.call: step for step in keep}
    follower = _Follower(model, graph, steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras wonders about windows of one frame
        for call in graph.calls:
            follower.pass_through(call)
    return follower.frame_path


class _Follower:
    def __init__(
        self,
        model: keras.Model,
        graph: CallGraph,
        keep: Mapping[Call, FrameStep] | None,
    ) -> None:
        window, *size = window_shape(model)
        frame = keras.Input(batch_shape=(1, *size), name="frame")
        (source,) = graph.inputs
        self._rebuilder = rebuild.GraphRebuilder(["frame"])
        self._keep = keep
        self._computed: dict[Any, _Computed] = {}
        self._reshaped: dict[Any, framewise.FrameTensor] = {}
        self.frame_path = FramePath(
            source,
            frame,
            {source: framewise.FrameTensor(self._rebuilder, source.made_by, frame, stacked=False)},
            {source: framewise.Layout(tuple(range(window)), stacked=True)},
        )

    def pass_through(self, call: Call) -> None:
        """Run one call on a single frame, if it keeps frames apart or only moves them."""
        if self._keep is not None and call not in self._keep:
            return
        if not call.inputs or not all(
            value in self.frame_path.frame_tensors for value in call.inputs
        ):
            return
        layouts = [self.frame_path.layouts[value] for value in call.inputs]
        if len(set(layouts)) == 1 and self._pass_in_step(call, layouts[0]):
            return
        self._pass_data_movement(call, layouts)

    def _pass_in_step(self, call: Call, layout: framewise.Layout) -> bool:
        """Where frames go in and come out in the same layout."""
        key = layout.stacked, common_subexpression_key(call, self.frame_path.frame_tensors)
        reused = key in self._computed
        computed = self._computed.get(key) or self._make(call, layout)
        if computed is None:
            return False
        self._computed[key] = computed
        inputs = [_shape(self.frame_path.frame_tensors[value], layout) for value in call.inputs]
        work = cost.multiply_adds(
            call.operation,
            inputs,
            [_shape(frame_tensor, layout) for frame_tensor in computed.frame_tensors],
        )
        step = FrameStep(call, computed.frame_operation, work, len(layout.frames), reused)
        self._note(step, computed.frame_tensors, [layout] * len(computed.frame_tensors))
        return True

    def _make(self, call: Call, layout: framewise.Layout) -> _Computed | None:
        """What one frame becomes, in the first way that gives its share of the window's."""
        for frame_operation in self._frame_operations(call, layout):
            try:
                form = frame_operation.form(self._rebuilder)
                frame_tensors = self._run(call, form, frame_operation)
            except framewise.MISFITS:
                continue  # its weights or constants depend on T
            pairs = zip(call.outputs, frame_tensors, strict=True)
            if not all(
                layout.of(frame_tensor.shape)[1:] == value.shape[1:]
                for value, frame_tensor in pairs
            ):
                continue
            if frame_operation.certain or framewise.keeps_frames_apart(
                call, form, layout, frame_operation.stacked
            ):
                return _Computed(frame_tensors, frame_operation)
        return None

    def _frame_operations(
        self, call: Call, layout: framewise.Layout
    ) -> Iterable[framewise.FrameOperation]:
        if self._keep is None:
            return framewise.frame_operations(call.operation, layout)
        frame_operation = self._keep[call].frame_operation
        return [replace(frame_operation, certain=True)] if frame_operation else []

    def _run(
        self, call: Call, form: Callable[..., Any], frame_operation: framewise.FrameOperation
    ) -> list[framewise.FrameTensor]:
        frame_tensors = self.frame_path.frame_tensors
        inputs = {
            v: frame_tensors[v].window if frame_operation.stacked else frame_tensors[v].frame
            for v in call.inputs
        }
        outputs = call.replay(inputs, form)
        return [
            framewise.FrameTensor(self._rebuilder, call.operation.name, t, frame_operation.stacked)
            for t in outputs
        ]

    def _pass_data_movement(self, call: Call, layouts: list[framewise.Layout]) -> None:
        """Where frames are taken apart, put together, folded or reshaped."""
        movements = data_movement(
            call, [self.frame_path.frame_tensors[value] for value in call.inputs], layouts
        )
        if movements is not None:
            frame_tensors = [
                self._reshape(movement.frame_tensor, movement.shape, call.operation.name)
                for movement in movements
            ]
            self._note(FrameStep(call), frame_tensors, [movement.layout for movement in movements])

    def _reshape(
        self, frame_tensor: framewise.FrameTensor, shape: tuple[int, ...], name: str
    ) -> framewise.FrameTensor:
        if shape == frame_tensor.shape:
            return frame_tensor
        key = id(frame_tensor), shape
        if key not in self._reshaped:
            tensor = self._rebuilder.reshape(frame_tensor.frame, (-1, *shape))
            self._reshaped[key] = framewise.FrameTensor(
                self._rebuilder, name, tensor, stacked=False
            )
        return self._reshaped[key]

    def _note(
        self,
        step: FrameStep,
        frame_tensors: list[framewise.FrameTensor],
        layouts: list[framewise.Layout],
    ) -> None:
        self.frame_path.frame_tensors.update(zip(step.call.outputs, frame_tensors, strict=True))
        self.frame_path.layouts.update(zip(step.call.outputs, layouts, strict=True))
        self.frame_path.steps.append(step)


def _shape(frame_tensor: framewise.FrameTensor, layout: framewise.Layout) -> tuple[int, ...]:
    return (1, 1, *frame_tensor.shape) if layout.stacked else (1, *frame_tensor.shape)


def common_subexpression_key(
    call: Call, frame_tensors: Mapping[Value, framewise.FrameTensor]
) -> Any:
    """Equal for two calls that make the same of the same per-frame tensors."""
    of_tensors = {
        id(tensor): ("tensor", id(frame_tensors[value]))
        for tensor, value in zip(call.node.input_tensors, call.inputs, strict=True)
    }
    leaves = keras.tree.flatten((call.node.arguments.args, call.node.arguments.kwargs))
    arguments = tuple(of_tensors.get(id(leaf)) or _of_constant(leaf) for leaf in leaves)
    return _of_operation(call.operation), arguments


def _of_operation(operation: Any) -> Any:
    """A layer with weights is itself only; others are the same if their configs are."""
    if isinstance(operation, keras.layers.Layer) and operation.weights:
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
