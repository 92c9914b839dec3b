"""A recorded day gives the events that the run gave, and others by other settings."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.bundle import open_bundle
from edge.cli import main
from edge.events.alert import Alert
from edge.events.replay import read_lines, replay
from edge.shipped import find_bundle
from edge.sinks.jsonl import JsonLines
from edge.stream import Decision, TrackInfo
from edge_common import ConfigError
from tests.edge.events.judging import ACTION, TASKS, Camera, fall, run_info

SHARES = (0.1, 0.9, 0.85, 0.3, 0.9, 0.9, 0.95, 0.1, 0.1, 0.4, 0.7, 0.2)
ALERT = Alert(task="action", labels=("fall",), above=0.6, below=0.35, for_s=0.5, clear_s=0.3)


def recorded(path: Path, track: bool = False) -> tuple[Path, list[dict]]:
    """What a run wrote, and the events that it told."""
    camera, info = Camera(ALERT), run_info()
    with JsonLines(str(path), info, probabilities=True) as sink:
        for number, share in enumerate(SHARES):
            who = TrackInfo(1 + number // 6, (0, 0, 5, 5)) if track else None
            tasks = {"action": fall(share)}
            decision = Decision(
                number, number * 0.25, 0.0, {}, tasks, track=who, restart=not number
            )
            if who:
                camera.people(who)
            camera.frame(number * 0.25, [decision])
            sink.take(None, [decision])
    camera.end()
    return path, [without_id(event.to_json()) for event in camera.events]


def without_id(fields: dict) -> dict:
    return {key: value for key, value in fields.items() if key != "id"}


def test_the_same_alerts_give_the_events_of_the_run(tmp_path: Path) -> None:
    path, told = recorded(tmp_path / "day.jsonl")
    assert [event["event"] for event in told] == ["start", "end", "start", "update", "end"][
        : len(told)
    ]
    again = replay(list(read_lines(path)), [ALERT], run_info().bundle)
    assert [without_id(event.to_json()) for event in again] == told
    assert told


def test_other_alerts_give_other_events(tmp_path: Path) -> None:
    path, told = recorded(tmp_path / "day.jsonl")
    raw = Alert(task="action", labels=("fall",))
    events = list(replay(list(read_lines(path)), [raw], run_info().bundle))
    starts = [event for event in events if event.phase == "start"]
    assert len(starts) == 3 > sum(event["event"] == "start" for event in told)


def test_people_who_are_no_longer_decided_on_have_left(tmp_path: Path) -> None:
    path, _ = recorded(tmp_path / "day.jsonl", track=True)
    alert = Alert(task="action", labels=("fall",), clear_s=60.0)
    events = list(replay(list(read_lines(path)), [alert], run_info().bundle))
    assert [(e.phase, e.track, e.reason) for e in events if e.phase != "update"] == [
        ("start", 1, None),
        ("start", 2, None),
        ("end", 1, "track left"),
        ("end", 2, "run ended"),
    ]


def test_a_gap_ends_what_goes_on(tmp_path: Path) -> None:
    path, _ = recorded(tmp_path / "day.jsonl")
    lines = path.read_text().splitlines()
    lines.insert(
        6,
        json.dumps(
            {"gap": "begun", "gap_s": 3.0, "at": "2026-11-27T00:00:00+00:00", "source": "yard"}
        ),
    )
    path.write_text("\n".join(lines))
    alert = Alert(task="action", labels=("fall",), clear_s=60.0)
    events = list(replay(list(read_lines(path)), [alert], run_info().bundle))
    assert [e.reason for e in events if e.phase == "end"] == ["source lost", "run ended"]


def test_what_is_no_decision_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    path.write_text('{"frame": 1}\n')
    with pytest.raises(ConfigError, match=r"day\.jsonl, line 1: is no decision"):
        list(read_lines(path))


def config(folder: Path, alert: str) -> Path:
    path = folder / "run.toml"
    path.write_text(f'bundle = "faces-in-motion"\n\n[[alert]]\n{alert}\n')
    return path


def test_the_command_writes_events_and_refuses_what_was_not_recorded(tmp_path: Path) -> None:
    pytest.importorskip("msgspec")
    path = tmp_path / "day.jsonl"
    line = {
        "frame": 0,
        "captured_at": 0.5,
        "source": "yard",
        "tasks": {"action": {"label": "shake", "p": 0.9}},
    }
    path.write_text(json.dumps(line) + "\n")
    good = config(tmp_path, 'task = "action"\nis = ["shake"]')
    result = CliRunner().invoke(main, ["replay", str(path), "--config", str(good)])
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(e["event"], e["source"], e["peak"]) for e in events] == [
        ("start", "yard", 0.9),
        ("end", "yard", 0.9),
    ]
    assert "probabilities=1" in result.stderr
    wrong = config(tmp_path, 'task = "reid"\nis = ["s01"]')
    result = CliRunner().invoke(main, ["replay", str(path), "--config", str(wrong)])
    assert result.exit_code == 2
    assert "run.toml, line 4: " in result.stderr
    assert "no answers of task 'reid'" in result.stderr
    assert ACTION in TASKS


RUN = """\
bundle = "{bundle}"
rate = "all"
source = ["{film}"]
[[output]]
kind = "jsonl"
target = "{lines}"
probabilities = 1
[[alert]]
task = "{task}"
is = {labels}
above = 0.3
below = 0.25
for_s = 0.1
clear_s = 0.2
"""


@pytest.mark.parametrize("bundle", ["faces-in-motion", "tiny"])
def test_a_run_and_the_replay_of_its_recording_tell_the_same_events(
    bundle: str, tmp_path: Path, video_path: Path, tiny_bundle_path: Path
) -> None:
    pytest.importorskip("msgspec")
    path, lines = tmp_path / "run.toml", tmp_path / "day.jsonl"
    tiny = bundle == "tiny"
    name, task = (tiny_bundle_path, "kind") if tiny else (bundle, "action")
    manifest = open_bundle(find_bundle(str(name))).manifest
    (labels,) = [each.labels for each in manifest.tasks if each.name == task]
    count = 0
    for picked in ([label] for label in labels):
        lines.unlink(missing_ok=True)
        text = RUN.format(bundle=name, film=video_path, lines=lines, task=task, labels=picked)
        path.write_text(text)
        run = CliRunner().invoke(main, ["--config", str(path), "--quiet"])
        assert run.exit_code == 0, run.output
        events = [json.loads(line) for line in lines.read_text().splitlines() if '"event"' in line]
        again = CliRunner().invoke(main, ["replay", str(lines), "--config", str(path)])
        assert again.exit_code == 0, again.output
        judged = [json.loads(line) for line in again.stdout.splitlines()]
        for event, other in zip(events, judged, strict=True):
            differing = {
                key for key in event.keys() | other.keys() if event.get(key) != other.get(key)
            }
            assert differing <= {"id", "peak", "mean"}, differing
            # lines hold four digits
            assert [other["peak"], other["mean"]] == pytest.approx(
                [event["peak"], event["mean"]], abs=2e-4
            )
            count += 1
    assert count
