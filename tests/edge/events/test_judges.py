"""Events by example: what one alert makes of one film."""

import dataclasses
import math
from datetime import datetime

import numpy as np
import pytest

from edge.events.alert import Alert, AlertError
from edge.stream import TrackInfo
from edge.tasks import Task, confidence, kind_of
from edge.tasks.kind import Prediction
from tests.edge.events.judging import ACTION, AGE, DOOR, TAGS, TASKS, Camera, fall, phases, run_info

FALL = Alert(task="action", labels=("fall",))


def alert(**settings: object) -> Alert:
    return dataclasses.replace(FALL, **settings)


def test_raw_answers_are_events_of_their_own() -> None:
    camera = Camera(FALL)
    for second, p in enumerate((0.2, 0.9, 0.4, 0.7, 0.7)):
        camera.fall(second, p)
    camera.end()
    assert phases(camera.events) == ["start", "end", "start", "end"]
    first, ended = camera.events[:2]
    assert first.id == ended.id != camera.events[2].id
    assert (ended.started.captured_at, ended.ended.captured_at) == (1, 1)
    assert (ended.reason, camera.events[3].reason) == ("cleared", "run ended")
    assert ended.peak == ended.mean == pytest.approx(0.9)
    assert (ended.alert, ended.label, ended.source) == ("action fall", "fall", "yard")
    assert (ended.bundle, ended.bundle_sha256) == ("net", "ab")


def test_an_event_begins_once_it_held_for_long_enough_and_says_since_when() -> None:
    camera = Camera(alert(for_s=0.5, clear_s=1.0))
    told = {}
    for number in range(40):
        second = number / 10
        for event in camera.fall(second, 0.9 if 0.3 <= second <= 1.5 else 0.1):
            told[event.phase] = event
    assert told["start"].newest.captured_at == pytest.approx(0.8)
    assert told["start"].started.captured_at == pytest.approx(0.3)
    assert told["end"].ended.captured_at == pytest.approx(1.5)
    assert told["end"].newest.captured_at == pytest.approx(2.6)


def test_between_above_and_below_it_stays_as_it_is() -> None:
    camera = Camera(alert(above=0.8, below=0.5))
    told = [phases(camera.fall(n, p)) for n, p in enumerate((0.7, 0.8, 0.6, 0.5, 0.49, 0.7))]
    assert told == [[], ["start"], [], [], ["end"], []]


def test_an_exponential_mean_takes_a_flicker_away() -> None:
    camera = Camera(alert(smooth_s=1.0))
    for number in range(50):
        camera.fall(number / 10, 1.0 if number % 10 == 5 else 0.0)
    assert not camera.events
    for number in range(50, 70):
        camera.fall(number / 10, 1.0)
    # from 0.1 on, 1 - exp(-t) passes 0.5 after 0.6 to 0.7 seconds
    assert 5.5 <= camera.events[0].newest.captured_at <= 5.8


def test_more_than_half_of_the_votes_decide() -> None:
    camera = Camera(alert(vote=5))
    told = [phases(camera.fall(n, p)) for n, p in enumerate((1, 0, 1, 0, 1, 0, 0))]
    assert told == [[], [], [], [], ["start"], ["end"], []]


def test_a_window_that_begins_anew_takes_no_smoothing_along() -> None:
    camera = Camera(alert(vote=3))
    camera.fall(0, 1.0)
    camera.fall(1, 1.0, restart=True)
    assert not camera.events
    camera = Camera(alert(for_s=2.0))
    for second in range(4):
        camera.fall(second, 1.0, restart=second == 2)
    assert not camera.events


@pytest.mark.parametrize("smoothing", [{}, {"smooth_s": 1.0}, {"vote": 3}], ids=str)
def test_an_answer_that_is_no_number_holds_nothing_and_stays_nowhere(smoothing: dict) -> None:
    camera = Camera(alert(**smoothing))
    for second in range(10):
        camera.fall(second, 1.0)
    broken = Prediction(np.full(3, np.nan, np.float32), label="fall", p=math.nan, index=1)
    assert phases(camera.answer(10, {"action": broken})) == ["end"]
    for second in range(11, 20):
        camera.fall(second, 1.0)
    assert phases(camera.events) == ["start", "end", "start"]
    assert phases(camera.answer(20, {"action": Prediction(np.zeros(0))})) == ["end"]


def test_nothing_begins_in_a_cooldown() -> None:
    camera = Camera(alert(cooldown_s=10.0))
    for second in range(30):
        camera.fall(second, float(second % 2))
    starts = [e.newest.captured_at for e in camera.events if e.phase == "start"]
    assert starts == [1, 13, 25]


