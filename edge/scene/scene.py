"""Frames in, people out: who is there, and what a network decides of each of them."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np

from edge.bundle import Bundle
from edge.detector import Detector
from edge.input_spec import Size
from edge.people.recogniser import Recogniser
from edge.people.track_names import TrackNames
from edge.scene.budget import DETECTOR, ENCODER, Budget
from edge.scene.options import SceneOptions
from edge.scene.person import Person, box_in
from edge.scene.view import Presence, SceneSummary, SceneView, expected_rate_hz
from edge.sinks import ShowsPeople, Sink
from edge.stream import (
    Decision,
    Frame,
    FrameSampler,
    Network,
    Region,
    Stream,
    TrackInfo,
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
    Raises BundleError if the detector is none, or the bundle is one; ModuleNotFoundError if lapx
    is missing.
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
        self.rate_hz = FrameSampler.of(bundle.manifest, options.rate_hz).rate_hz
        sure = detector.spec.sure
        self._tracking = options.tracks or TrackOptions(sure, min(sure, TrackOptions.low_score))
        self._tracker = Tracker((0, 0), self._tracking)
        self._zones, self._masks = list[areas.Zone](), list[areas.Polygon]()
        self._zone_times = areas.ZoneTimes(self._zones)
        self._people: dict[int, Person] = {}
        self._unused: list[Stream] = []
        self._names, self._source = TrackNames(recogniser) if recogniser else None, source
        self._turn, self._newest_track, self._notes = 0, 0, set[str]()
        self._frame_number, self._frames_undetected = -1, math.inf
        self._time_s, self._interval_s = math.nan, 0.0
        self._presence = Presence(0, datetime.now(timezone.utc))
        self.view = SceneView(-1, (), (), self._presence, source)

    def push(self, frame: Frame | np.ndarray) -> SceneView:
        """Take one frame (a Frame, or pixels uint8 BGR (H, W, 3)); who is there, and decisions.

        Raises EdgeError if it is no such frame, or a zone or mask lies outside of it.
        """
        if not isinstance(frame, Frame):
            frame = Frame(frame, self._frame_number + 1)
        require_frame(frame.pixels)
        time_s = frame.moment_s if math.isfinite(frame.moment_s) else frame.captured_at
        passed, self._frame_number = max(frame.number - self._frame_number, 1), frame.number
        self.budget.begin_frame(passed)
        started = time.perf_counter()
        tracks = self._tracks(frame, time_s, passed)
        self.latency_ms = {"people": (time.perf_counter() - started) * 1e3}
        self._give_windows(tracks)
        for track in tracks:
            if person := self._people.get(track.number):
                self.summary.calls_due += person.follow(track, frame, time_s)
        height, width = frame.pixels.shape[:2]
        dwell_s = self._zone_times.update(tracks, time_s, (width, height))
        infos = {t.number: self._info(t, each, frame, time_s) for t, each in zip(tracks, dwell_s)}
        decisions = self._look(frame, infos, time_s)
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
        every = self.budget.frames_per_detection(len(self._people), most)
        if every * self._interval_s > self._tracking.hidden_s:
            self._note_once("detector", self._too_rarely(every))
        return every

    def _too_rarely(self, every: int) -> str:
        """Why people are lost, and what helps."""
        lost = "people are lost between two passes; give a"
        if self.options.detect_every:
            return f"--detect-every {every} is too rare: {lost} smaller one"
        return (
            f"{self.options.budget_ms:.1f} ms a frame are too few for a detector that takes "
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

    def _give_windows(self, tracks: Sequence[Track]) -> None:
        """One to each who came, as long as there are some; that of who left is free."""
        numbers = {track.number for track in tracks}
        for number in self._people.keys() - numbers:
            person = self._people.pop(number)
            person.stream.reset()
            self._unused.append(person.stream)
            if self._names:
                self._names.forget(number)
        for number in sorted(numbers - self._people.keys()):
            if len(self._people) < self.options.max_people:
                stream = self._unused.pop() if self._unused else self._new_stream()
                self._people[number] = Person(
                    stream, self.detector.spec.margin, self.rate_hz, self._next_turn()
                )
                self.summary.windows += 1

    def _new_stream(self) -> Stream:
        network, source = self.network, self._source
        return Stream(self.bundle, self.options.stream, network=network, source=source)

    def _look(
        self, frame: Frame, infos: Mapping[int, TrackInfo], time_s: float
    ) -> Sequence[Decision]:
        """Encoder calls for those who wait longest, as many as the budget allows."""
        due = [(person.turn, number) for number, person in self._people.items() if person.is_due]
        decisions = []
        for _, number in sorted(due):
            if not self.budget.allows_call:
                break
            person = self._people[number]
            with self.budget.spend(ENCODER, person.is_call_saved):
                decision = person.look(frame, infos[number], time_s, self._next_turn())
            self.summary.calls += 1
            decisions += [self._named(decision)] if decision else []
        self._note_slow_windows()
        return decisions

    def _note_slow_windows(self) -> None:
        """Say once if people get so few calls that they look faster than they are."""
        looks_back = self.summary.trained_rate_hz is not None
        if looks_back and any(person.is_behind for person in self._people.values()):
            self._note_once(
                "windows",
                f"{self.options.budget_ms:.1f} ms a frame are too little for those there "
                f"({len(self._people)}): each is looked at less often than the network expects, and "
                "what they do looks faster to it: give a larger --budget-ms, or a smaller --max-people",
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
        self.summary.people += max(newest - self._newest_track, 0)
        self._newest_track = max(newest, self._newest_track)
        self.summary.decisions += len(decisions)
        self.summary.add_frame(self._source, len(tracks), len(self._people))
        if 0 < step_s <= _LONGEST_STEP_S:
            self._interval_s += (
                _NEWEST * (step_s - self._interval_s) if self._interval_s else step_s
            )
            seen = sum(person.region is not None for person in self._people.values())
            self.summary.watched_s += seen * step_s

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn

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


class SceneWatcher:
    """What the loop pushes frames through: its sinks see who is in a frame before they take it.

    add_latency: takes milliseconds by stage.
    """

    def __init__(
        self,
        scene: Scene,
        sinks: Sequence[Sink],
        add_latency: Callable[[Mapping[str, float]], object],
    ) -> None:
        self._scene, self._add_latency = scene, add_latency
        self._sinks = [sink for sink in sinks if isinstance(sink, ShowsPeople)]

    def decisions(self, frame: Frame) -> Sequence[Decision]:
        view = self._scene.push(frame)
        self._add_latency(self._scene.latency_ms)
        for sink in self._sinks:
            sink.show_people(view)
        return view.decisions
