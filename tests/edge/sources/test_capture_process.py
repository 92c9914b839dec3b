"""Captures in a child process, with a real server, that are killed, stopped and starved."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import cv2
import psutil
import pytest

from edge.sources import ffmpeg, open_source
from edge.sources.live import LiveSource
from edge_common import SourceError
from tests import tiny
from tests.edge.sources import web


class Handler(web.Handler):
    """`/stream` at 50 frames a second for as long as somebody looks; `/freeze` 40 frames, then none."""

    def do_GET(self) -> None:
        jpegs = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in tiny.frames(8, 48, 64)]
        count = None if self.path == "/stream" else 40
        self.send_images(itertools.islice(itertools.cycle(jpegs), count))
        if count:
            time.sleep(60)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with web.serving(Handler) as address:
        yield address


@pytest.fixture(params=["ffmpeg", "opencv_capture"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the child is: ffmpeg, and our own where that is not installed."""
    if request.param == "ffmpeg" and not ffmpeg.is_installed():
        pytest.skip("needs ffmpeg")
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: request.param == "ffmpeg")
    return request.param


def _children() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [p for p in children if {"ffmpeg", "edge.sources.opencv_capture"} & {*p.cmdline()}]


@pytest.mark.parametrize(
    ("harm", "stall_after_s"), [(signal.SIGKILL, 60), (signal.SIGSTOP, 2), (signal.SIGSEGV, 60)]
)
def test_what_happens_to_the_child_does_not_happen_to_the_runner(
    server: str, harm: signal.Signals, stall_after_s: float
) -> None:
    with open_source(f"{server}/stream:stall_after={stall_after_s}") as source:
        assert isinstance(source, LiveSource)
        frames = iter(source)
        list(itertools.islice(frames, 5))
        (child,) = _children()
        os.kill(child.pid, harm)
        assert next(frame for frame in frames if frame.restart).pixels.shape == (48, 64, 3)
        assert (source.gaps.stalls, source.gaps.reconnects) == (harm == signal.SIGSTOP, 1)
        assert not child.is_running()
    assert _children() == []
    assert "OPENCV_FFMPEG_CAPTURE_OPTIONS" not in os.environ  # others would take it for the user's


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
def test_a_silent_child_ends_with_a_runner_that_is_killed(reader: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        script = (
            f"from edge import sources\nfrom edge.sources import ffmpeg\n"
            f"ffmpeg.is_installed = lambda: {reader == 'ffmpeg'}\nsources.open_source({url!r})"
        )
        with subprocess.Popen([sys.executable, "-c", script]) as runner:
            asked, _ = silent.accept()
            with asked:  # a connection that nobody holds is closed, and no silent one
                (child,) = psutil.Process(runner.pid).children()
                runner.kill()
                assert child.wait(5) is None


def test_a_server_that_freezes_is_asked_again_within_moments(server: str) -> None:
    with open_source(f"{server}/freeze:stall_after=0.4") as source:
        for frame in source:
            if frame.restart:
                break
        assert source.gaps.stalls == 1
        assert 0.4 <= source.gaps.longest_s < 60.0


@pytest.fixture
def rtsp_port() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a camera that gives one answer to all that it is asked, and that answer."""
    answers: list[bytes] = []

    def serve() -> None:
        with contextlib.suppress(OSError):  # its socket is closed
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), connection:
                    connection.recv(1000)
                    connection.sendall(answers[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], answers
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answer", ["401 Unauthorized", "404 Not Found", "503 Service Unavailable"])
def test_a_camera_s_own_reason_is_given(rtsp_port: tuple[int, list[bytes]], answer: str) -> None:
    port, answers = rtsp_port
    answers.append(f"RTSP/1.0 {answer}\r\nCSeq: 1\r\n\r\n".encode())
    with pytest.raises(SourceError, match=answer.split()[0]) as refusal:
        open_source(f"rtsp://ann:secret@127.0.0.1:{port}/1")
    assert "secret" not in str(refusal.value)


def test_a_host_that_is_not_there_is_said_so() -> None:
    with pytest.raises(SourceError, match="refused"):
        open_source("rtsp://127.0.0.1:9/1")
    with pytest.raises(SourceError, match="resolve"):
        open_source("rtsp://no-such-host.invalid/1")


@pytest.mark.parametrize("times", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_reconnecting_leaves_nothing_open(server: str, times: int) -> None:
    with open_source(f"{server}/stream:stall_after=60") as source:
        frames, runner = iter(source), psutil.Process()
        descriptors, threads, memory = [], [], []
        for _ in range(times):
            os.kill(_children()[0].pid, signal.SIGKILL)
            next(frame for frame in frames if frame.restart)
            descriptors.append(runner.num_fds())
            threads.append(runner.num_threads())
            memory.append(runner.memory_info().rss)
        assert len(set(descriptors[1:])) == 1
        assert threads[-1] <= threads[1] + 1  # one of the server's, that ends soon
        assert memory[-1] - memory[times // 4] < 4_000_000
