"""Live sources with captures that are told what to deliver: no sleeping, no camera."""

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sources import open_source
from edge.sources.live import LiveSource
from edge.sources.video import VideoFile
from edge_common.errors import SourceError, SourceLost
from tests import tiny
from tests.wheels import ROOT


class ScriptedCapture:
    """A camera that gives `count` pictures, each when asked for, then fails."""

    def __init__(
        self, count: int, opened: bool = True, gate: threading.Event | None = None
    ) -> None:
        self._left, self._opened, self._gate = count, opened, gate
        self.released = False

    def isOpened(self) -> bool:
        return self._opened

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self._left == 0 and self._gate:
            self._gate.wait()
        if self._left <= 0:
            return False, None
        self._left -= 1
        return True, np.full((4, 4, 3), self._left, np.uint8)

    def get(self, prop: int) -> float:
        return 30.0 if prop == cv2.CAP_PROP_FPS else 0.0

    def release(self) -> None:
        self.released = True


def _source(*captures: ScriptedCapture, retries: int = 0) -> LiveSource:
    script = iter(captures)
    return LiveSource("camera", lambda: next(script), (0.0,) * retries)


def test_an_opened_camera_that_reads_nothing_is_an_error() -> None:
    capture = ScriptedCapture(0)
    with pytest.raises(SourceError, match="gives no picture"):
        _source(capture)
    assert capture.released


def test_every_frame_is_either_delivered_or_counted_as_dropped() -> None:
    hold = threading.Event()
    source = _source(ScriptedCapture(50, gate=hold))
    numbers = []
    for frame in source:
        numbers.append(frame.number)
        if frame.number == 49:
            hold.set()
            break
    source.close()
    assert numbers == sorted(set(numbers))
    assert len(numbers) + source.dropped == 50


def test_the_slow_get_the_newest_frame() -> None:
    hold = threading.Event()
    source = _source(ScriptedCapture(50, gate=hold))
    while source._newest is None or source._newest.number < 49:
        pass
    frame = next(iter(source))
    hold.set()
    source.close()
    assert frame.number == 49
    assert source.dropped == 49


def test_a_lost_camera_is_opened_again() -> None:
    first, second = ScriptedCapture(3), ScriptedCapture(4)
    source = _source(first, second, *(ScriptedCapture(0) for _ in range(1)), retries=1)
    seen = []
    with pytest.raises(SourceLost):
        for frame in source:
            seen.append(frame.number)
    assert first.released
    assert len(seen) + source.dropped == 7


def test_a_camera_that_stays_away_is_lost_for_good() -> None:
    source = _source(
        ScriptedCapture(3), *(ScriptedCapture(0, opened=False) for _ in range(2)), retries=2
    )
    seen = []
    with pytest.raises(SourceLost, match="did not come back"):
        for frame in source:
            seen.append(frame.number)
    assert len(seen) + source.dropped == 3


class RaisingCapture(ScriptedCapture):
    """A driver that answers with an exception where others return False."""

    def read(self) -> tuple[bool, np.ndarray | None]:
        readable, pixels = super().read()
        if not readable:
            raise cv2.error("driver")
        return readable, pixels


def test_a_driver_s_exception_is_a_lost_frame_and_no_hang() -> None:
    source = _source(RaisingCapture(2))
    with pytest.raises(SourceLost):
        list(source)


def test_a_pipe_s_end_is_the_end(tiny_bundle_path: Path) -> None:
    """Nobody fills it again, so nothing is opened again, and nothing was lost."""
    images = (cv2.imencode(".jpg", pixels)[1].tobytes() for pixels in tiny.frames(30, 48, 64))
    code = f"from edge.cli import main; main([{str(tiny_bundle_path)!r}, '--source', 'pipe:0'])"
    child = subprocess.run(
        [sys.executable, "-c", code], input=b"".join(images), capture_output=True, cwd=ROOT
    )
    assert child.returncode == 0, child.stderr
    assert child.stderr == b""
    assert b"on pipe:0 with" in child.stdout


def test_silence_lasts_until_the_next_frame() -> None:
    gate = threading.Event()
    with _source(ScriptedCapture(1, gate=gate)) as source:
        silence_s = source.silence_s()
        assert 0.0 <= silence_s < source.silence_s()
        gate.set()


def test_the_first_frame_after_a_gap_starts_a_new_window() -> None:
    gate = threading.Event()
    source = _source(ScriptedCapture(1), ScriptedCapture(1, gate=gate), retries=1)
    frames = []
    for frame in source:
        frames.append(frame)
        if frame.number == 1:
            break
    gate.set()
    source.close()
    assert [f.restart for f in frames] == [False, True][-len(frames) :]


@pytest.fixture
def mjpeg_url() -> Iterator[str]:
    """A real MJPEG stream over HTTP on loopback: 12 pictures, then the connection ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            for picture in tiny.frames(12, 48, 64):
                jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/stream.mjpg"
    server.shutdown()
    server.server_close()


def test_a_network_stream_is_a_live_source(mjpeg_url: str) -> None:
    with open_source(mjpeg_url) as source:
        assert isinstance(source, LiveSource)
        frame = next(iter(source))
    assert frame.pixels.shape == (48, 64, 3)


def test_a_recording_on_a_server_is_read_once_to_its_end(video_path: Path) -> None:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    handler = functools.partial(Quiet, directory=str(video_path.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open_source(f"http://127.0.0.1:{server.server_port}/{video_path.name}") as source:
        assert isinstance(source, VideoFile)
        assert [frame.number for frame in source] == list(range(30))
    server.shutdown()
    server.server_close()
