"""Several sources in one run: a network for all, a window each, and none that stops another."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge import loop
from edge.cli import main
from edge.commands.run_options import RunOptions
from edge.commands.source_options import SourceOptions
from edge.sources import Source
from edge.sources.connection import GapRules
from edge.sources.live import LiveSource
from edge.stream import Decision, Frame, Network, Stream
from edge.summary import RunSummary, SourceSummary
from edge_common import EdgeError, SourceError, SourceLost
from tests import tiny
from tests.edge.sources.test_capture_process import server  # noqa: F401
from tests.edge.sources.test_live import ScriptedCapture

PIXELS = np.zeros((48, 64, 3), np.uint8)


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_times(line: dict) -> dict:
    return {key: line[key] for key in ("frame", "first_frame", "tasks")}


@pytest.fixture
def films(video_path: Path, tmp_path: Path) -> list[Path]:
    """The second shows the first one backwards, and less of it."""
    capture, frames = cv2.VideoCapture(str(video_path)), []
    while (pixels := capture.read()[1]) is not None:
        frames.append(pixels)
    backwards = tmp_path / "backwards.avi"
    size = frames[0].shape[1::-1]
    writer = cv2.VideoWriter(str(backwards), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, size)
    for pixels in frames[:9:-1]:
        writer.write(pixels)
    writer.release()
    return [video_path, backwards]


def run(cli: CliRunner, bundle: Path, *arguments: str) -> str:
    result = cli.invoke(main, [str(bundle), "--quiet", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_each_source_is_decided_on_as_if_it_were_alone(
    cli: CliRunner, tiny_bundle_path: Path, films: list[Path], tmp_path: Path
) -> None:
    both, sources = tmp_path / "both.jsonl", [f"--source={film}" for film in films]
    summary = json.loads(run(cli, tiny_bundle_path, *sources, "--jsonl", str(both), "--json"))
    together = lines_of(both)
    assert [line["source"] for line in together[:4]] == [str(films[0]), str(films[1])] * 2
    for number, film in enumerate(films):
        alone = tmp_path / f"{number}.jsonl"
        run(cli, tiny_bundle_path, "--source", str(film), "--jsonl", str(alone))
        mine = [without_times(line) for line in together if line["source"] == str(film)]
        assert mine == [without_times(line) for line in lines_of(alone)]
        assert lines_of(alone)[0]["source"] == str(film)
    assert summary["source"] == f"{films[0]}, {films[1]}"
    assert summary["frames"] == summary["announced"] == 50
    assert [each["frames"] for each in summary["sources"]] == [30, 20]
    assert [each["decisions"] for each in summary["sources"]] == [27, 17]


def test_each_source_has_a_video_of_its_own(
    cli: CliRunner, tiny_bundle_path: Path, films: list[Path], tmp_path: Path
) -> None:
    sources = [f"--source={film}" for film in films]
    text = run(cli, tiny_bundle_path, *sources, "--save", str(tmp_path / "out.avi"))
    for number, frames in ((1, 30), (2, 20)):
        video = cv2.VideoCapture(str(tmp_path / f"out-{number}.avi"))
        assert video.get(cv2.CAP_PROP_FRAME_COUNT) == frames
    assert not (tmp_path / "out.avi").exists()
    assert "on 2 sources with" in text
    assert f"\n{films[1]}: 20 frames, 17 decisions, 0 dropped\n" in text


def test_the_same_file_twice_has_two_names(
    cli: CliRunner, tiny_bundle_path: Path, video_path: Path
) -> None:
    sources = [f"--source={video_path}"] * 2
    output = run(cli, tiny_bundle_path, *sources, "--frames", "5", "--jsonl", "-")
    lines = [json.loads(line) for line in output.splitlines()]
    assert [(line["source"], line["frame"]) for line in lines] == [
        (f"{video_path} (1)", 3), (f"{video_path} (2)", 3),
        (f"{video_path} (1)", 4), (f"{video_path} (2)", 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("uris", "options", "message"),
    [
        (("camera:0", "camera:/dev/video0"), {}, "/dev/video0 is given twice"),
        (("camera:csi:0", "csi:0"), {}, "csi:0 is given twice"),
        (("pipe:0", "a.mp4", "-"), {}, "standard input is given twice"),
        (("-", "/dev/stdin"), {}, "standard input is given twice"),
        (("a.mp4", "b.mp4"), {"stall_after": "3"}, "--stall-after goes with a camera or a stream"),
    ],
)
def test_what_cannot_be_shared_is_refused(
    uris: tuple[str, ...], options: dict[str, str], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        SourceOptions(uris, options).endpoints  # noqa: B018


def test_options_are_of_all_sources_that_have_them() -> None:
    uris = ("rtsp://host/1", "a.mp4", "camera:0")
    endpoints = SourceOptions(uris, {"stall_after": "3", "insecure": "1", "rate": ""}).endpoints
    assert [dict(each.options) for each in endpoints] == [
        {"stall_after": "3", "insecure": "1"}, {}, {"stall_after": "3"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("uris", "logins"),
    [
        (("rtsp://cam/1", "snapshot:http://CAM:80/a.jpg"), ["file", "file"]),
        (("rtsp://cam/1", "rtsp://me:own@yard/1", "udp://host:1"), ["file", None, None]),
        (("rtsp://cam/1", "rtsp://yard/1:login=other"), ["file", "other"]),
    ],
)
def test_a_login_goes_to_what_has_none_at_one_host(
    uris: tuple[str, ...], logins: list[str | None]
) -> None:
    endpoints = SourceOptions(uris, {"login": "file"}).endpoints
    assert [dict(each.options).get("login") for each in endpoints] == logins


def test_a_login_goes_to_no_two_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    options = SourceOptions(
        ("rtsp://cam/1", "http://yard/1", "rtsp://a:b@gate/1"), {"login": "file"}
    )
    with pytest.raises(
        SourceError, match="--login is for one host, and sources are at cam, yard: "
    ):
        options.endpoints  # noqa: B018
    own = ("rtsp://cam/1", "rtsp://yard/1:login=other")
    monkeypatch.setenv("EDGE_SOURCE_LOGIN", "me:secret")
    assert len(SourceOptions(own).endpoints) == 2
    with pytest.raises(SourceError, match="EDGE_SOURCE_LOGIN is for one host"):
        SourceOptions(("rtsp://cam/1", "rtsp://yard/1")).endpoints  # noqa: B018


def test_no_numbered_output_destroys_an_input() -> None:
    with pytest.raises(EdgeError, match="a-2.mp4 is given twice"):
        RunOptions("face", source=SourceOptions(("x.mp4", "a-2.mp4")), save="a.mp4")


@pytest.mark.parametrize("arguments", [["--camera", "0"], ["--source", "b.mp4"]])
def test_one_person_is_enrolled_from_one_source(cli: CliRunner, arguments: list[str]) -> None:
    result = cli.invoke(main, ["enroll", "ann", "--source", "a.mp4", *arguments])
    assert result.exit_code == 2
    assert "give one of --camera N and --source URI, once" in result.stderr


def test_more_sources_than_memory_are_refused(
    cli: CliRunner, tiny_bundle_path: Path, video_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 300 MB left the first takes 90; of three more at least the last would not fit."""
    left = iter([300_000_000, 210_000_000])
    monkeypatch.setattr("edge.commands.feeds.memory.available_bytes", lambda: next(left))
    arguments = [str(tiny_bundle_path), *[f"--source={video_path}"] * 4]
    result = cli.invoke(main, arguments)
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: 4 sources need too much memory: 3 of them about 270 MB, and 210 MB are left: "
        "give fewer, or smaller frames\n"
    )


