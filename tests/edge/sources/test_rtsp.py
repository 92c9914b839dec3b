"""A real RTSP server (GStreamer's) that is frozen, killed and started again."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.sources import FrameNeeds, ffmpeg, open_source
from edge_common import SourceError

PYTHON = "/usr/bin/python3"  # whose packages Debian's gir1.2-gst-rtsp-server-1.0 goes with
CHECK = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
)


def _missing() -> str:
    if not ffmpeg.is_installed():
        return "needs ffmpeg"
    try:
        code = subprocess.run([PYTHON, "-c", CHECK], capture_output=True).returncode
        encoder = subprocess.run(["gst-inspect-1.0", "x264enc"], capture_output=True).returncode
    except FileNotFoundError:
        code = encoder = 1
    packages = "python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-ugly"
    return f"needs {packages}" if code or encoder else ""


MISSING = _missing()
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
StartCamera = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def start_camera(port: int) -> Iterator[StartCamera]:
    """Starts it at the same port, as often as it is called."""
    cameras: list[subprocess.Popen[str]] = []

    def start(*password: str) -> subprocess.Popen[str]:
        script = Path(__file__).with_name("rtsp_camera.py")
        command = [PYTHON, str(script), str(port), *password]
        cameras.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert cameras[-1].stdout.readline() == "ready\n"
        return cameras[-1]

    yield start
    for camera in cameras:
        camera.kill()
        camera.wait()
        camera.stdout.close()


def test_frames_come_with_a_login(port: int, start_camera: StartCamera) -> None:
    start_camera("secret")
    url = f"rtsp://ann:secret@127.0.0.1:{port}/live"
    with open_source(url, FrameNeeds((32, 32))) as source:
        frames = iter(source)
        assert [next(frames).pixels.shape for _ in range(30)] == [(32, 32, 3)] * 30
        assert source.dropped == 0
        assert source.rate_hz == 25
        assert source.name == f"rtsp://ann:***@127.0.0.1:{port}/live"


@pytest.mark.parametrize("login", ["", "ann:mistake@"])
def test_a_login_that_is_missing_or_wrong_is_said_and_not_shown(
    port: int, start_camera: StartCamera, login: str
) -> None:
    start_camera("secret")
    with pytest.raises(SourceError, match=r"401 Unauthorized.*NAME:PASSWORD@") as refusal:
        open_source(f"rtsp://{login}127.0.0.1:{port}/live")
    assert "mistake" not in str(refusal.value)


def test_an_address_that_is_not_there_is_said(port: int, start_camera: StartCamera) -> None:
    start_camera()
    with pytest.raises(SourceError, match="404 Not Found: give another address"):
        open_source(f"rtsp://127.0.0.1:{port}/nothing")


def test_a_server_that_freezes_is_noticed_and_comes_back(
    port: int, start_camera: StartCamera, capsys: pytest.CaptureFixture[str]
) -> None:
    camera = start_camera()
    with open_source(f"rtsp://127.0.0.1:{port}/live") as source:
        frames = iter(source)
        for _ in range(30):
            next(frames)
        os.kill(camera.pid, signal.SIGSTOP)
        while source.gaps.stalls == 0:
            time.sleep(0.01)
        noticed_after_s = source.silence_s()
        os.kill(camera.pid, signal.SIGCONT)
        assert next(frame for frame in frames if frame.restart).pixels.shape == (240, 320, 3)
        assert (source.gaps.stalls, source.gaps.reconnects) == (1, 1)
    assert noticed_after_s < 30  # 1 s on an idle machine; it was never noticed
    assert re.search(
        r"no frame for \d.* s, opening it again.*\n.*back after", capsys.readouterr().err
    )


def test_a_server_that_was_killed_is_found_again(port: int, start_camera: StartCamera) -> None:
    camera = start_camera()
    with open_source(f"rtsp://127.0.0.1:{port}/live") as source:
        frames = iter(source)
        next(frames)
        camera.kill()
        camera.wait()
        while source.silence_s() < 0.5:
            time.sleep(0.01)
        start_camera()
        assert next(frame for frame in frames if frame.restart)
        assert source.gaps.reconnects == 1
        assert source.gaps.longest_s > 0.5
