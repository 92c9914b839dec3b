"""Whether frames and answers are still like those that the bundle was made for, told as an event."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.drift.reference import IMAGE_FIELDS, DriftReference, certainty, labels_of
from edge.drift.sliding import SlidingDistances, SlidingShares, stability_index
from edge.events.event import CLEARED, Event, EventIds, Moment, Phase
from edge.events.judges import FrameClock, common_fields
from edge.stream.decision import Decision
from edge.tasks import UNKNOWN

if TYPE_CHECKING:
    from edge.scene import SceneView
    from edge.sinks import BundleInfo, RunInfo
    from edge.stream import Frame

NAME, SEVERITY = "drift", "warning"
# distances, of 0 to 1, from which a difference is told, and below which it is over
START, END_SHARE = 0.9, 7 / 9
CHANGED_ANSWERS = (
    0.25  # the stability index from which answers are told of beside other differences
)
_JUDGE_S, _FEWEST = 0.5, 10
# of how much of what lies between a tenth and nine tenths of the reference it may be off, and of how
# many units in every case: examples.drift_rates says what they lead to
TOLERANCES = {
    "luminance": (0.6, 8.0),
    "contrast": (0.6, 4.0),
    "sharpness": (0.6, 0.5),
    "saturation": (1.0, 6.0),
}
_CERTAINTY_TOLERANCE = (0.6, 0.15)
_LOWER = ("darker", "less contrast", "blurred", "paler")
_HIGHER = ("brighter", "more contrast", "sharper or noisier", "more colourful")
_LESS_CERTAIN, _MORE_UNKNOWN = "less certain", "more often unknown"


@dataclass(frozen=True)
class DriftOptions:
    """time_constant_s: of the window of late.  answers: the population stability index from which
    answers that differ are told of alone; 0: never, as a place where one thing happens is no fault.
    """

    time_constant_s: float
    answers: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.  what: a statistic of frames, or a task.  change: in a word or two.

    distance: 0 to 1, or of answers the stability index.  newest, expected: mean of late, and what
    half of the reference is below; of labels the shares of the one that differs most.
    """

    what: str
    change: str
    distance: float
    newest: float
    expected: float

    def __str__(self) -> str:
        return f"{self.change} ({self.what} {self.newest:.3g}, expected {self.expected:.3g})"

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "change": self.change,
            "distance": round(self.distance, 4),
            "newest": round(self.newest, 4),
            "expected": round(self.expected, 4),
        }


def tolerances(quantiles: np.ndarray, shares: "Sequence[tuple[float, float]]") -> np.ndarray:
    """Of quantities (n, levels), (n,)."""
    spreads = quantiles[:, 6] - quantiles[:, 2]
    return np.array([max(share * s, least) for (share, least), s in zip(shares, spreads)])