class Scripted(Source):
    """Frames that are there when asked for; then the error."""

    def __init__(self, name: str, frames: int, error: Exception | None = None) -> None:
        super().__init__(name)
        self._frames, self._error = frames, error

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self._frames):
            yield Frame(PIXELS, number)
        if self._error:
            raise self._error


class Log:
    """A watcher that decides nothing; what each source pushed, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def of(self, name: str, act: Callable[[], object] = lambda: None) -> loop.Watcher:
        log = self

        class Watching:
            def decisions(self, frame: Frame) -> list[Decision]:
                log.names.append(name)
                act()
                return []

        return Watching()


def run_loop(
    *sources: Source, watcher: Callable[[str], loop.Watcher], max_frames: int | None = None
) -> RunSummary:
    counts = [SourceSummary(source) for source in sources]
    summary, limits = RunSummary("b", counts, "litert"), loop.RunLimits(max_frames)
    loop.run([loop.Feed(each, watcher(each.source.name)) for each in counts], summary, limits)
    return summary


def test_turns_are_fair() -> None:
    log = Log()
    run_loop(Scripted("a", 100), Scripted("b", 3), Scripted("c", 100), watcher=log.of)
    assert log.names[:9] == ["a", "b", "c"] * 3
    assert log.names[9:] == ["a", "c"] * 97


def test_a_lost_source_ends_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    log, lost = Log(), SourceLost("camera 0 stopped and did not come back")
    with pytest.raises(SourceLost, match="camera 0 stopped") as raised:
        run_loop(
            Scripted("a", 2, lost), Scripted("b", 5), Scripted("c", 9, SourceError("damaged")),
            watcher=log.of,
        )  # fmt: skip
    assert raised.value.exit_code == 3
    assert [log.names.count(name) for name in "abc"] == [2, 5, 9]
    assert capsys.readouterr().err.splitlines() == [
        "camera 0 stopped and did not come back; the others go on",
        "b has ended; the others go on",
    ]


def test_a_source_whose_frames_are_enough_has_not_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_loop(Scripted("a", 4), Scripted("b", 9), Scripted("c", 2), watcher=Log().of, max_frames=4)
    assert capsys.readouterr().err.splitlines() == [
        "c has ended; the others go on",
        "a gave 4 frames; the others go on",
    ]


def live(name: str, capture: ScriptedCapture) -> LiveSource:
    return LiveSource(name, lambda: capture, GapRules(3600.0, 0.01))


def test_a_silent_camera_holds_no_other_up() -> None:
    """It has given one frame; the file goes on to its end, then the camera's end is waited for."""
    log, silent = Log(), live("silent", ScriptedCapture(1, silent=True))
    film = Scripted("film", 50)

    def close_at_the_end() -> None:
        if log.names.count("film") == 50:
            silent.close()

    run_loop(silent, film, watcher=lambda name: log.of(name, close_at_the_end))
    assert log.names.count("film") == 50
    assert log.names.count("silent") == 1