def test_a_gap_ends_what_nobody_sees_any_more() -> None:
    camera = Camera(alert(clear_s=60.0))
    camera.fall(0, 1.0)
    (event,) = camera.end("source lost")
    assert (event.phase, event.reason, event.ended.captured_at) == ("end", "source lost", 0)
    assert camera.end("run ended") == []


def test_people_have_events_of_their_own() -> None:
    anna, ben = (TrackInfo(n, (n, 0, 5, 5), zones={"bed": 1.0}) for n in (1, 2))
    camera = Camera(alert(zone="bed", clear_s=5.0))
    camera.answer(0, {"action": fall(1.0)}, anna)
    camera.answer(1, {"action": fall(0.9)}, ben)
    assert [(e.track, e.zone, e.box[0]) for e in camera.events] == [
        (1, "bed", 1),
        (1, "bed", 1),
        (2, "bed", 2),
    ]
    assert [(e.phase, e.reason) for e in camera.events] == [
        ("start", None),
        ("end", "track left"),
        ("start", None),
    ]


def test_who_is_elsewhere_is_not_meant() -> None:
    camera = Camera(alert(zone="bed"))
    camera.answer(0, {"action": fall(1.0)}, TrackInfo(1, (0, 0, 5, 5), zones={"door": 1.0}))
    assert not camera.events


def test_somebody_who_stays_in_a_zone() -> None:
    camera = Camera(Alert(zone="door", for_s=3.0))
    there, away = TrackInfo(1, (0, 0, 5, 5), zones={"door": 0.0}), TrackInfo(1, (0, 0, 5, 5))
    for second, track in enumerate((away, there, there, away, there, there, there, there, there)):
        camera.people(track)
        camera.frame(second)
    camera.people()
    camera.frame(9)
    begun, ended = camera.events
    assert (begun.started.captured_at, begun.newest.captured_at) == (4, 7)
    assert (begun.alert, begun.task, begun.peak, begun.track) == ("presence door", None, None, 1)
    assert (ended.reason, ended.ended.captured_at) == ("track left", 8)


def test_numbers_go_over_and_under_with_a_slack() -> None:
    camera = Camera(Alert(task="age", over=65.0, under=18.0, hysteresis=2.0))
    ages = (40, 64, 65, 63.5, 62.9, 18, 19.9, 20.1, math.inf)
    told = [
        phases(camera.answer(n, {"age": kind_of(AGE).predict(np.array([age]))}))
        for n, age in enumerate(ages)
    ]
    assert told == [[], [], ["start"], [], ["end"], ["start"], [], ["end"], []]
    assert (camera.events[1].peak, camera.events[1].unit) == (65, "years")


def test_several_labels_add_up() -> None:
    camera = Camera(alert(labels=("fall", "faint"), above=0.8))
    scores = kind_of(ACTION).predict(np.array([0.1, 0.5, 0.4], np.float32))
    (event,) = camera.answer(0, {"action": scores})
    assert (event.label, event.peak) == ("fall", pytest.approx(0.9))


def test_each_kind_of_answer_has_a_probability() -> None:
    door = kind_of(DOOR).predict(np.array([0.1], np.float32))
    tags = kind_of(TAGS).predict(np.array([0.3, 0.9], np.float32))
    alerts = [
        Alert(task="door", labels=("open",), above=0.05),
        Alert(task="door", labels=("shut",)),
        Alert(task="tags", labels=("hat", "bag")),
    ]
    events = Camera(*alerts).answer(0, {"door": door, "tags": tags})
    assert [round(event.peak, 3) for event in events] == [0.1, 0.9, 0.9]
    assert events[2].label == "bag"


def test_probabilities_are_the_calibrated_ones() -> None:
    task = dataclasses.replace(ACTION, temperature=2.0)
    camera = Camera(FALL, info=run_info(tasks=[task]))
    (event,) = camera.answer(0, {"action": kind_of(task).predict(np.array([0.1, 0.8, 0.1]))})
    assert event.peak == pytest.approx(confidence.tempered(np.array([0.1, 0.8, 0.1]), 2.0)[1])


