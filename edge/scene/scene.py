"""Frames in, people out: who is there, and what a network decides of each of them."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from types import MappingProxyType

import numpy as np

from edge.bundle import Bundle
from edge.detector import Detector
from edge.input_spec import Size
from edge.people.recogniser import Recogniser
from edge.people.track_names import TrackNames
from edge.scene.budget import DETECTOR, Budget
from edge.scene.options import SceneOptions
from edge.scene.person import box_in
from edge.scene.view import Presence, SceneSummary, SceneView, expected_rate_hz
from edge.scene.windows import StreamChange, Windows
from edge.stream import (
    Decision,
    Frame,
    FrameSampler,
    Network,
    Numbers,
    Region,
    Stream,
    TrackInfo,
    given_values,
    refuse_missing,
    require_frame,
)
from edge.tracks import Track, Tracker, TrackOptions, zones as areas
from edge_common import console

_LONGEST_STEP_S = 1.0  # between two frames that nothing is missing between
_LONGEST_UNDETECTED_S = 0.5  # people turn and meet, and who is new waits
_NEWEST = 0.1  # share of the newest time between two frames in their mean


class Scene:
    """A network that watches everybody in the frames, each through a window of their own.

    One pass of the detector every few frames, tracks between, and an encoder call a person and
    frame in turns, within a budget: if there are more people than it has calls, all of them
    are looked at less often, by equally much, and the frames go on. A decision is of a full window.
    A person is followed by one number, also if hidden for a moment; behind a gap all tracks end.

    detector: a bundle, or one that is loaded already with these options.
    recogniser: names the people of a gallery, each as long as their track lasts.
    network, source: as in `Stream`; several scenes may share network, detector and summary.
    clock: seconds, that passes are measured by.
    view: of the newest frame.  latency_ms: of finding people in it.
    Raises BundleError if the detector is none, or the bundle is one.
    """

    def __init__(
        self,
        bundle: Bundle,
        detector: Bundle | Detector,
        options: SceneOptions = SceneOptions(),
        *,
        recogniser: Recogniser | None = None,
        network: Network | None = None,
        source: str | None = None,
        summary: SceneSummary | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.bundle, self.options = bundle, options
        self.network = network or Network(bundle, options.stream)
        if isinstance(detector, Bundle):
            detector = Detector(detector, replace(options.stream, region=Region()))
        self.detector, self.latency_ms = detector, dict[str, float]()
        self.summary = summary or SceneSummary(
            expected_rate_hz(bundle.manifest, options.rate_hz), options.budget_ms
        )
        self.budget = Budget(options.budget_ms, options.detect_every, clock)
        rate_hz = FrameSampler.of(bundle.manifest, options.rate_hz).rate_hz
        margin, most = detector.spec.margin, options.max_people
        self._windows = Windows(self._new_stream, most, margin, rate_hz, self.summary)
        sure = detector.spec.sure
        self._tracking = options.tracks or TrackOptions(sure, min(sure, TrackOptions.low_score))
        self._tracker = Tracker((0, 0), self._tracking)
        self._zones, self._masks = list[areas.Zone](), list[areas.Polygon]()
        self._zone_times = areas.ZoneTimes(self._zones)
        self._names, self._source = TrackNames(recogniser) if recogniser else None, source
        self._newest_track, self._notes = 0, set[str]()
        self._frame_number, self._frames_undetected = -1, math.inf
        self._time_s, self._interval_s = math.nan, 0.0
        self._presence = Presence(0, datetime.now(timezone.utc))
        self.view = SceneView(-1, (), (), self._presence, source)

    def set_budget(self, milliseconds: float, reason: str = "") -> None:
        """From the next frame on, as a live source turns out to be slower than it said.

        reason: why so many, for the summary.
        """
        self.budget.frame_ms = milliseconds
        self.summary.budget_ms, self.summary.budget_source = milliseconds, reason

    def exchange(self, change: StreamChange, network: Network | None = None) -> None:
        """Other streams look at people from now on.  change: gives one for the one before.

        network: of people who come later; None: theirs are changed as well.
        """
        if network:
            self.network, self.bundle = network, network.bundle
        self._windows.exchange(change, (lambda stream: stream) if network else change)

    def give(self, inputs: Numbers) -> None:
        """What the network takes beside frames from the next one on, of everybody. Raises ConfigError."""
        stream = self.options.stream
        values = given_values(self.bundle.manifest.inputs, {**dict(stream.inputs), **inputs})
        self.options = replace(self.options, stream=stream.with_inputs(values))
        self._windows.give(inputs)

    def end_tracks(self) -> SceneView:
        """Nobody can be seen while no frame comes; later people get further numbers."""
        self._tracker.forget()
        self.summary.present.pop(self._source, None)
        if self._presence.count:
            self._presence = Presence(0, datetime.now(timezone.utc))
        self.view = replace(self.view, tracks=(), decisions=(), presence=self._presence)
        return self.view

    def push(self, frame: Frame | np.ndarray, inputs: Numbers = MappingProxyType({})) -> SceneView:
        """Take one frame (a Frame, or pixels uint8 BGR (H, W, 3)); who is there, and decisions.

        Raises EdgeError if it is no such frame, or a zone or mask lies outside of it.

        inputs: what the network takes beside frames from now on, as in `Stream.push`, for each person.
        """
        if inputs:
            self.give(inputs)
        refuse_missing(self.bundle.manifest.inputs, dict(self.options.stream.inputs))
        if not isinstance(frame, Frame):
            frame = Frame(frame, self._frame_number + 1)
        require_frame(frame.pixels)
        time_s = frame.moment_s if math.isfinite(frame.moment_s) else frame.captured_at
        passed, self._frame_number = max(frame.number - self._frame_number, 1), frame.number
        self.budget.begin_frame(passed)
        started = time.perf_counter()
        tracks = self._tracks(frame, time_s, passed)
        self.latency_ms = {"people": (time.perf_counter() - started) * 1e3}
        for number in self._windows.follow(tracks, frame, time_s):
            if self._names:
                self._names.forget(number)
        height, width = frame.pixels.shape[:2]
        dwell_s = self._zone_times.update(tracks, time_s, (width, height))
        infos = {t.number: self._info(t, each, frame, time_s) for t, each in zip(tracks, dwell_s)}
        looks = self._windows.look(frame, infos, time_s, self.budget)
        decisions = tuple(map(self._named, looks))
        self._note_slow_windows()
        self._count(tracks, decisions, time_s)
        self.view = SceneView(
            frame.number,
            tuple(infos.values()),
            decisions,
            self._presence,
            self._source,
            {zone.name: zone.polygon.pixels((width, height)) for zone in self._zones},
        )
        return self.view

    def _tracks(self, frame: Frame, time_s: float, passed: int) -> Sequence[Track]:
        """Who is there: detected, if that is due, or where they are expected."""
        tracker = self._tracker
        self._follow_source(frame)
        self._frames_undetected += passed
        if self._frames_undetected < self._frames_per_detection():
            return tracker.predict(time_s)
        self._frames_undetected = 0
        self.summary.detections += 1
        with self.budget.spend(DETECTOR):
            detections = self.detector.find(frame.pixels)
        boxes, scores = detections.boxes, detections.scores
        visible = areas.unmasked(boxes, self._masks, tracker.frame_size)
        return tracker.update(boxes[visible], scores[visible], time_s)

    def _follow_source(self, frame: Frame) -> None:
        """Take on another size of frames, and forget tracks behind a gap."""
        height, width = frame.pixels.shape[:2]
        if self._tracker.frame_size == (0, 0):
            self._place_areas((width, height))
        if self._tracker.frame_size != (width, height):
            self._tracker.frame_size = (width, height)
        if frame.restart:
            self._tracker.forget()
            self._frames_undetected = math.inf

    def _frames_per_detection(self) -> int:
        """As the budget allows; says once if people are lost in between."""
        most = _LONGEST_UNDETECTED_S / self._interval_s if self._interval_s else math.inf
        every = self.budget.frames_per_detection(len(self._windows), most)
        if every * self._interval_s > self._tracking.hidden_s:
            self._note_once("detector", self._too_rarely(every))
        return every

    def _too_rarely(self, every: int) -> str:
        """Why people are lost, and what helps."""
        lost = "people are lost between two passes; give a"
        if self.options.detect_every:
            return f"--detect-every {every} is too rare: {lost} smaller one"
        return (
            f"{self.budget.frame_ms:.1f} ms a frame are too few for a detector that takes "
            f"{self.budget.costs_ms[DETECTOR]:.0f}: {lost} larger --budget-ms, or a smaller detector"
        )

    def _place_areas(self, size: Size) -> None:
        """Pixels of zones and masks are those of the first frame: later ones may have more or fewer.

        Raises EdgeError if one is outside of it.
        """
        self._masks = [mask.in_shares(size) for mask in self.options.masks]
        zones = self.options.zones
        self._zones = [replace(zone, polygon=zone.polygon.in_shares(size)) for zone in zones]
        self._zone_times = areas.ZoneTimes(self._zones)

    def _new_stream(self) -> Stream:
        network, source = self.network, self._source
        return Stream(self.bundle, self.options.stream, network=network, source=source)

    def _note_slow_windows(self) -> None:
        """Say once if people get so few calls that they look faster than they are."""
        if self.summary.trained_rate_hz and self._windows.is_any_behind:
            self._note_once(
                "windows",
                "people are looked at less often than the "
                f"{self.summary.trained_rate_hz:g} times a second that the network was trained at, so "
                f"what they do looks faster to it: raise --budget-ms ({self.budget.frame_ms:.1f} ms a "
                "frame now), or lower --max-people",
            )

    def _named(self, decision: Decision) -> Decision:
        """With the name that its track has in the gallery, if there is one."""
        if self._names is None or decision.track is None:
            return decision
        number = decision.track.number
        tasks = self._names(number, decision.tasks)
        track = replace(decision.track, name=self._names.name_of(number))
        return replace(decision, tasks=tasks, track=track)

    def _note_once(self, topic: str, text: str) -> None:
        if topic not in self._notes:
            self._notes.add(topic)
            console.note(text)

    def _count(self, tracks: Sequence[Track], decisions: Sequence[Decision], time_s: float) -> None:
        """Add one frame to the summary, and its people to who is there."""
        step_s, self._time_s = time_s - self._time_s, time_s
        if len(tracks) != self._presence.count:
            self._presence = Presence(len(tracks), datetime.now(timezone.utc))
        newest = max((track.number for track in tracks), default=self._newest_track)
        self.summary.people_seen += max(newest - self._newest_track, 0)
        self._newest_track = max(newest, self._newest_track)
        self.summary.decisions += len(decisions)
        self.summary.add_frame(self._source, len(tracks), len(self._windows))
        if 0 < step_s <= _LONGEST_STEP_S:
            self._interval_s += (
                _NEWEST * (step_s - self._interval_s) if self._interval_s else step_s
            )
            self.summary.watched_s += self._windows.visible * step_s

    def _info(
        self, track: Track, zones: Mapping[str, float], frame: Frame, time_s: float
    ) -> TrackInfo:
        height, width = frame.pixels.shape[:2]
        return TrackInfo(
            track.number,
            box_in(track.box, width, height),
            max(time_s - track.first_s, 0.0),
            zones,
            score=track.score,
            is_hidden=track.is_hidden,
            name=self._names.name_of(track.number) if self._names else None,
        )
