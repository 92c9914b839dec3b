"""How long what shows people is kept: it goes by age, also if nothing is written."""

import csv
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from edge import sinks, stream
from edge.sinks import Sink, queued
from edge.sinks.keeper import folder
from edge.sinks.keeper.table import Columns
from edge.sinks.quota import Quota, kept_s
from edge.tasks import Task
from edge_common import SinkError
from tests.edge.sinks import samples

DAY_S = 86_400


def _open(text: str) -> Sink:
    ((sink,),) = sinks.open_sinks([sinks.registry().find(text)], [samples.RECORDING])
    return sink


def _age(path: Path, days: float) -> None:
    then = time.time() - days * DAY_S
    os.utime(path, (then, then))


def _left(path: Path, days: float) -> Path:
    path.write_text("{}\n")
    _age(path, days)
    return path


@given(
    ages=st.lists(st.floats(0, 20), max_size=6),
    hidden=st.lists(st.floats(0, 20), max_size=3),
    keep_days=st.floats(0.1, 15),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_exactly_what_is_older_goes_and_nothing_of_others(
    ages: list[float],
    hidden: list[float],
    keep_days: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("kept")
    files = {_left(place / f"d-{n}.jsonl", age): age for n, age in enumerate(ages)}
    files |= {_left(place / f".d-{n}.jsonl.x1", age): age for n, age in enumerate(hidden)}
    others = [_left(place / name, 99) for name in ("other.jsonl", "d-1.txt", ".d.jsonl.lock")]
    Quota(place, "d*.jsonl", keep_s=kept_s(keep_days)).remove_old()
    young = {path for path, age in files.items() if age < keep_days}
    assert set(place.iterdir()) == {*young, *others}


def test_files_of_one_event_go_together_once_all_are_old(tmp_path: Path) -> None:
    for suffix, days in ((".mp4", 8), (".jpg", 8), (".json", 6)):
        _left(tmp_path / f"1-fall{suffix}", days)
    quota = Quota(tmp_path, "*-*", keep_s=kept_s(7))
    quota.remove_old()
    assert len(list(tmp_path.iterdir())) == 3
    _age(tmp_path / "1-fall.json", 7.5)
    quota.remove_old()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_lines_of_an_earlier_run_get_a_file_of_their_own_and_go_when_they_are_old(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f"d.{kind}"
    text = f"{kind}:{path}:keep_days=7"
    for days in (8, 3, 0):
        sink = _open(text)
        sink.take(samples.frame(days), [samples.decision(days)])
        sink.close()
        _age(path, days)
    pieces = sorted(tmp_path.iterdir())
    assert len(pieces) == 2 and path in pieces
    if kind == "jsonl":
        frames = [json.loads(line)["frame"] for p in pieces for line in p.read_text().splitlines()]
        assert sorted(frames) == [0, 3]
    else:
        heads = [next(csv.reader(p.read_text().splitlines())) for p in pieces]
        assert heads[0] == heads[1]


def test_lines_that_nobody_adds_to_are_put_aside_after_a_day_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.sinks import jsonl

    path = tmp_path / "d.jsonl"
    sink = jsonl.open_sink(str(path), samples.RECORDING, keep_days=2)
    sink.take(samples.frame(1), [samples.decision(1)])
    sink.tidy()
    assert [each.name for each in tmp_path.glob("*.jsonl")] == ["d.jsonl"]
    later = time.monotonic() + 1.1 * DAY_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    sink.tidy()
    (aside,) = (each for each in tmp_path.glob("*.jsonl") if each != path)
    _age(aside, 2.1)
    sink.tidy()
    assert [each.name for each in tmp_path.glob("*.jsonl")] == ["d.jsonl"] and not path.read_text()
    sink.close()


def test_videos_are_pieces_of_a_day_and_old_ones_go_at_the_start(tmp_path: Path) -> None:
    old = _left(tmp_path / "out-20200101T000000_000000Z.avi", 31)
    killed = _left(tmp_path / ".out-20200101T000000_000000Z.mp4.abc.mkv", 31)
    young = _left(tmp_path / "out-20200102T000000_000000Z.avi", 29)
    sink = _open(f"video:{tmp_path / 'out.avi'}:keep_days=30")
    sink.take(stream.Frame(np.zeros((48, 64, 3), np.uint8), 0), [])
    sink.close()
    assert not old.exists() and young.exists()
    assert killed.exists()  # of another name: out.mp4's
    assert len(list(tmp_path.glob("out-*.avi"))) == 2


def test_kept_windows_go_by_age_unless_they_have_labels(tmp_path: Path) -> None:
    quota = Quota(tmp_path, "*", keep_s=kept_s(7))
    columns = Columns((Task("action", "classification", ("fall", "walk")),))
    kept = folder.ClipFolder(quota, columns, "surest", 9)
    kept.create()
    kept.open()
    names = [f"2026110{day}T000000_000Z-cam-frame{day}" for day in (1, 2, 3)]
    random = np.random.default_rng(0)
    for name in names:
        frames: Sequence[np.ndarray] = [random.integers(0, 256, (32, 32, 3), np.uint8)] * 2
        assert kept.keep(folder.NewClip(name, frames, {}, 0.5))
    for name, days in zip(names, (8, 8, 6)):
        _age(tmp_path / name / folder.FACTS, days)
    rows = list(csv.DictReader((tmp_path / folder.TABLE).open()))
    rows[0]["action"] = "fall"
    with (tmp_path / folder.TABLE).open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    kept.remove_old()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [names[0], names[2]]
    rows = list(csv.DictReader((tmp_path / folder.TABLE).open()))
    assert [next(iter(row.values())) for row in rows] == [names[0], names[2]]


def test_a_queue_has_its_sink_tidied_while_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "_TIDY_S", 0.01)
    tidied = threading.Semaphore(0)

    class Tidy:
        thread = ""

        def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
            self.thread = threading.current_thread().name

        def tidy(self) -> None:
            self.thread = threading.current_thread().name
            tidied.release()

        def close(self) -> None:
            pass

    inner = Tidy()
    queue = queued.Queued(inner, "tidy")
    assert all(tidied.acquire(timeout=10) for _ in range(3))
    assert inner.thread == "tidy" and queue.counts.delivered == 0
    queue.close()


@pytest.mark.parametrize("kind", ["jsonl:d.jsonl", "csv:d.csv", "video:d.avi", "keeper:d"])
@pytest.mark.parametrize("days", ["-1", "nan", "40000", "week"])
def test_a_wrong_age_is_refused_in_one_line(kind: str, days: str, tmp_path: Path) -> None:
    name, _, target = kind.partition(":")
    with pytest.raises(SinkError, match="keep_days is") as error:
        _open(f"{name}:{tmp_path / target}:keep_days={days}")
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


def test_pictures_are_written_where_no_age_is_given_and_stay(tmp_path: Path) -> None:
    old = tmp_path / "d-20200101T000000_000000Z.jsonl"
    _left(old, 999)
    _open(f"jsonl:{tmp_path / 'd.jsonl'}:rotate_mb=1").close()
    assert old.exists()
