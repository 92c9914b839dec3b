"""Rotation by size and age, quotas, full disks, and CSV."""

import contextlib
import csv
import json
import re
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import sinks
from edge.sinks import Sink
from edge.sinks.quota import Rotation
from edge.stream import Frame
from edge_common import SinkError
from tests.edge.sinks import samples
from tests.edge.sinks.brokers import until


def _open(text: str, live: bool = False) -> Sink:
    run = samples.RUN if live else samples.RECORDING
    ((sink,),) = sinks.open_sinks([sinks.registry().find(text)], [run])
    return sink


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # removed for the quota just now
            total += path.stat().st_size
    return total


def _frames_of(lines: str) -> list[int]:
    return [json.loads(line)["frame"] for line in lines.splitlines()]


def test_lines_are_rotated_by_size_and_none_is_lost(tmp_path: Path) -> None:
    sink = _open(f"jsonl:{tmp_path / 'd.jsonl'}:rotate_mb=0.001")
    for number in range(50):
        sink.take(samples.frame(number), [samples.decision(number)])
    sink.close()
    paths = sorted(tmp_path.iterdir())
    newest = tmp_path / "d.jsonl"
    older = [path for path in paths if path != newest]
    assert len(older) > 5 and all(path.stat().st_size <= 1000 for path in paths)
    assert _frames_of("".join(path.read_text() for path in [*older, newest])) == list(range(50))


def test_lines_are_rotated_by_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rotation = Rotation.of(0, 60)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    assert not rotation.is_due(1, 941.0) and rotation.is_due(1, 940.0)


def test_the_quota_of_lines_holds_and_the_oldest_goes(tmp_path: Path) -> None:
    most = 0.06
    sink = _open(f"jsonl:{tmp_path / 'd.jsonl'}:rotate_mb=0.01,quota_mb={most}")
    (tmp_path / "other.jsonl").write_text("{}\n")
    for number in range(600):
        sink.take(samples.frame(number), [samples.decision(number)])
    sink.close()
    paths = sorted(tmp_path.glob("d-*.jsonl"))
    assert _bytes(tmp_path) - 3 <= most * 1e6 * 1.01
    numbers = _frames_of("".join(p.read_text() for p in [*paths, tmp_path / "d.jsonl"]))
    assert numbers == list(range(600 - len(numbers), 600)) and 50 < len(numbers) < 600
    assert (tmp_path / "other.jsonl").exists()


def test_a_full_disk_costs_the_oldest_lines(tmpfs: Path) -> None:
    sink = _open(f"jsonl:{tmpfs / 'd.jsonl'}:rotate_mb=0.1,disk_share=0.999")
    for number in range(5000):
        sink.take(samples.frame(number), [samples.decision(number)])
    sink.close()
    paths = sorted(tmpfs.glob("d-*.jsonl"))
    numbers = _frames_of("".join(p.read_text() for p in [*paths, tmpfs / "d.jsonl"]))
    assert numbers == list(range(5000 - len(numbers), 5000)) and len(numbers) > 500


def test_a_full_disk_ends_no_live_run_and_what_failed_is_written_later(tmpfs: Path) -> None:
    ballast = tmpfs / "ballast"
    sink = _open(f"jsonl:{tmpfs / 'd.jsonl'}", live=True)
    ballast.write_bytes(bytes(500_000))
    for number in range(200):
        sink.take(samples.frame(number), [samples.decision(number)])
    assert until(lambda: "No space left" in sink.counts.problem)
    ballast.unlink()
    assert until(lambda: sink.counts.delivered == 200)
    sink.close()
    assert _frames_of((tmpfs / "d.jsonl").read_text()) == list(range(200))
    assert sink.counts.failures == 1 and sink.counts.dropped == 0


def _noise(number: int) -> Frame:
    rng = np.random.default_rng(number)
    return Frame(rng.integers(0, 256, (240, 320, 3), np.uint8), number, number / 25)


def _counts(folder: Path) -> list[int]:
    videos = [cv2.VideoCapture(str(path)) for path in sorted(folder.glob("*.mp4"))]
    counts = []
    for video in videos:
        count = 0
        while video.read()[0]:
            count += 1
        counts.append(count)
    return counts


def test_a_video_comes_in_pieces_that_can_be_played(tmp_path: Path) -> None:
    sink = _open(f"video:{tmp_path / 'v.mp4'}:rotate_mb=0.2")
    for number in range(150):
        sink.take(_noise(number), [])
    sink.close()
    counts = _counts(tmp_path)
    assert len(counts) >= 3 and sum(counts) == 150 and min(counts) > 0
    assert not (tmp_path / "v.mp4").exists()


