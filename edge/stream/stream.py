"""The one idea at work: one encoder pass a frame, one head pass over a ring of features."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from edge.bundle.archive import Bundle
from edge.bundle.manifest import Part, TensorSpec
from edge.engine.delegate import AUTO, Delegate
from edge.engine.delegation import Delegation, check_delegate_is_used
from edge.engine.engine import Engine
from edge.stream.decision import Decision
from edge.stream.preprocess import Frame, Preprocessor, Region
from edge.stream.quantise import dequantise, transfer
from edge.stream.ring import Ring
from edge.tasks import Prediction, predictions
from edge_common.errors import BundleError

if TYPE_CHECKING:
    from edge.emulated import EmulatedBoard, Predicted


@dataclass(frozen=True)
class EngineOptions:
    """How the parts are run: runtime name, threads a part, delegate.

    device: `emulated:BOARD` holds each part to that board's predicted latency; "" is this machine.
    timeout_s: how long an invocation may take, as in Engine.
    """

    runtime: str = "auto"
    threads: int = 1
    delegate: Delegate = AUTO
    device: str = ""
    timeout_s: float | None = None

    @cached_property
    def board(self) -> "EmulatedBoard | None":
        """The board that is played. Raises EngineError or DeviceError if it cannot be."""
        if not self.device:
            return None
        from edge.emulated import EmulatedBoard

        return EmulatedBoard.named(self.device, self.threads)

    def confined(self) -> AbstractContextManager[None]:
        """The block has no more cores and memory than the board that is played."""
        return self.board.confined() if self.board else nullcontext()

    def load(self, bundle: Bundle, part: Part) -> Engine:
        """Load one part; raise BundleError if it is not what the manifest says.

        Raises EngineError if the runtime or a strict delegate refuses it.
        """
        model, board = bundle.members[part.file], self.board
        engine = Engine(
            model,
            name=part.file,
            runtime=self.runtime,
            threads=board.threads if board else self.threads,
            delegate=self.delegate,
            pacer=board.pacer(model) if board else None,
            timeout_s=self.timeout_s,
        )
        manifest_tensors = [replace(tensor, name="") for tensor in (*part.inputs, *part.outputs)]
        engine_tensors = [replace(tensor, name="") for tensor in (*engine.inputs, *engine.outputs)]
        if manifest_tensors != engine_tensors:
            raise BundleError(
                f"{part.file}: its tensors are not as the manifest says; make it again"
            )
        return engine


class Head:
    """The last part: reads windows of features from rings, gives one vector a task."""

    def __init__(
        self, bundle: Bundle, features: Sequence[TensorSpec], options: EngineOptions
    ) -> None:
        part = bundle.manifest.last_part
        self.engine = options.load(bundle, part)
        self._outputs = part.outputs
        self._order = [
            [t.name for t in part.outputs].index(task.name) for task in bundle.manifest.tasks
        ]
        names, window = [tensor.name for tensor in features], bundle.manifest.window
        self._written = tuple(features)
        # for each input of the head, which of the written tensors it is made of
        self._reads = [(tensor, names.index(tensor.name)) for tensor in part.inputs]
        self.rings = [
            Ring(window, tensor.shape[-len(features[i].shape) + 1 :], tensor.dtype)
            for tensor, i in self._reads
        ]

    def take(self, outputs: Sequence[np.ndarray]) -> None:
        """Put one frame's features, batch of 1 each, into the rings."""
        for ring, (tensor, index) in zip(self.rings, self._reads):
            transfer(outputs[index][0], self._written[index], ring.slot, tensor)
            ring.advance()

    def __call__(self) -> list[np.ndarray]:
        """Run over the rings; float32 vectors, one a task, in the order of the manifest."""
        for index, ring in enumerate(self.rings):
            # no name for the view: the engine must be its only holder when invoked
            ring.copy_to(self.engine.input(index).reshape(ring.shape))
        self.engine.invoke()
        return [dequantise(self.engine.output(i)[0].ravel(), self._outputs[i]) for i in self._order]


# names people in the answers, such as a `Recogniser` of a gallery does
Naming = Callable[[Mapping[str, Prediction]], Mapping[str, Prediction]]


