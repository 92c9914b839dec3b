"""What holds for every alert over every film."""

import math
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings, strategies as st

from edge.events import Event
from edge.events.alert import Alert
from edge.stream import Decision, TrackInfo
from tests.edge.events.judging import Camera, fall

SLACK = 1e-5
shares = st.sampled_from((0.0, 0.2, 0.45, 0.5, 0.55, 0.8, 1.0, math.nan))
steps = st.sampled_from((0.0, 0.04, 0.04, 0.04, 0.2, 1.0, 5.0))
happenings = st.sampled_from(("", "", "", "", "", "", "restart", "gap", "leaves"))
films = st.lists(st.tuples(steps, shares, happenings, st.integers(1, 2)), max_size=120)
alerts = st.builds(
    Alert,
    task=st.just("action"),
    labels=st.just(("fall",)),
    above=st.just(0.6),
    below=st.sampled_from((None, 0.4)),
    for_s=st.sampled_from((0.0, 0.1, 1.0)),
    clear_s=st.sampled_from((0.0, 0.1, 2.0)),
    cooldown_s=st.sampled_from((0.0, 3.0)),
    vote=st.sampled_from((0, 0, 3)),
    zone=st.sampled_from((None, "bed")),
)
smoothed = st.builds(
    lambda alert, smooth_s: alert if alert.vote else replace(alert, smooth_s=smooth_s),
    alerts,
    st.sampled_from((0.0, 0.5)),
)


def film(alert: Alert, frames: list[tuple[float, float, str, int]]) -> list[Event]:
    camera, second = Camera(alert), 0.0
    for step, share, happening, number in frames:
        second += step
        if happening == "gap":
            camera.end("source lost")
        if happening == "leaves":
            camera.people()
            camera.frame(second)
            continue
        track = TrackInfo(number, (0, 0, 9, 9), zones={"bed": 0.0} if share != 0.2 else {})
        other = TrackInfo(3 - number, (0, 0, 9, 9))
        camera.people(track, other)
        camera.frame(second, [_decision(camera, second, share, track, happening == "restart")])
    camera.end()
    return camera.events


def _decision(camera: Camera, second: float, p: float, track: TrackInfo, restart: bool) -> Decision:
    tasks = {"action": fall(p)}
    return Decision(camera.number + 1, second, 0.0, {}, tasks, track=track, restart=restart)


def by_person(events: list[Event]) -> dict[int | None, list[Event]]:
    sorted_events = defaultdict(list)
    for event in events:
        sorted_events[event.track].append(event)
    return sorted_events


@settings(deadline=None)
@given(smoothed, films)
def test_events_begin_and_end_in_turn(alert: Alert, frames: list) -> None:
    for events in by_person(film(alert, frames)).values():
        edges = [event for event in events if event.phase != "update"]
        assert [event.phase for event in edges] == ["start", "end"] * (len(edges) // 2)
        for begun, ended in zip(edges[::2], edges[1::2]):
            assert begun.id == ended.id
        ids = [event.id for event in edges[::2]]
        assert len(set(ids)) == len(ids)
        for event in events:
            assert event.id in ids


@settings(deadline=None)
@given(smoothed, films)
def test_no_event_is_shorter_than_it_must_be(alert: Alert, frames: list) -> None:
    for event in film(alert, frames):
        seconds = event.newest.captured_at - event.started.captured_at
        assert seconds >= alert.for_s - SLACK
        if event.ended:
            assert event.ended.captured_at - event.started.captured_at >= alert.for_s - SLACK
            assert event.ended.captured_at <= event.newest.captured_at


@settings(deadline=None)
@given(smoothed, films)
def test_what_cleared_did_not_hold_for_long_enough(alert: Alert, frames: list) -> None:
    for event in film(alert, frames):
        if event.reason == "cleared":
            quiet_s = event.newest.captured_at - event.ended.captured_at
            assert quiet_s >= alert.clear_s - SLACK


@settings(deadline=None)
@given(smoothed, films)
def test_nothing_begins_in_a_cooldown(alert: Alert, frames: list) -> None:
    silent_until_s = -math.inf
    for event in film(alert, frames):
        if event.phase == "start":
            assert event.newest.captured_at >= silent_until_s - SLACK
        if event.phase == "end":
            silent_until_s = event.newest.captured_at + alert.cooldown_s


@settings(deadline=None)
@given(smoothed, films)
def test_equal_films_give_equal_events(alert: Alert, frames: list) -> None:
    once, again = ([_told(event) for event in film(alert, frames)] for _ in range(2))
    assert once == again


def _told(event: Event) -> dict:
    return {key: value for key, value in event.to_json().items() if key != "id"}


@settings(deadline=None)
@given(smoothed, films)
def test_a_probability_is_one_and_the_mean_is_below_the_peak(alert: Alert, frames: list) -> None:
    for event in film(alert, frames):
        assert 0 <= event.mean <= event.peak + SLACK <= 1 + 2 * SLACK


@settings(deadline=None)
@given(alerts, films)
def test_nothing_begins_without_an_answer_that_is_sure_enough(alert: Alert, frames: list) -> None:
    """Without smoothing and votes, a start needs one answer that is at least `above`."""
    enough = any(share >= alert.above for _, share, _, _ in frames)
    assert enough or not film(alert, frames)
    times = [e.newest.captured_at for e in film(alert, frames)]
    assert all(one <= other for one, other in pairwise(times))
