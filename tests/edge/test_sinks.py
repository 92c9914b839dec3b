import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from edge.sinks import Gap, lines, mp4, quota
from edge.sinks.draw import Annotator, annotate, darkened
from edge.sinks.jsonl import JsonLines
from edge.sinks.video import VideoFileSink
from edge.sinks.window import WindowSink
from edge.stream import Decision, Frame, Region
from edge.tasks import Task, kind_of
from edge_common.errors import SinkError
from tests import tiny
from tests.wheels import ROOT

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
    monkeypatch.setattr(lines, "SYNC_INTERVAL_S", 0.01)
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


def test_a_file_whose_disk_is_mounted_anew_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    file = lines.LineFile(str(path), quota=quota.Quota(tmp_path, "a*"))
    file.put(b"1\n")

    def refuse(*given: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", refuse)
        broken.setattr(os, "open", refuse)
        for _ in range(2):
            with pytest.raises(SinkError, match=r"Read-only file system\)$"):
                file.put(b"2\n")
    path.unlink()
    file.tidy()  # touches no handle that is closed
    file.put(b"2\n")
    file.close()
    assert path.read_bytes() == b"2\n"


def test_what_could_not_be_written_is_said_by_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = JsonLines(str(tmp_path / "a.jsonl"))
    with monkeypatch.context() as broken:
        broken.setattr(sink._file, "put", lambda line: (_ for _ in ()).throw(SinkError("full")))
        with pytest.raises(SinkError):
            sink.show_gap(Gap(1.0, has_ended=False))
    sink.show_gap(Gap(1.0, has_ended=False))
    sink.close()
    assert "begun" in (tmp_path / "a.jsonl").read_text()


def test_a_gap_is_a_line_at_its_beginning_and_at_its_end(tmp_path: Path) -> None:
    with JsonLines(str(tmp_path / "out.jsonl")) as sink:
        for seconds in (1.2, 2.2, 3.2):
            sink.show_gap(Gap(seconds, has_ended=False, source="yard"))
        sink.show_gap(Gap(1.0, has_ended=False, source="door"))
        sink.show_gap(Gap(3.5004, has_ended=True, source="yard"))
        sink.show_gap(Gap(0.4, has_ended=True, source="yard"))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(line["gap"], line["gap_s"], line["source"]) for line in lines] == [
        ("begun", 1.2, "yard"), ("begun", 1.0, "door"), ("ended", 3.5, "yard"), ("ended", 0.4, "yard"),
    ]  # fmt: skip
    assert all(re.fullmatch(r"20\d\d-.*T.*\+00:00", line["at"]) for line in lines)


def test_no_answer_of_before_a_gap_stands_under_a_frame_behind_it() -> None:
    drawn, behind = Annotator(["action"]), replace(_frame(3), restart=True, gap_s=12.34)
    first = drawn(_frame(2), [_decision(2)])
    image = drawn(behind, [])
    expected = annotate(behind.pixels, [], ["action"], gap_s=12.34)
    assert image.tobytes() == expected.tobytes() != first.tobytes()
    assert expected.tobytes() != annotate(behind.pixels, [], ["action"]).tobytes()


def test_the_last_frame_before_a_gap_is_darkened() -> None:
    image = np.full((200, 640, 3), 210, np.uint8)
    dark = darkened(image, 12.0)
    assert np.median(dark) == 70
    assert dark.max() > 200  # its text
    assert (image == 210).all()


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


def _frames_in(path: Path) -> int:
    video, count = cv2.VideoCapture(str(path)), 0
    while video.read()[0]:
        count += 1
    return count


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi"])
def test_every_frame_of_a_recording_is_in_the_video(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    with VideoFileSink(str(path), 12.5, TASKS) as sink:
        for number in range(40):
            sink.take(_frame(number % 6), [])
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FPS) == 12.5 and _frames_in(path) == 40
    assert not video.set(cv2.CAP_PROP_POS_FRAMES, 30) or video.read()[0]
    assert path.stat().st_mode & 0o077 == 0o044


