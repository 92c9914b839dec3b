"""What a user sees of a run while it goes on, and the answers that its summary counts."""

import io
import json
import queue
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.answers import AnswersSeen
from edge.cli import main
from edge.scene import SceneSummary
from edge.sources import Source
from edge.status import StatusLine
from edge.stream import Decision, TrackInfo
from edge.summary import RunSummary, SourceSummary
from edge.tasks import Task, kind_of, predictions
from tests.edge.sinks.samples import ended, event

TASKS = (
    Task("action", "classification", ("still", "wave\033[2J")),
    Task("age", "regression", scale=100.0, unit="years"),
    Task("tags", "multi-label", ("cat", "dog"), thresholds=(0.5, 0.5)),
    Task("face", "embedding"),
)


def answers(action: float, age: float, tags: tuple[float, float]):
    outputs = [[1 - action, action], [age], list(tags), [1.0, 0.0]]
    return predictions(TASKS, [np.array(each, np.float32) for each in outputs])


class Nothing(Source):
    def __iter__(self):
        yield from ()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def run_for(output: io.StringIO, seconds: int) -> str:
    """A camera of 25 frames/s that answers from its 10th frame on; what stood at its end."""
    source, clock = Nothing("camera"), Clock()
    counts = SourceSummary(source)
    summary = RunSummary("b", [counts], "litert")
    line = StatusLine(summary, None, output, clock)
    for number in range(1, 25 * seconds + 1):
        clock.seconds = 100.0 + number / 25
        counts.frames, source.dropped = number, number // 10
        if number >= 10:
            summary.newest = Decision(number, 0.0, 41.3, {}, answers(0.9, 0.342, (0.1, 0.2)))
        if number % (25 * line.interval_s) == 0:
            line.show()
    text = output.getvalue()
    line.close()
    return text


def test_a_terminal_gets_a_line_a_second_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    output = Terminal()
    text = run_for(output, 3)
    assert text.split("\r\033[K") == [
        "",
        "25 frames, 25.0 frames/s, age 41 ms, 2 dropped, action: wave?[2J 0.90, age: 34.",
        "50 frames, 25.0 frames/s, age 41 ms, 5 dropped, action: wave?[2J 0.90, age: 34.",
        "75 frames, 25.0 frames/s, age 41 ms, 7 dropped, action: wave?[2J 0.90, age: 34.",
    ]
    assert output.getvalue() == text + "\r\033[K"


def test_a_file_gets_a_line_a_minute() -> None:
    assert run_for(io.StringIO(), 59) == ""
    assert run_for(io.StringIO(), 125).splitlines() == [
        "1500 frames, 25.0 frames/s, age 41 ms, 150 dropped, "
        "action: wave?[2J 0.90, age: 34.2 years, tags: none",
        "3000 frames, 25.0 frames/s, age 41 ms, 300 dropped, "
        "action: wave?[2J 0.90, age: 34.2 years, tags: none",
    ]


def test_before_the_first_answer_there_is_no_age() -> None:
    output, clock = io.StringIO(), Clock()
    summary = RunSummary("b", [SourceSummary(Nothing("film"), 12)], "litert")
    line = StatusLine(summary, 5000, output, clock)
    clock.seconds += 60.0
    line.show()
    assert output.getvalue() == "12 of 5000 frames, 0.2 frames/s, 0 dropped\n"


def test_who_answers_is_not_of_a_camera_that_is_silent() -> None:
    class Silent(Nothing):
        def gap_s(self) -> float:
            return 5.0

    output, clock, scene = io.StringIO(), Clock(), SceneSummary(present={"yard": 1})
    counts = [SourceSummary(Nothing("yard")), SourceSummary(Silent("door"))]
    summary = RunSummary("b", counts, "litert", scene=scene)
    tasks = answers(0.9, 0.342, (0.1, 0.2))
    summary.newest = Decision(9, 0.0, 41.3, {}, tasks, source="door")
    StatusLine(summary, None, output, clock).show()
    summary.newest = replace(summary.newest, source="yard")
    StatusLine(summary, None, output, clock).show()
    silent, there = output.getvalue().splitlines()
    assert silent.endswith("0 dropped, 1 person") and "1 person, yard, action" in there


def test_people_are_counted_and_the_newest_answer_is_somebodys() -> None:
    output, clock, scene = io.StringIO(), Clock(), SceneSummary()
    summary = RunSummary("b", [SourceSummary(Nothing("film"), 12)], "litert", scene=scene)
    line = StatusLine(summary, None, output, clock)
    tasks = answers(0.9, 0.342, (0.1, 0.2))
    summary.newest = Decision(9, 0.0, 41.3, {}, tasks, track=TrackInfo(3, (0, 0, 9, 9)))
    for people in (2, 0):
        scene.present[None] = people
        clock.seconds += 60.0
        line.show()
    assert output.getvalue().splitlines() == [
        "12 frames, 0.2 frames/s, age 41 ms, 0 dropped, 2 people, person 3, "
        "action: wave?[2J 0.90, age: 34.2 years, tags: none",
        "12 frames, 0.0 frames/s, age 41 ms, 0 dropped, 0 people",
    ]


