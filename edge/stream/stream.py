"""A bundle that is fed frame by frame, and what it decides."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.bundle import Bundle
from edge.stream.network import Network
from edge.stream.options import StreamOptions
from edge.stream.preprocess import Frame
from edge.tasks import Prediction, predictions


@dataclass(frozen=True, slots=True)
class Decision:
    """What the network says of the window that ends with frame number `frame`.

    first_frame: the number of the window's oldest frame; more than T - 1 before `frame` if
    frames between them were dropped or could not be read. None if nobody counted.
    captured_at: monotonic seconds when that frame was captured.
    age_ms: from capture to decision.  latency_ms: milliseconds of each stage.
    predicted_for: the board that was played, whose predicted latency stands in both.
    source: which of several sources the window is of; None: there is one.
    """

    frame: int
    captured_at: float
    age_ms: float
    latency_ms: Mapping[str, float]
    tasks: Mapping[str, Prediction]
    predicted_for: str | None = None
    first_frame: int | None = None
    source: str | None = None

    def to_json(self, vectors: bool = False) -> dict[str, Any]:
        """The promised JSON fields: frame, first_frame, captured_at, age_ms, latency_ms, tasks.

        And `predicted_for`, if a board was played; `source`, if there are several.  vectors: with
        those of embeddings.
        """
        source = {} if self.source is None else {"source": self.source}
        first = {} if self.first_frame is None else {"first_frame": self.first_frame}
        played = {"predicted_for": self.predicted_for} if self.predicted_for else {}
        return {
            **source,
            "frame": self.frame,
            **first,
            "captured_at": round(self.captured_at, 6),
            "age_ms": round(self.age_ms, 3),
            "latency_ms": {stage: round(ms, 4) for stage, ms in self.latency_ms.items()},
            "tasks": {name: prediction.to_json(vectors) for name, prediction in self.tasks.items()},
            **played,
        }


# names people in the answers, such as a `Recogniser` of a gallery does
Naming = Callable[[Mapping[str, Prediction]], Mapping[str, Prediction]]


class Stream:
    """A network that watches one region of the frames, through one window.

    `push` gives None until the window is full, then one Decision every `hop` frames.
    A window always holds T consecutive pushed frames: nothing is carried over from before them,
    unless the network carries states of its own (`carried-state`), since the last restart.

    network: loaded already with these options; several streams may share it, from one thread.
    source: what the decisions say that they are of.
    latency_ms: of each stage for the newest frame.
    """

    def __init__(
        self,
        bundle: Bundle,
        options: StreamOptions = StreamOptions(),
        *,
        naming: Naming | None = None,
        network: Network | None = None,
        source: str | None = None,
    ) -> None:
        self.bundle, self.tasks = bundle, bundle.manifest.tasks
        self.network = network or Network(bundle, options)
        self.latency_ms: Mapping[str, float] = {}
        self._region, self._naming, self._source = options.region, naming, source
        self._window = self.network.window(options.hop)
        self._played_name = self.network.board.profile.name if self.network.board else None

    @property
    def full(self) -> bool:
        """Whether T frames have come; the T-th is decided on."""
        return self._window.full

    def reset(self) -> None:
        """Start a new window, as at the start of another clip."""
        self._window.clear()

    def push(self, frame: Frame | np.ndarray) -> Decision | None:
        """Take one frame (a Frame, or pixels uint8 BGR (H, W, 3)); decide if it is due."""
        if not isinstance(frame, Frame):
            frame = Frame(frame, self._window.pushed)
        if frame.restart:
            self.reset()
        started = time.perf_counter_ns()
        ready, encoded = self.network.encode(frame.pixels, self._region, self._window, frame.number)
        outputs = self.network.decide(self._window) if self._window.due else None
        decided = time.perf_counter_ns()
        self.latency_ms = self._stages_ms(started, ready, encoded, decided)
        if outputs is None:
            return None
        tasks: Mapping[str, Prediction] = predictions(self.tasks, outputs)
        if self._naming:
            tasks = self._naming(tasks)
        age_ms = (time.monotonic() - frame.captured_at) * 1e3
        return Decision(
            frame.number,
            frame.captured_at,
            age_ms,
            self.latency_ms,
            tasks,
            self._played_name,
            self._window.first_frame,
            self._source,
        )

    def decisions(self, frame: Frame) -> Sequence[Decision]:
        """What `push` gives, as the loop takes it: none or one."""
        decision = self.push(frame)
        return (decision,) if decision else ()

    def _stages_ms(self, started: int, ready: int, encoded: int, decided: int) -> dict[str, float]:
        """Milliseconds of each stage that ran, from `time.perf_counter_ns` at their ends."""
        latency_ms = {"preprocess": (ready - started) / 1e6}
        if self.network.encoder is None:
            latency_ms["model"] = (decided - ready) / 1e6
            return latency_ms
        latency_ms["encoder"] = (encoded - ready) / 1e6
        if self._window.due:
            latency_ms["head"] = (decided - encoded) / 1e6
        return latency_ms
