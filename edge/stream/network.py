"""The parts of a bundle at work: an encoder pass a frame into a window, a head pass over the window.

Or one part that each frame passes, and that carries states of its own from one to the next. An
encoder may have such states, too: what its layers read of the frames before.
Windows are objects of their own, so that one network can watch several things in turn.
"""

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge.bundle import NO_TASKS, Bundle
from edge.engine import Delegation, check_delegate_is_used
from edge.engine.engine import Engine
from edge.stream.motion_gate import CallsSaved, MotionGate
from edge.stream.options import StreamOptions
from edge.stream.preprocess import Region
from edge.stream.quantise import dequantise, quantise, softmax, transfer
from edge.stream.ring import Ring
from edge.stream.states import CarriedStates
from edge.stream.vectors import preprocessor
from edge_common import BundleError

if TYPE_CHECKING:
    from edge.emulated import Predicted


class Window:
    """The features of the newest T frames of one thing that is watched.

    rings: one for each input of the head that is no state.  hop: frames between two decisions.
    states: what a part with states wrote for it, while it works for another window.
    outputs: what such a network answers to the newest frame, if a decision is due.
    given: what the head takes beside features, by its inputs' names.
    gate: what saves passes of the network; None: nothing.  saved: those parts' roles whose pass
    for the newest frame it saved.  before: what its preprocessing remembers of the frame before.
    """

    def __init__(
        self, rings: Sequence[Ring], length: int, hop: int, gate: MotionGate | None = None
    ) -> None:
        self.rings, self.gate, self._length, self._hop = rings, gate, length, hop
        self.saved: list[str] = []
        self.before: np.ndarray | None = None
        self.given: Mapping[str, np.ndarray] = {}
        self.states: Sequence[np.ndarray] = ()
        self.outputs: list[np.ndarray] = []
        self.pushed = 0
        self._numbers: deque[int] = deque(maxlen=length)

    @property
    def first_frame(self) -> int:
        """The number of its oldest frame. Raises IndexError while it is empty."""
        return self._numbers[0]

    @property
    def full(self) -> bool:
        return self.pushed >= self._length

    @property
    def due(self) -> bool:
        """Whether its newest frame calls for a decision: from the T-th on every `hop` frames."""
        return self.full and (self.pushed - self._length) % self._hop == 0

    def advance(self, number: int | None = None, *, turn: bool = True) -> None:
        """Take what stands in the slots of the rings as the newest frame's features.

        number: of that frame in its source; by default frames are counted from 0.
        turn: the rings; without, they stay as they are.
        """
        for ring in self.rings if turn else ():
            ring.advance()
        self._numbers.append(self.pushed if number is None else number)
        self.pushed += 1

    def clear(self) -> None:
        """Forget all frames, as at the start of another clip."""
        self.pushed, self.states, self.outputs, self.saved = 0, (), [], []
        self.before = None
        if self.gate:
            self.gate.clear()
        self._numbers.clear()
        for ring in self.rings:
            ring.clear()


def require_tasks(bundle: Bundle) -> None:
    """Raise BundleError if it is a detector."""
    if bundle.manifest.detection:
        raise BundleError(f"{bundle.manifest.name} {NO_TASKS}")