def test_events_that_go_on_are_named_and_all_are_counted() -> None:
    output, clock = io.StringIO(), Clock()
    summary = RunSummary("b", [SourceSummary(Nothing("film"), 12)], "litert")
    summary.events.watch(["fall", "fire"])
    line, begun = StatusLine(summary, None, output, clock), event(3)
    for news in (begun, replace(begun, phase="update"), ended(begun, 9), event(12)):
        summary.events.add(news)
    clock.seconds += 60.0
    line.show()
    assert output.getvalue() == ("12 frames, 0.2 frames/s, 0 dropped, 2 events (active: fall)\n")
    fall = {"started": 2, "ended": 1, "active": 1, "last_at": "2026-11-27T12:00:12.000+00:00"}
    fire = {"started": 0, "ended": 0, "active": 0, "last_at": None}
    assert summary.to_json()["events"] == {"fall": fall, "fire": fire}
    assert str(summary).splitlines()[-2:] == [
        "alert fall: 2 events, 1 active, the last at 2026-11-27T12:00:12.000+00:00",
        "alert fire: 0 events",
    ]


def test_nobody_is_there_in_a_source_that_has_ended() -> None:
    scene = SceneSummary(present={"yard": 2, "door": 3})
    counts = [SourceSummary(Nothing("yard"), 12), SourceSummary(Nothing("door"), 12)]
    summary = RunSummary("b", counts, "litert", scene=scene)
    assert scene.people_now == 5
    summary.end(counts[1], "door")
    assert (scene.people_now, counts[1].ended) == (2, True)


class Silent(Nothing):
    seconds = 0.0

    def silence_s(self) -> float:
        return self.seconds


def test_silence_is_said_and_grows() -> None:
    source, output, clock = Silent("camera"), io.StringIO(), Clock()
    summary = RunSummary("b", [SourceSummary(source, 60)], "litert")
    summary.newest = Decision(59, 0.0, 41.3, {}, answers(0.9, 0.342, (0.1, 0.2)))
    line = StatusLine(summary, None, output, clock)
    for silence_s in (0.9, 4.2, 5.2):
        clock.seconds, source.seconds = clock.seconds + 60, silence_s
        line.show()
    assert [text.split(", ")[:3] for text in output.getvalue().splitlines()] == [
        ["60 frames", "1.0 frames/s", "age 41 ms"],
        ["60 frames", "0.0 frames/s", "no frame for 4 s"],
        ["60 frames", "0.0 frames/s", "no frame for 5 s"],
    ]


def test_of_several_sources_the_silent_ones_are_named() -> None:
    output, clock = io.StringIO(), Clock()
    sources = [Silent("camera 0"), Silent("camera 1"), Silent("film")]
    counts = [SourceSummary(source, 20 * number) for number, source in enumerate(sources, 1)]
    summary = RunSummary("b", counts, "litert")
    summary.newest = Decision(
        59, 0.0, 41.3, {}, answers(0.9, 0.342, (0.1, 0.2)), source=sources[0].name
    )
    sources[0].dropped, sources[1].dropped = 2, 3
    sources[1].seconds, sources[2].seconds = 4.0, 9.0
    counts[2].ended = True
    line = StatusLine(summary, None, output, clock)
    clock.seconds += 60
    line.show()
    assert output.getvalue() == (
        "120 frames, 2.0 frames/s, camera 1: no frame for 4 s, 5 dropped, "
        "camera 0, action: wave?[2J 0.90, age: 34.2 years, tags: none\n"
    )


def test_it_is_written_while_no_frame_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.status._TERMINAL_S", 0.01)
    lines: queue.Queue[str] = queue.Queue()

    class Told(Terminal):
        def write(self, text: str) -> int:
            lines.put(text)
            return len(text)

    source = Silent("camera")
    summary = RunSummary("b", [SourceSummary(source, 3)], "litert")
    with StatusLine(summary, None, Told()).start():
        assert lines.get(timeout=30).startswith("\r\033[K3 frames")
        source.seconds = 4.0
        assert any("no frame for 4 s" in lines.get(timeout=30) for _ in range(1000))
    assert "status" not in [thread.name for thread in threading.enumerate()]


def test_answers_are_counted_task_by_task() -> None:
    seen = AnswersSeen()
    for action, age, tags in (
        (0.9, 0.30, (0.9, 0.8)),
        (0.9, 0.40, (0.9, 0.1)),
        (0.2, 0.35, (0.1, 0.1)),
        (0.9, float("nan"), (0.9, 0.1)),
    ):
        seen.add(answers(action, age, tags))
    assert seen.to_json() == {
        "action": {"wave\033[2J": 3, "still": 1},
        "tags": {"cat": 3, "dog": 1, "none": 1},
        "age": {
            "decisions": 3,
            "lowest": pytest.approx(30.0),
            "mean": pytest.approx(35.0),
            "highest": pytest.approx(40.0),
            "unit": "years",
        },
    }
    assert list(seen.lines()) == [
        "action: wave?[2J 3, still 1",
        "tags: cat 3, dog 1, none 1",
        "age: 35.0 years on average, 30.0 to 40.0 (3 decisions)",
    ]


def test_many_labels_are_not_all_shown() -> None:
    task = Task("reid", "classification", tuple(f"s{n:02}" for n in range(20)))
    seen = AnswersSeen()
    for index in [*range(20), 7]:
        seen.add({"reid": kind_of(task).predict(np.eye(20, dtype=np.float32)[index])})
    (line,) = seen.lines()
    assert line == "reid: s07 2, s00 1, s01 1, s02 1, s03 1, s04 1, s05 1, s06 1 and 12 more"


def test_the_summary_says_what_was_seen(
    cli: CliRunner, tiny_bundle_path: Path, video_path: Path
) -> None:
    arguments = [str(tiny_bundle_path), "--source", str(video_path), "--quiet"]
    summary = json.loads(cli.invoke(main, [*arguments, "--json"]).stdout)
    assert sum(summary["answers"]["kind"].values()) == summary["decisions"] == 27
    assert summary["answers"]["size"]["decisions"] == 27
    text = cli.invoke(main, arguments)
    assert "\nkind: " in text.output and "on average" in text.output
    assert text.stderr == ""