def test_an_mp4_file_has_the_frames_of_the_recording_bit_for_bit(tmp_path: Path) -> None:
    recorded, path = tmp_path / "r.mkv", tmp_path / "v.mp4"
    writer = cv2.VideoWriter(str(recorded), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, (64, 48))
    for frame in tiny.frames(50, 48, 64):
        writer.write(frame)
    writer.release()
    path.write_bytes(recorded.read_bytes())
    assert mp4.matroska_to_mp4(path, 30.0, (64, 48)) == 50
    assert path.read_bytes()[4:12] == b"ftypisom"
    before, after = cv2.VideoCapture(str(recorded)), cv2.VideoCapture(str(path))
    for _ in range(50):
        assert np.array_equal(before.read()[1], after.read()[1])
    assert after.get(cv2.CAP_PROP_FRAME_COUNT) == 50 and not after.read()[0]


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\x1a\x45\xdf\xa3", b"\xff" * 50])
def test_what_is_no_recording_becomes_no_mp4(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v"
    path.write_bytes(content)
    assert mp4.matroska_to_mp4(path, 25.0, (64, 48)) == 0
    assert path.read_bytes() == content


def _at(number: int, captured_at: float, restart: bool = False) -> Frame:
    return replace(_frame(number % 6), captured_at=captured_at, restart=restart)


@pytest.mark.parametrize(
    ("times", "frames"),
    [
        ([7.0, 7.5, 8.0], 11),  # a slow network
        ([7 + n / 10 for n in range(21)], 21),
        ([7 + n / 10 + 0.04 * (-1) ** n for n in range(21)], 21),  # none is lost to jitter
        ([7 + n / 20 for n in range(41)], 22),  # a camera that is faster than it says
    ],
)
def test_the_video_of_a_live_source_lasts_as_long_as_what_it_shows(
    tmp_path: Path, times: list[float], frames: int
) -> None:
    with VideoFileSink(str(tmp_path / "v.mp4"), 10.0, TASKS, live=True) as sink:
        for number, time in enumerate(times):
            sink.take(_at(number, time), [])
    assert _frames_in(tmp_path / "v.mp4") == frames


def test_bursts_over_a_network_are_none_in_the_video(tmp_path: Path) -> None:
    """Five frames arrive at once, twice a second; they were captured ten times a second."""
    with VideoFileSink(str(tmp_path / "v.mp4"), 10.0, TASKS, live=True) as sink:
        for number in range(40):
            frame = replace(_at(number, number // 5 * 0.5), time_s=number / 10)
            sink.take(frame, [])
    assert _frames_in(tmp_path / "v.mp4") == 40


def test_an_outage_is_not_in_the_video(tmp_path: Path) -> None:
    with VideoFileSink(str(tmp_path / "v.mp4"), 10.0, TASKS, live=True) as sink:
        for number, time in enumerate([0.0, 0.1, 60.0, 60.1]):
            sink.take(_at(number, time, restart=time == 60.0), [])
    assert _frames_in(tmp_path / "v.mp4") == 4


def test_a_full_disk_is_noticed_and_what_was_recorded_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "v.mp4"
    sink = VideoFileSink(str(path), 10.0, TASKS)
    for number in range(5):
        sink.take(_frame(number), [])
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=255, f_frsize=4096))
    with pytest.raises(SinkError, match="the disk is full: free some space"):
        sink.take(_frame(5), [])
    sink.close()
    assert _frames_in(path) == 5 and [file.name for file in tmp_path.iterdir()] == ["v.mp4"]


def test_two_runs_never_record_one_video(tmp_path: Path) -> None:
    path = str(tmp_path / "v.mp4")
    with VideoFileSink(path, 10.0, TASKS), pytest.raises(SinkError, match="by another run"):
        VideoFileSink(path, 10.0, TASKS)
    assert list(tmp_path.iterdir()) == []


RECORD = """
import os, signal, sys, time
from edge.sinks.video import VideoFileSink
from edge.stream import Frame
from tests import tiny
sink = VideoFileSink(sys.argv[1], 25.0, [])
for number, pixels in enumerate(tiny.frames(300, 240, 320)):
    sink.take(Frame(pixels, number), [])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_killed_run_leaves_a_video_that_can_be_played(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture
) -> None:
    done = subprocess.run([sys.executable, "-c", RECORD, str(tmp_path / f"v{suffix}")], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    (video,) = [path for path in tmp_path.iterdir() if path.suffix in (".mkv", ".avi")]
    assert 200 < _frames_in(video) <= 300
    with VideoFileSink(str(tmp_path / f"v{suffix}"), 25.0, TASKS):
        pass  # no lock is left
    line = capsys.readouterr().err
    assert f"{tmp_path}/v{suffix}: a run that was killed left its recording as {video}; " in line
    command = re.search("keep it with (mv .*), or remove it\n$", line)
    assert command and subprocess.run(shlex.split(command[1])).returncode == 0
    assert [each.name for each in tmp_path.iterdir()] == [f"v-killed{video.suffix}"]


def test_what_killed_runs_left_of_other_videos_is_not_spoken_of(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in (".v.mov.abcd1234.mkv", ".v.mp4.abcd1234.avi", "v.mp4.mkv"):
        (tmp_path / name).touch()
    with VideoFileSink(str(tmp_path / "v.mp4"), 10.0, TASKS):
        assert capsys.readouterr().err == ""
    for name in (".v.mp4.abcd1234.mkv", ".v.mp4.abcd1235.mkv"):
        (tmp_path / name).touch()
    with VideoFileSink(str(tmp_path / "v.mp4"), 10.0, TASKS):
        assert ".mkv and 1 more; keep it with" in capsys.readouterr().err


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").mkdir()
    with pytest.raises(SinkError, match="is a folder"):
        VideoFileSink(str(tmp_path / "v.mp4"), 10.0, TASKS)


@pytest.mark.skipif(
    "GUI:                           NONE" not in cv2.getBuildInformation(), reason="has windows"
)
def test_an_opencv_without_windows_says_what_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    if not any(metadata.distributions(name="opencv-python")):
        with pytest.raises(SinkError, match=r"windows: pip install .*\[show\]'.*, or use --save"):
            WindowSink(TASKS)
    package = tmp_path / "opencv_python-5.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Name: opencv-python\nVersion: 5.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        SinkError, match="headless lie over those of opencv-python: pip install --f"
    ):
        WindowSink(TASKS)