class Network:
    """The loaded parts of a bundle.

    Raises BundleError if a part is not what the manifest says or finds boxes, EngineError if a runtime or a
    strict delegate refuses one.
    """

    def __init__(self, bundle: Bundle, options: StreamOptions) -> None:
        manifest = bundle.manifest
        require_tasks(bundle)
        self.bundle, self.board = bundle, options.board
        encoder, last = manifest.part("encoder"), manifest.last_part
        self.encoder = options.load(bundle, encoder) if encoder else None
        first = (encoder or last).read[0]
        self.preprocess = preprocessor(manifest.input, first)
        if encoder:
            self._features = tuple(encoder.outputs)
        else:  # an uncut part: what the rings keep are the frames themselves
            self._pixels = np.empty((1, *manifest.input.frame_shape), first.dtype)
            self._features = (replace(first, shape=self._pixels.shape),)
        self.head = options.load(bundle, last)
        self._states = CarriedStates(self.head, last) if last.states else None
        self._past: CarriedStates | None = None
        if self.encoder and encoder and encoder.states:
            self._past = CarriedStates(self.encoder, encoder)
        self._frame_input = (encoder or last).inputs.index(first)
        self._gate = manifest.gate if options.gate else None
        self._saved: Counter[str] = Counter()  # passes by the parts' roles
        self._outputs = last.outputs
        output_names = [tensor.name for tensor in last.outputs]
        self._order = [output_names.index(task.name) for task in manifest.tasks]
        self._logits = [i for i, task in enumerate(manifest.tasks) if task.logits]
        # for each input of the head, which of the features it is made of
        names = [tensor.name for tensor in self._features]
        self._reads = [(tensor, names.index(tensor.name)) for tensor in last.read]
        self._read_at = [last.inputs.index(tensor) for tensor in last.read]
        self._given = [(i, t) for i, t in enumerate(last.inputs) if t.name in last.given_inputs]
        self._unused = ""
        if options.delegate.expects_work:
            self._unused = check_delegate_is_used(options.delegate, list(self.delegation.values()))

    @property
    def engines(self) -> dict[str, Engine]:
        """The engine of each part, by its role."""
        if self.encoder is None:
            return {"model": self.head}
        return {"encoder": self.encoder, "head": self.head}

    @property
    def delegation(self) -> dict[str, Delegation]:
        """Who computes the operators of each part, by its role."""
        delegations = {role: engine.delegation for role, engine in self.engines.items()}
        return {r: replace(d, fallback=d.fallback or self._unused) for r, d in delegations.items()}

    @property
    def calls_saved(self) -> list[CallsSaved]:
        """What motion gates have saved of each part; nothing if there are none."""
        if self._gate is None:
            return []
        engines = self.engines.items()
        return [CallsSaved(role, each.invocations, self._saved[role]) for role, each in engines]

    @property
    def predicted(self) -> "Predicted | None":
        """Whose predicted latency the parts were held to, and how well; None: nobody's."""
        if self.board is None:
            return None
        throttles = {
            role: engine.throttle for role, engine in self.engines.items() if engine.throttle
        }
        return self.board.predicted(self.bundle, throttles)

    def window(self, hop: int = 1) -> Window:
        """A new, empty window."""
        length = self.bundle.manifest.window
        if self._states:
            return Window((), length, hop)
        rings = [
            Ring(
                tensor.shape[1] if self._past else length,
                tensor.shape[-len(self._features[i].shape) + 1 :],
                tensor.dtype,
            )
            for tensor, i in self._reads
        ]
        gate = MotionGate(self._gate, length) if self._gate else None
        return Window(rings, length, hop, gate)

    def encode(
        self, pixels: np.ndarray, region: Region, window: Window, number: int | None = None
    ) -> tuple[int, int]:
        """Take that region of one frame (uint8 BGR (H, W, 3)) into `window`, under its number.

        Of a bundle of features the frame is a vector (F,).

        Returns the `time.perf_counter_ns` after preprocessing and after the encoder. Raises
        EdgeError if the pixels are of another form or the region lies outside.
        """
        self.preprocess.before = window.before
        prepared = self.preprocess.prepare(pixels, region)
        window.before = self.preprocess.before
        window.saved = []
        was_still = window.gate is not None and window.gate.is_still
        if window.gate and window.gate.reuses_oldest(prepared):
            if self.encoder:
                self._save_pass("encoder", window)
            # the oldest features become the newest; if all show the same, their order stays
            window.advance(number, turn=not was_still)
            ready = time.perf_counter_ns()
            return ready, ready
        if self._states:
            shape = self._pixels.shape[1:]
            self.preprocess.quantise(prepared, self.head.input(self._frame_input).reshape(shape))
            ready = time.perf_counter_ns()
            self._states.load(window)
            self.head.invoke()
            window.advance(number)
            window.outputs = self._answers() if window.due else []
            return ready, time.perf_counter_ns()
        if self.encoder is None:
            self.preprocess.quantise(prepared, self._pixels[0])
            ready = time.perf_counter_ns()
            self._store([self._pixels], window, number)
            return ready, time.perf_counter_ns()
        self.preprocess.quantise(prepared, self.encoder.input(self._frame_input)[0])
        ready = time.perf_counter_ns()
        if self._past:
            self._past.load(window)
        self.encoder.invoke()
        outputs = [self.encoder.output(i) for i in range(len(self.encoder.outputs))]
        self._store(outputs, window, number)
        return ready, time.perf_counter_ns()

    def decide(self, window: Window) -> list[np.ndarray]:
        """Run the head over a full window; float32 vectors, one a task, in the manifest's order.

        A network with states has answered already.
        """
        if self._states:
            return window.outputs
        gate = window.gate
        if gate and gate.answers is not None:
            self._save_pass("head" if self.encoder else "model", window)
            return gate.answers
        for index, tensor in self._given:
            values = quantise(window.given[tensor.name], tensor)
            np.copyto(self.head.input(index), values.reshape(tensor.shape))
        for index, ring in zip(self._read_at, window.rings):
            # no name for the view: the engine must be its only holder when invoked
            ring.copy_to(self.head.input(index).reshape(ring.shape))
        self.head.invoke()
        answers = self._answers()
        if gate and gate.is_still:
            gate.answers = answers
        return answers

    def _save_pass(self, role: str, window: Window) -> None:
        window.saved.append(role)
        self._saved[role] += 1

    def _answers(self) -> list[np.ndarray]:
        values = [dequantise(self.head.output(i).ravel(), self._outputs[i]) for i in self._order]
        for index in self._logits:
            values[index] = softmax(values[index])
        return values

    def _store(self, features: Sequence[np.ndarray], window: Window, number: int | None) -> None:
        """Put one frame's features, batch of 1 each, into the rings."""
        for ring, (tensor, index) in zip(window.rings, self._reads):
            transfer(features[index][0], self._features[index], ring.slot, tensor)
        window.advance(number)
