"""Outputs, alerts and people while another version of a bundle takes over."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge import feed as feeds, sinks
from edge.bundle import open_bundle
from edge.events.alert import Alert
from edge.events.judges import EventSources
from edge.scene import Scene, SceneOptions
from edge.sinks import BundleInfo
from edge.stream import Network, StreamOptions
from edge.summary import SourceSummary
from edge.updates.changes import KEPT, REFUSED, UpdateChange
from edge.updates.trial import StreamPair, Trial
from tests.edge.events.judging import ACTION, TASKS, Camera
from tests.edge.scene.scenes import AT_ONCE, FakeClock, ScriptedDetector, box, frame
from tests.edge.sinks import samples
from tests.edge.sinks.brokers import Listener, Mosquitto, needs_mosquitto, until
from tests.edge.web import pages

BUNDLE = open_bundle("faces-in-motion")
WINDOW = BUNDLE.manifest.window
CHANGE = UpdateChange("", "4f2a", "door.edge", "cd" * 32, "door", "2").to(REFUSED, "it is too slow")
NEW = BundleInfo("watch", "cd" * 32, (samples.ACTION,))


def test_each_line_names_the_bundle_that_answered(tmp_path: Path) -> None:
    """Also those that wait in the queue when another one takes over."""
    request = sinks.registry().find(f"jsonl:{tmp_path / 'out.jsonl'}")
    ((sink,),) = sinks.open_sinks([request], [samples.RUN])
    feed = feeds.Feed(SourceSummary.__new__(SourceSummary), None, [sink])
    for number in range(40):
        if number == 20:
            feed.show_bundle(NEW)
            sink.show_update(CHANGE.to(KEPT))
        sink.take(samples.frame(number), [samples.decision(number)])
    sink.close()
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    hashes = {row["frame"]: row["bundle_sha256"] for row in records if "tasks" in row}
    assert hashes == {n: ("ab" if n < 20 else "cd") * 32 for n in range(40)}
    assert [row["update"] for row in records if "update" in row] == ["kept"]


def test_the_page_shows_who_answers_and_why_an_update_failed() -> None:
    pytest.importorskip("starlette")  # the extra `web`
    with pages.served() as page:
        page.give(3)
        assert page.json("/api/run")["sha256"] == "ab" * 32
        assert page.json("/api/state")["update_problem"] == ""
        page.page.update_by(SimpleNamespace(problem=str(CHANGE)))  # type: ignore[arg-type]
        page.watches[0].show_bundle(NEW)
        assert page.json("/api/run")["sha256"] == "cd" * 32
        assert page.json("/api/state")["update_problem"] == (
            "update door 2: refused, it is too slow"
        )


@needs_mosquitto
def test_a_broker_keeps_the_newest_step(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        options = f"mqtt:127.0.0.1:{broker.port}/home:spool={tmp_path / 'spool'}"
        ((sink,),) = sinks.open_sinks([sinks.registry().find(options)], [samples.RUN])
        with sink:
            sink.show_update(CHANGE)
            with Listener(broker.port) as listener:  # who comes later
                assert until(lambda: listener.payloads("home/update"))
                state = json.loads(listener.payloads("home/update")[0])
                assert until(lambda: any(b"home/update" in each[1] for each in listener.messages))
    assert (state["update"], state["reason"]) == ("refused", "it is too slow")


def test_an_event_that_goes_on_goes_on_and_later_ones_name_the_new_bundle() -> None:
    camera = Camera(Alert(task="action", labels=("fall",), above=0.5, for_s=0.0, clear_s=0.0))
    (first,) = camera.fall(0.0, 0.9)
    EventSources([camera.judges]).show_bundle(BundleInfo("net", "cd", TASKS))
    assert not camera.fall(1.0, 0.9)
    (ended,) = camera.fall(2.0, 0.1)
    (second,) = camera.fall(3.0, 0.9)
    assert (ended.id, ended.phase) == (first.id, "end")
    assert (first.bundle_sha256, second.bundle_sha256) == ("ab", "cd")


@pytest.mark.parametrize(("temperature", "begins"), [(1.0, True), (4.0, False)])
def test_alerts_read_answers_as_the_new_bundle_calibrates_them(
    temperature: float, begins: bool
) -> None:
    """Of two labels together, which the answer alone does not tell."""
    camera = Camera(Alert(task="action", labels=("fall", "faint"), above=0.9))
    tempered = replace(ACTION, temperature=temperature)
    camera.judges.show_bundle(BundleInfo("net", "cd", (tempered, *TASKS[1:])))
    assert bool(camera.fall(0.0, 0.95)) == begins


def test_people_keep_their_windows_while_another_network_takes_over() -> None:
    """Two of them, and one who comes in probation, and one who comes when it is kept."""
    boxes = [[box(0), box(1)]] * 22 + [[box(0), box(1), box(2)]] * 16 + [[box(n) for n in range(4)]]
    networks = [Network(BUNDLE, StreamOptions()) for _ in range(3)]
    options = SceneOptions(StreamOptions(), detect_every=1, tracks=AT_ONCE)
    scene, alone = (
        Scene(BUNDLE, ScriptedDetector(boxes, FakeClock()), options, network=each)
        for each in (networks[0], networks[2])
    )
    trial = Trial(BUNDLE.manifest.tasks)
    for number in range(38 + WINDOW):
        if number == 2:
            scene.exchange(lambda old: StreamPair(old, old.beside(networks[1]), trial))
        if number == 20:
            trial.begin_probation()
        if number == 30:
            scene.exchange(lambda pair: pair.new, networks[1])
            calls = networks[0].encoder.invocations
        views = [each.push(frame(number)) for each in (scene, alone)]
        answers = [
            [(d.track.number, d.tasks["action"].scores.tolist()) for d in view.decisions]
            for view in views
        ]
        assert answers[0] == answers[1], number
    assert len(answers[0]) == 4 and not trial.problem
    assert networks[0].encoder.invocations == calls  # nobody asks it any more
    assert trial.decisions > 0 and not np.isnan(trial.cost_ms)