def test_a_frame_of_any_camera_wakes_the_run() -> None:
    log = Log()
    captures = [ScriptedCapture(8, silent=True), ScriptedCapture(8, silent=True)]
    cameras = [live(name, capture) for name, capture in zip("ab", captures)]

    def close_both() -> None:
        if len(log.names) == 16:
            for camera in cameras:
                threading.Thread(target=camera.close).start()

    run_loop(*cameras, watcher=lambda name: log.of(name, close_both))
    assert sorted(log.names) == ["a"] * 8 + ["b"] * 8


def test_time_that_is_spent_on_others_counts_as_busy_and_waiting_does_not() -> None:
    clock = [0.0]
    camera = LiveSource(
        "a", lambda: ScriptedCapture(20, silent=True), GapRules(3600.0), clock=lambda: clock[0]
    )
    frames = iter(camera)
    next(frames)
    clock[0] += 0.25  # with its own frame and that of another
    assert camera.ready()
    clock[0] += 5.0  # no frame was there
    next(frames)
    camera.close()
    assert list(camera._busy_s) == [0.25]


def test_windows_share_one_network(tiny_bundle_path: Path) -> None:
    from edge import open_bundle
    from edge.stream import StreamOptions

    bundle = open_bundle(str(tiny_bundle_path))
    network = Network(bundle, StreamOptions())
    first, second = (Stream(bundle, network=network, source=name) for name in "ab")
    alone = Stream(bundle)
    frames = tiny.frames(8, 48, 64)
    for number, pixels in enumerate(frames):
        decision, expected = first.push(pixels), alone.push(pixels)
        second.push(frames[-1 - number])
        assert (decision is None) == (expected is None)
        if decision and expected:
            assert decision.source == "a"
            for task, prediction in decision.tasks.items():
                assert np.array_equal(prediction.scores, expected.tasks[task].scores)


@contextlib.contextmanager
def started(bundle: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    code = "from edge.cli import main; import sys; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, str(bundle), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_streams_and_closes_all_outputs(
    server: str,  # noqa: F811
    tiny_bundle_path: Path,
    tmp_path: Path,
    ending: signal.Signals,
) -> None:
    streams = [f"--source={server}/stream", f"--source={server}/stream"]
    saved = ["--save", str(tmp_path / "out.mp4"), "--jsonl", "-"]
    with started(tiny_bundle_path, *streams, *saved) as process:
        names = set()
        while len(names) < 2:
            names.add(json.loads(process.stdout.readline())["source"])
        process.send_signal(ending)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert names == {f"{server}/stream ({number})" for number in (1, 2)}
    assert re.search(r"/stream \(2\): \d+ frames, \d+ decisions", errors)
    for number in (1, 2):
        assert cv2.VideoCapture(str(tmp_path / f"out-{number}.mp4")).read()[0]


@pytest.fixture
def short_stream() -> Iterator[str]:
    """A camera that gives two seconds of images to whoever comes first, and is gone for ever."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError), listener:
            connection, _ = listener.accept()
        with connection, connection.makefile("wb") as file:
            connection.recv(2000)
            file.write(
                b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n"
            )
            for pixels in tiny.frames(50, 48, 64):
                time.sleep(0.04)
                jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
                head = f"--x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                file.write(head.encode() + jpeg + b"\r\n")

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/stream"
    listener.close()


def test_a_stream_that_is_lost_for_good_is_code_3_when_the_others_are_done(
    short_stream: str, cli: CliRunner, tiny_bundle_path: Path, video_path: Path, tmp_path: Path
) -> None:
    sources = [f"--source={short_stream}", f"--source={video_path}", "--give-up-after=0.1"]
    whole = f"--save={tmp_path / 'out.avi'}"  # else ffmpeg connects again, to decode less
    result = cli.invoke(main, [str(tiny_bundle_path), *sources, whole, "--json", "--quiet"])
    assert result.exit_code == 3, result.output
    assert f"Error: {short_stream} stopped and did not come back" in result.stderr
    summary = json.loads(result.stdout)
    assert summary["sources"][1]["frames"] == 30
    assert summary["sources"][0]["gaps"]["reconnects"] == 0