def test_unknown_is_an_answer_like_another_and_its_guess_is_none() -> None:
    guess = Prediction(np.array([0.0, 0.9, 0.1]), label="unknown", p=0.9, guess="fall")
    camera = Camera(FALL, Alert(task="action", labels=("unknown",)))
    (event,) = camera.answer(0, {"action": guess})
    assert (event.alert, event.peak) == ("action unknown", 1.0)
    stranger = Prediction(np.zeros(4), label="unknown", similarity=0.1)
    known = Prediction(np.zeros(4), label="anna", similarity=0.7)
    face = Task("face", "embedding")
    camera = Camera(Alert(task="face", labels=("unknown",)), info=run_info(tasks=[face]))
    assert phases(camera.answer(0, {"face": stranger})) == ["start"]
    assert phases(camera.answer(1, {"face": known})) == ["end"]


def test_an_event_is_told_anew_once_it_is_surer_or_somebody_is_known() -> None:
    camera, stranger = Camera(FALL), TrackInfo(1, (0, 0, 5, 5))
    anna = dataclasses.replace(stranger, name="anna")
    for second, p, track in ((0, 0.6, stranger), (0.5, 0.9, stranger), (1, 0.8, stranger)):
        camera.answer(second, {"action": fall(p)}, track)
    camera.answer(1.5, {"action": fall(0.8)}, stranger)
    assert phases(camera.events) == ["start", "update"]
    assert camera.events[1].peak == pytest.approx(0.9)
    camera.answer(2.5, {"action": fall(0.8)}, anna)
    assert (camera.events[2].phase, camera.events[2].name) == ("update", "anna")


def test_a_schedule_begins_and_ends_with_its_minute() -> None:
    start = datetime(2026, 11, 27, 21, 59, 0).timestamp()  # a Friday
    camera = Camera(alert(schedule=("fri 22:00-06:00",)), info=run_info(start))
    for second in (0, 59, 60, 61, 8 * 3600 + 59, 8 * 3600 + 60, 24 * 3600 + 120):
        camera.fall(second, 1.0)
    told = [(e.phase, e.newest.captured_at, e.reason) for e in camera.events]
    assert told == [
        ("start", 60, None),
        ("end", 8 * 3600 + 60, "out of schedule"),
    ]


@pytest.mark.parametrize(
    ("settings", "key", "words"),
    [
        ({}, "task", "give a detector"),
        ({"task": "action"}, "task", "is = [...]"),
        ({"task": "acton", "labels": ("fall",)}, "task", "did you mean 'action'"),
        ({"task": "action", "labels": ("fal",)}, "is", "did you mean 'fall'"),
        ({"task": "action", "labels": ("unknown",)}, "is", "no label 'unknown'"),
        ({"task": "action", "over": 3.0}, "over", "is classification: give is"),
        ({"task": "age", "labels": ("old",)}, "is", "is regression: give over or under"),
        ({"task": "age", "over": 1.0, "under": 2.0}, "under", "less than over"),
        ({"task": "age", "over": math.nan}, "over", "no number"),
        ({"task": "action", "labels": ("fall",), "above": 1.5}, "above", "0 to 1"),
        ({"task": "action", "labels": ("fall",), "above": 0.5, "below": 0.6}, "below", "swap"),
        ({"task": "action", "labels": ("fall",), "vote": 3, "smooth_s": 1.0}, "vote", "both"),
        ({"task": "action", "labels": ("fall",), "for_s": -1.0}, "for_s", "must be"),
        ({"task": "action", "labels": ("fall",), "severity": "alram"}, "severity", "'alarm'"),
        ({"task": "action", "labels": ("fall",), "schedule": ("8-9",)}, "schedule", "HH:MM"),
        (
            {"task": "action", "labels": ("fall",), "schedule": ("mo 08:00-09:00",)},
            "schedule",
            "mon",
        ),
        (
            {"task": "action", "labels": ("fall",), "schedule": ("08:00-25:00",)},
            "schedule",
            "clock",
        ),
        ({"zone": "dor"}, "zone", "give a detector"),
        ({"labels": ("fall",)}, "is", "goes with a task"),
        ({"task": "action", "labels": ("fall",), "source": "yrd"}, "source", "'yard'"),
    ],
    ids=str,
)
def test_an_alert_that_can_never_come_is_refused(settings: dict, key: str, words: str) -> None:
    with pytest.raises(AlertError, match=".") as error:
        given = Alert(**settings)
        given.fit_sources(("yard",))
        given.fit(TASKS)
    assert error.value.key == key
    assert words in str(error.value)


def test_a_zone_that_is_not_there_is_refused() -> None:
    with pytest.raises(AlertError, match="did you mean 'door'"):
        Alert(zone="dor").fit(TASKS, ("door",), has_people=True)
    assert Alert(zone="door").fit(TASKS, ("door",), has_people=True) is None
