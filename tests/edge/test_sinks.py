import errno
import json
import os
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sinks import jsonl
from edge.sinks.draw import annotate
from edge.sinks.jsonl import JsonLines
from edge.sinks.video import VideoFileSink
from edge.sinks.window import WindowSink
from edge.stream import Decision, Frame, Region
from edge.tasks import Task, kind_of
from edge_common.errors import SinkError

TASKS = ["action"]
TASK = Task("action", "classification", ("still", "left"))


def _decision(frame: int, p: float = 0.9) -> Decision:
    scores = np.array([1 - p, p], np.float32)
    return Decision(frame, 0.0, 1.0, {"encoder": 3.0}, {"action": kind_of(TASK).predict(scores)})


def _frame(number: int, height: int = 48, width: int = 64) -> Frame:
    return Frame(np.full((height, width, 3), 40 * number, np.uint8), number)


def test_each_line_is_on_disk_before_the_next_frame(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with JsonLines(str(path)) as sink:
        sink.take(_frame(0), [])
        assert path.read_text() == ""
        sink.take(_frame(1), [_decision(1)])
        assert json.loads(path.read_text())["frame"] == 1


def test_a_file_of_before_keeps_its_lines_and_runs_can_be_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"frame": 7}\n{"frame": 8')  # the power failed
    with JsonLines(str(path)) as sink:
        sink.take(_frame(0), [_decision(0)])
    first, cut, run, decision = path.read_text().splitlines()
    assert (first, cut) == ('{"frame": 7}', '{"frame": 8')
    assert json.loads(run).keys() == {"run"} and json.loads(decision)["frame"] == 0


def test_two_runs_never_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with JsonLines(str(path)) as sink:
        sink.take(_frame(0), [_decision(0)])
        with pytest.raises(SinkError, match="is being written by another run"):
            JsonLines(str(path))
    assert [file.name for file in tmp_path.iterdir()] == ["d.jsonl"]
    assert len(path.read_text().splitlines()) == 1


def test_lines_are_put_on_disk_while_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = threading.Event()
    monkeypatch.setattr(jsonl, "SYNC_INTERVAL_S", 0.01)
    monkeypatch.setattr(os, "fdatasync", lambda handle: synced.set())
    with JsonLines(str(tmp_path / "d.jsonl")):
        assert synced.wait(30)


def test_a_disk_that_refuses_is_told_and_no_line_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / "d.jsonl", os.write

    def half(handle: int, data: memoryview) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data[: room.pop()])

    with JsonLines(str(path)) as sink:
        room = [10]
        monkeypatch.setattr(os, "write", half)
        with pytest.raises(SinkError, match="No space left on device.*free some space"):
            sink.take(_frame(0), [_decision(0)])
        room = [10, 500]
        sink.take(_frame(1), [_decision(1)])
    assert [json.loads(line)["frame"] for line in path.read_text().splitlines()] == [1]


def test_what_is_no_file_is_written_as_it_is() -> None:
    with JsonLines(os.devnull) as sink:
        sink.take(_frame(0), [_decision(0)])


def test_the_video_stands_under_its_name_only_when_closed(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    sink = VideoFileSink(str(path), 10.0, TASKS)
    for number in range(5):
        sink.take(_frame(number), [_decision(number)])
        assert not path.exists()
    sink.close()
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["v.mp4"]
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 5


def test_pictures_of_several_sizes_make_one_video(tmp_path: Path) -> None:
    path = tmp_path / "v.avi"
    with VideoFileSink(str(path), 0.0, TASKS) as sink:
        sink.take(_frame(0), [])
        sink.take(_frame(1, 100, 50), [])
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 2


def test_nothing_is_written_where_no_frame_came(tmp_path: Path) -> None:
    VideoFileSink(str(tmp_path / "v.mp4"), 10.0, TASKS).close()
    assert list(tmp_path.iterdir()) == []


def test_annotating_leaves_the_picture_as_it_is_and_adds_a_panel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (400, 600, 3), dtype=np.uint8)
    before = pixels.copy()
    picture = annotate(pixels, [_decision(1)], TASKS)
    assert np.array_equal(pixels, before)
    assert np.array_equal(picture[:400], pixels)
    assert picture.shape[0] > 400
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0


def test_the_region_that_the_network_looks_at_is_framed() -> None:
    """An image 240 pixels wide is drawn at twice its size, and the box with it."""
    grey = np.full((120, 240, 3), 90, np.uint8)
    plain, drawn = (
        annotate(grey, [], TASKS, region) for region in (Region(), Region.parse("20,10,100,60"))
    )
    rows, columns = np.nonzero((plain != drawn).any(-1))
    # 40 to 239 and 20 to 139, by a line that is two to three pixels wide
    assert (columns.min(), columns.max()) == pytest.approx((40, 239), abs=1)
    assert (rows.min(), rows.max()) == pytest.approx((20, 139), abs=1)
    assert np.array_equal(plain[24:136, 44:236], drawn[24:136, 44:236])


def test_the_panel_is_as_high_before_the_first_decision() -> None:
    pixels = np.zeros((200, 600, 3), np.uint8)
    assert annotate(pixels, [], TASKS).shape == annotate(pixels, [_decision(1)], TASKS).shape


def test_the_bar_is_as_long_as_the_probability() -> None:
    def green(p: float) -> int:
        panel = annotate(np.zeros((400, 600, 3), np.uint8), [_decision(1, p)], TASKS)[400:]
        return int((panel == (96, 200, 112)).all(axis=2).sum())

    assert green(0.999) == pytest.approx(2 * green(0.5001), rel=0.05)


def test_a_window_without_a_display_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match="needs a display"):
        WindowSink(TASKS)


def test_numbers_that_json_does_not_know_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with JsonLines(str(path)) as sink:
        sink.take(_frame(1), [_decision(1, float("nan"))])
    assert "p" not in json.loads(path.read_text())["tasks"]["action"]
    assert annotate(np.zeros((400, 600, 3), np.uint8), [_decision(1, float("nan"))], TASKS).any()


def test_a_video_that_the_disk_cut_short_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    sink = VideoFileSink(str(path), 10.0, TASKS)
    for number in range(5):
        sink.take(_frame(number), [])
    writer = sink._writer

    class FullDisk:
        def release(self) -> None:
            writer.release()
            sink._partial.write_bytes(sink._partial.read_bytes()[:300])

    sink._writer = FullDisk()
    with pytest.raises(SinkError, match="is the disk full"):
        sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").mkdir()
    with pytest.raises(SinkError, match="is a folder"):
        VideoFileSink(str(tmp_path / "v.mp4"), 10.0, TASKS)