class Stream:
    """A bundle that is fed frame by frame.

    `push` gives None until the window is full, then one Decision every `hop` frames.
    A window always holds T consecutive pushed frames (a `window-ring`: nothing is
    carried over from before them).
    """

    def __init__(
        self,
        bundle: Bundle,
        options: EngineOptions = EngineOptions(),
        *,
        region: Region | None = None,
        hop: int = 1,
        naming: Naming | None = None,
    ) -> None:
        manifest = bundle.manifest
        self._naming = naming
        self.bundle, self.tasks, self.hop = bundle, manifest.tasks, hop
        encoder = manifest.part("encoder")
        self.encoder = options.load(bundle, encoder) if encoder else None
        first = encoder.inputs[0] if encoder else manifest.last_part.inputs[0]
        self.preprocess = Preprocessor(manifest.input, first, region)
        if encoder:
            features = encoder.outputs
        else:  # an uncut part: what the ring keeps are the frames themselves
            spec = manifest.input
            self._pixels = np.empty((1, spec.height, spec.width, spec.channels), first.dtype)
            features = (
                TensorSpec(
                    first.name, self._pixels.shape, first.dtype, first.scale, first.zero_point
                ),
            )
        self.head = Head(bundle, features, options)
        self._board = options.board
        self._played_name = self._board.profile.name if self._board else None
        self._unused = ""
        if options.delegate.expects_work:
            self._unused = check_delegate_is_used(options.delegate, list(self.delegation.values()))
        self.reset()

    @property
    def engines(self) -> dict[str, Engine]:
        """The engine of each part, by its role."""
        if self.encoder is None:
            return {"model": self.head.engine}
        return {"encoder": self.encoder, "head": self.head.engine}

    @property
    def delegation(self) -> dict[str, Delegation]:
        """Who computes the operators of each part, by its role."""
        delegations = {role: engine.delegation for role, engine in self.engines.items()}
        return {r: replace(d, fallback=d.fallback or self._unused) for r, d in delegations.items()}

    @property
    def predicted(self) -> "Predicted | None":
        """Whose predicted latency the parts were held to, and how well; None: nobody's."""
        if self._board is None:
            return None
        return self._board.predicted(
            self.bundle, {r: e.pacer for r, e in self.engines.items() if e.pacer}
        )

    def reset(self) -> None:
        """Start a new window, as at the start of another clip."""
        self._pushed = 0
        for ring in self.head.rings:
            ring.clear()

    def push(self, frame: Frame | np.ndarray) -> Decision | None:
        """Take one frame (a Frame, or pixels uint8 BGR (H, W, 3)); decide if it is due."""
        if not isinstance(frame, Frame):
            frame = Frame(frame, self._pushed)
        if frame.restart:
            self.reset()
        started = time.perf_counter_ns()
        ready, encoded = self._encode(frame.pixels)
        self._pushed += 1
        if not self._due():
            return None
        outputs = self.head()
        decided = time.perf_counter_ns()
        tasks: Mapping[str, Prediction] = predictions(self.tasks, outputs)
        if self._naming:
            tasks = self._naming(tasks)
        latency_ms = {"preprocess": (ready - started) / 1e6}
        if self.encoder:
            latency_ms["encoder"] = (encoded - ready) / 1e6
            latency_ms["head"] = (decided - encoded) / 1e6
        else:
            latency_ms["model"] = (decided - ready) / 1e6
        age_ms = (time.monotonic() - frame.captured_at) * 1e3
        return Decision(
            frame.number, frame.captured_at, age_ms, latency_ms, tasks, self._played_name
        )

    def _encode(self, pixels: np.ndarray) -> tuple[int, int]:
        """Preprocess and encode into the rings; the times (ns) after each of the two."""
        if self.encoder is None:
            self.preprocess(pixels, self._pixels[0])
            ready = time.perf_counter_ns()
            self.head.take([self._pixels])
            return ready, time.perf_counter_ns()
        self.preprocess(pixels, self.encoder.input()[0])
        ready = time.perf_counter_ns()
        self.encoder.invoke()
        self.head.take([self.encoder.output(i) for i in range(len(self.encoder.outputs))])
        return ready, time.perf_counter_ns()

    def _due(self) -> bool:
        late = self._pushed - self.bundle.manifest.window
        return late >= 0 and late % self.hop == 0