class DriftWatch:
    """Compares one source's frames and answers with the bundle's reference, and makes events of it.

    Time is that of the frames. It begins to judge when it has seen a time constant of them.
    differences: those that hold just now.  drifted_s: for how long there were any.
    """

    def __init__(self, reference: DriftReference, run: "RunInfo", options: DriftOptions) -> None:
        self._options, self.source, self._run = options, run.origin, run
        self._clock, self._ids, self._common = FrameClock(run), EventIds(), common_fields(run)
        self.differences: dict[tuple[str, str], Difference] = {}
        self.drifted_s, self._judged_s, self.events = 0.0, -math.inf, 0
        self._event: Event | None = None
        self._newest_told = ""
        self.compare_with(reference)

    def compare_with(self, reference: DriftReference) -> None:
        """Begin to look anew, at frames and answers of this one; an event that goes on goes on."""
        self._reference = reference
        quantiles, constant_s = reference.image_quantiles, self._options.time_constant_s
        image_tolerances = tolerances(quantiles, list(TOLERANCES.values()))
        self._images = SlidingDistances(quantiles, image_tolerances, constant_s)
        self._sure_tasks = [name for name, task in reference.tasks.items() if task.certainty]
        sure = np.array([reference.tasks[name].certainty for name in self._sure_tasks])
        self._certainty = (
            SlidingDistances(sure, tolerances(sure, [_CERTAINTY_TOLERANCE] * len(sure)), constant_s)
            if len(sure)
            else None
        )
        self._shares = {
            n: SlidingShares(constant_s) for n, t in reference.tasks.items() if t.shares
        }

    def show_bundle(self, bundle: "BundleInfo") -> None:
        """Later events name this one."""
        self._common = common_fields(replace(self._run, bundle=bundle))

    def show_people(self, view: "SceneView") -> None:
        """All windows count, whoever is in them."""

    def take(self, frame: "Frame", decisions: Sequence[Decision]) -> Sequence[Event]:
        """What begins, changes or ends with one frame."""
        now_s = self._clock.take(frame).seconds
        for decision in decisions:
            self._add(decision, now_s)
        if not decisions or now_s - self._judged_s < _JUDGE_S:
            return ()
        if self.differences:
            self.drifted_s += now_s - self._judged_s
        self._judged_s = now_s
        before, self.differences = self.differences, dict(self._held())
        if self._event and not self.differences:
            return [self._end(CLEARED)]
        if self.differences and (not self._event or self.differences.keys() - before.keys()):
            return [self._tell("update" if self._event else "start")]
        return ()

    def end(self, reason: str) -> Sequence[Event]:
        """What was seen so far counts on: behind a gap the camera stands where it stood."""
        return [self._end(reason)] if self._event else ()

    def _add(self, decision: Decision, now_s: float) -> None:
        if decision.image is not None:
            self._images.add(decision.image.values, now_s)
        if self._certainty:
            sure = [certainty(decision.tasks[name]) for name in self._sure_tasks]
            self._certainty.add(np.array([1.0 if s is None else s for s in sure]), now_s)
        for name, shares in self._shares.items():
            shares.add(tuple(labels_of(decision.tasks[name])), now_s)

    def _held(self) -> "Iterator[tuple[tuple[str, str], Difference]]":
        """What differs enough, or did and still does somewhat."""
        for difference, start in self._all():
            key = difference.what, difference.change
            least = start * END_SHARE if key in self.differences else start
            if difference.distance >= least:
                yield key, difference

    def _all(self) -> Iterator[tuple[Difference, float]]:
        """Each with the distance at which it begins."""
        if self._is_enough(self._images):
            pairs = ((self._images.lower, _LOWER), (self._images.higher, _HIGHER))
            medians = self._reference.image_quantiles[:, 4]
            for distances, changes in pairs:
                columns = zip(IMAGE_FIELDS, changes, distances, self._images.means, medians)
                for name, change, *numbers in columns:
                    yield Difference(name, change, *map(float, numbers)), START
        if not self._certainty or not self._is_enough(self._certainty):
            return
        for n, name in enumerate(self._sure_tasks):
            distance, mean = float(self._certainty.lower[n]), float(self._certainty.means[n])
            median = self._reference.tasks[name].certainty[4]
            yield Difference(name, _LESS_CERTAIN, distance, mean, median), START
        for name, sliding in self._shares.items():
            expected = self._reference.tasks[name].shares.get(UNKNOWN, 0.0)
            share = sliding.shares.get(UNKNOWN, 0.0)
            yield Difference(name, _MORE_UNKNOWN, share - expected, share, expected), START
        if self._options.answers:
            yield from ((each, self._options.answers) for each in self._answers())

    def _is_enough(self, sliding: SlidingDistances) -> bool:
        return sliding.count >= _FEWEST and sliding.seen_s >= self._options.time_constant_s

    def _answers(self) -> Iterator[Difference]:
        for name, sliding in self._shares.items():
            expected, shares = self._reference.tasks[name].shares, sliding.shares
            label = max(shares, key=lambda each: shares[each] - expected.get(each, 0.0), default="")
            index = stability_index(expected, shares)
            numbers = shares.get(label, 0.0), expected.get(label, 0.0)
            yield Difference(name, f"{label} more often", index, *numbers)

    def _tell(self, phase: Phase) -> Event:
        now = self._clock.now.moment
        told = list(self.differences.values())
        told += [
            each
            for each in self._answers()
            if each.distance >= CHANGED_ANSWERS and (each.what, each.change) not in self.differences
        ]
        largest = max(each.distance for each in self.differences.values())
        changes = ", ".join(dict.fromkeys(each.change for each in self.differences.values()))
        self._newest_told = "; ".join(map(str, self.differences.values()))
        subject = "frames" if {each.what for each in told} & {*IMAGE_FIELDS} else "answers"
        event = self._event or self._new_event(now)
        is_best = event.peak is None or largest > event.peak
        self._event = replace(
            event,
            phase=phase,
            newest=now,
            best=now if is_best else event.best,
            peak=largest if is_best else event.peak,
            label=changes,
            message=f"the {subject} differ from those this bundle was made for: "
            + "; ".join(map(str, told)),
            differences=tuple(each.to_json() for each in told),
        )
        return self._event

    def _new_event(self, now: Moment) -> Event:
        self.events += 1
        new_id = self._ids.next(self._clock.epoch_s)
        return Event(
            new_id,
            "start",
            NAME,
            SEVERITY,
            self._common["source"],
            started=now,
            newest=now,
            best=now,
            bundle=self._common.get("bundle", ""),
            bundle_sha256=self._common.get("bundle_sha256", ""),
            kind=NAME,
        )

    def _end(self, reason: str) -> Event:
        assert self._event is not None  # only of what goes on
        now = self._clock.now.moment
        event = replace(self._event, phase="end", newest=now, ended=now, reason=reason)
        self._event, self.differences = None, {}
        return event

    def to_json(self) -> dict[str, Any]:
        """For the summary of a run."""
        return {
            "source": self.source,
            "events": self.events,
            "drifted_s": round(self.drifted_s, 3),
            "differences": [each.to_json() for each in self.differences.values()],
        }

    @property
    def state(self) -> str:
        """One line of a summary."""
        if self.events:
            times = "once" if self.events == 1 else f"{self.events} times"
            now = "goes on" if self.differences else "is over"
            return f"{times}, {self.drifted_s:.0f} s in all, and {now}: {self._newest_told}"
        if not self._is_enough(self._images):
            constant_s = self._options.time_constant_s
            return f"not judged: less than {constant_s:g} s were seen (--drift SECONDS)"
        name, distance = max(
            ((d.what, d.distance) for d, _ in self._all() if d.what in IMAGE_FIELDS),
            key=lambda pair: pair[1],
        )
        return f"none; farthest from the bundle's clips is {name}, {distance:.2f} of {START:g}"
