"""A bundle that is fed frame by frame, and what it decides."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from edge.bundle import Bundle
from edge.stream.decision import Decision, TrackInfo
from edge.stream.given import Numbers, given_values, refuse_missing
from edge.stream.network import Network
from edge.stream.options import StreamOptions
from edge.stream.preprocess import Frame, Region, input_box
from edge.tasks import Prediction, kind_of, predictions

_FRAMES_OF_STATES = 16  # that are shown of a network which remembers all since its start

# names people in the answers, such as a `Recogniser` of a gallery does
Naming = Callable[[Mapping[str, Prediction]], Mapping[str, Prediction]]


class Stream:
    """A network that watches one region of the frames, through one window.

    `push` gives None until the window is full, then one Decision every `hop` frames.
    A window always holds T consecutive pushed frames: nothing is carried over from before them,
    unless the network carries states of its own (`carried-state`), since the last restart.

    network: loaded already with these options; several streams may share it, from one thread.
    source: what the decisions say that they are of.  hop: frames between two of them.
    latency_ms: of each stage for the newest frame.
    inputs: what the network takes beside frames, {input: numbers}, in place of those of the options; it
    holds until `push` is given others. Raises ConfigError if there is no such input, or numbers do not fit.
    """

    def __init__(
        self,
        bundle: Bundle,
        options: StreamOptions = StreamOptions(),
        *,
        naming: Naming | None = None,
        network: Network | None = None,
        source: str | None = None,
        inputs: Numbers = MappingProxyType({}),
    ) -> None:
        self.bundle, self.tasks = bundle, bundle.manifest.tasks
        self.network = network or Network(bundle, options)
        self.latency_ms: Mapping[str, float] = {}
        self._options, self._source = options, source
        self._region, self._naming = options.region, naming
        self._window, self.hop = self.network.window(options.hop), options.hop
        self._is_new = True  # since the newest decision
        manifest = bundle.manifest
        self.give({**dict(options.inputs), **inputs})
        length = _FRAMES_OF_STATES if manifest.last_part.states else manifest.window
        self._window_pixels: deque[np.ndarray] = deque(
            maxlen=length if options.window_pixels else 0
        )
        self._images = None if manifest.input.is_features else options.image_sampler()
        kinds = {} if manifest.input.is_features else {t.name: kind_of(t) for t in self.tasks}
        self._placed_kinds = {name: kind for name, kind in kinds.items() if kind.is_placed}
        self._played_name = self.network.board.profile.name if self.network.board else None

    def beside(self, network: Network) -> "Stream":
        """Another network on the same frames, with an empty window of its own."""
        options, naming, source = self._options, self._naming, self._source
        names = [each.name for each in network.bundle.manifest.inputs]
        inputs = {name: self._window.given[name] for name in names if name in self._window.given}
        options = replace(options, inputs=())
        return Stream(
            network.bundle, options, naming=naming, network=network, source=source, inputs=inputs
        )

    @property
    def pushed(self) -> int:
        """Frames since it began, or began anew."""
        return self._window.pushed

    @property
    def full(self) -> bool:
        """Whether T frames have come; the T-th is decided on."""
        return self._window.full

    @property
    def is_saved(self) -> bool:
        """Whether a motion gate saved what the newest frame would have cost."""
        return bool(self._window.saved)

    def reset(self) -> None:
        """Start a new window, as at the start of another clip."""
        self.pause()
        self._is_new = True

    def pause(self) -> None:
        """Start a new window that goes on with the same scene: frames were left out on purpose."""
        self._window.clear()
        self._window_pixels.clear()

    def give(self, inputs: Numbers) -> None:
        """What the network takes beside frames from the next one on, as `push` does. Raises ConfigError."""
        values = given_values(self.bundle.manifest.inputs, inputs)
        self._window.given = {**self._window.given, **values}

    def push(
        self,
        frame: Frame | np.ndarray,
        region: Region | None = None,
        track: TrackInfo | None = None,
        inputs: Numbers = MappingProxyType({}),
    ) -> Decision | None:
        """Take one frame (a Frame, or pixels uint8 BGR (H, W, 3)); decide if it is due.

        Of a bundle of features a frame is a vector of F numbers. Raises EdgeError if it is of another
        form, or a number is NaN or infinite; then the window stays as it is.

        region: of this frame, if not that of the options.  track: who it shows.
        inputs: what the network takes beside frames from now on, {input: numbers}; a decision is made with
        what holds at its newest frame. Raises ConfigError if one was never given, or numbers do not fit.
        """
        if inputs:
            self.give(inputs)
        refuse_missing(self.bundle.manifest.inputs, self._window.given)
        if not isinstance(frame, Frame):
            frame = Frame(frame, self._window.pushed)
        if frame.restart:
            self.reset()
        started = time.perf_counter_ns()
        ready, encoded = self.network.encode(
            frame.pixels, region or self._region, self._window, frame.number
        )
        if self._window_pixels.maxlen:
            self._window_pixels.append(self.network.preprocess.resized.copy())
        if self._images:
            self._images.look(self.network.preprocess.resized, frame.moment_s)
        outputs = self.network.decide(self._window) if self._window.due else None
        decided = time.perf_counter_ns()
        self.latency_ms = self._stages_ms(started, ready, encoded, decided)
        if outputs is None:
            return None
        tasks: Mapping[str, Prediction] = predictions(self.tasks, outputs)
        if self._placed_kinds:
            tasks = self._in_frame(tasks, frame.pixels, region or self._region)
        if self._naming:
            tasks = self._naming(tasks)
        is_new, self._is_new = self._is_new, False
        image = self._images.take() if self._images else None
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
            track,
            is_new,
            frame.time_s,
            tuple(self._window_pixels),
            image,
        )

    def _in_frame(
        self, tasks: Mapping[str, Prediction], pixels: np.ndarray, region: Region
    ) -> Mapping[str, Prediction]:
        """With points and areas in pixels of the frame."""
        spec = self.bundle.manifest.input
        box = input_box(spec, region, *pixels.shape[:2])
        kinds = self._placed_kinds.items()
        return {**tasks, **{name: kind.placed(tasks[name], box, spec.size) for name, kind in kinds}}

    def decisions(self, frame: Frame) -> Sequence[Decision]:
        """What `push` gives, as the loop takes it: none or one."""
        decision = self.push(frame)
        return (decision,) if decision else ()

    def _stages_ms(self, started: int, ready: int, encoded: int, decided: int) -> dict[str, float]:
        """Milliseconds of each stage that ran, from `time.perf_counter_ns` at their ends."""
        ends_ns = {"preprocess": (started, ready)}
        if self.network.encoder is None:
            ends_ns["model"] = (ready, decided)
        else:
            ends_ns["encoder"] = (ready, encoded)
            if self._window.due:
                ends_ns["head"] = (encoded, decided)
        saved = self._window.saved
        return {s: (end - begin) / 1e6 for s, (begin, end) in ends_ns.items() if s not in saved}