def test_the_quota_of_a_video_holds(tmp_path: Path) -> None:
    most = 25e6
    sink = _open(f"video:{tmp_path / 'v.mp4'}:rotate_mb=2,quota_mb={most / 1e6}")
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    for number in range(250):
        sink.take(Frame(np.roll(noise, 31 * number, 0), number, number / 25), [])
        assert number % 10 or _bytes(tmp_path) <= 1.01 * most
    sink.close()
    counts = _counts(tmp_path)
    assert 10e6 < _bytes(tmp_path) <= 1.01 * most and 0 < sum(counts) < 250 and min(counts) > 0


def _moving(number: int) -> Frame:
    """As a video, 0.2 MB."""
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    return Frame(np.roll(noise, 31 * number, 0), number, number / 25)


def _playable_names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("v-*.mp4")}


@pytest.mark.parametrize("tmpfs", ["32m"], indirect=True)
def test_a_full_disk_costs_the_oldest_pieces_of_a_video(tmpfs: Path) -> None:
    sink = _open(f"video:{tmpfs / 'v.mp4'}:rotate_mb=2,disk_share=0.9")
    names: set[str] = set()
    for number in range(300):
        sink.take(_moving(number), [])
        if number % 20 == 0:
            names |= _playable_names(tmpfs)
    sink.close()
    names |= _playable_names(tmpfs)
    remaining, counts = sorted(_playable_names(tmpfs)), _counts(tmpfs)
    assert sink.counts.failures == sink.counts.dropped == 0
    assert 1 < len(remaining) < len(names) and remaining == sorted(names)[-len(remaining) :]
    assert min(counts) > 0 and sum(counts) < 300


@pytest.mark.parametrize("tmpfs", ["32m"], indirect=True)
def test_a_disk_that_others_fill_is_noticed_and_what_was_recorded_can_be_played(
    tmpfs: Path,
) -> None:
    sink = _open(f"video:{tmpfs / 'v.mp4'}:rotate_mb=2", live=True)
    for number in range(150):
        sink.take(_moving(number), [])
        assert until(lambda least=number - 20: sink.counts.delivered >= least)
    assert until(lambda: sink.counts.delivered == 150) and len(_playable_names(tmpfs)) >= 1
    ballast = tmpfs / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    sink.take(_moving(150), [])
    assert until(lambda: re.search("the disk (is )?full", sink.counts.problem))
    ballast.unlink()
    assert until(lambda: sink.counts.delivered == 151)
    sink.close()
    assert sink.counts.failures == 1 and sink.counts.problem == ""
    # of the piece that was being recorded, what FFmpeg had not written is lost
    assert sum(_counts(tmpfs)) > 150 - 20 and min(_counts(tmpfs)) > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jsonl:x.jsonl:quota_mb=1", "a quota goes with rotation"),
        ("jsonl:x.jsonl:rotate_mb=-1", "are 0 or more"),
        ("video:x.mp4:rotate_mb=1,quota_mb=9", "the quota of a video is 21 MB or more"),
        ("video:x.mp4:rotate_mb=2,quota_mb=1", "a quota is above the size of one file"),
        ("csv:x.csv:rows=people", "rows is decisions or events"),
        ("csv:nowhere/x.csv", "cannot be written"),
    ],
)
def test_bad_options_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SinkError, match=message):
        _open(text)


def test_a_csv_file_has_a_row_a_decision(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    for number in range(2):
        sink = _open(str(path))
        sink.take(samples.frame(number), [samples.decision(number)])
        sink.close()
    header, *rows = csv.reader(path.open(newline=""))
    assert header == ["at", "source", "frame", "captured_at", "track", "action", "action_p"]
    assert [row[1:] for row in rows] == [
        ["yard", "0", "0.0", "", "fall", "0.9"],
        ["yard", "1", "0.04", "", "fall", "0.9"],
    ]


def test_a_csv_file_of_events_computes_nothing(tmp_path: Path) -> None:
    sink = _open(f"csv:{tmp_path / 'e.csv'}:rows=events")
    sink.take_event(samples.event(3, alert="=1+1"), samples.frame(3))
    sink.close()
    header, row = csv.reader((tmp_path / "e.csv").open(newline=""))
    fields = dict(zip(header, row))
    assert (fields["event"], fields["alert"], fields["peak"]) == ("start", "'=1+1", "0.97")
