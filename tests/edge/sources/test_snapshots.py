"""Images on a real web server that are asked for again and again, and logins from files."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import cv2
import psutil
import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.sources import open_source
from edge.sources.login import VARIABLE, with_login
from edge_common import SourceError, SourceLost, children
from tests import tiny
from tests.edge.sources import web

_JPEGS = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in tiny.frames(50, 48, 64)]


class Handler(web.Handler):
    """`/new.jpg` another image each time, `/slow.jpg` each third time; `/digest.jpg` with a login.

    `/once.jpg` always the same; `/text` none; `/broken.jpg` two images, then one error, then others.
    """

    counts = itertools.count()
    requests: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        number = next(self.counts)
        self.requests.append(self.headers.get("Authorization", ""))
        if self.path.startswith("/digest") and not self.requests[-1].startswith("Digest "):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Digest realm="camera", nonce="1", qop="auth"')
        elif self.path == "/basic.jpg" and self.requests[-1] != f"Basic {_BASIC}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        elif self.path == "/missing.jpg" or (self.path == "/broken.jpg" and number == 2):
            self.send_response(404)
        else:
            content = b"no image" if self.path == "/text" else self._image(number)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if self.path == "/half.jpg" else content)
            return
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _image(self, number: int) -> bytes:
        step = {"/slow.jpg": 3, "/once.jpg": 10**9}.get(self.path, 1)
        return _JPEGS[number // step % len(_JPEGS)]


_BASIC = b64encode(b"me@home:se:cret/").decode()


@pytest.fixture
def server() -> Iterator[str]:
    Handler.counts, Handler.requests = itertools.count(), []
    with web.serving(Handler) as address:
        yield address


def test_only_new_images_are_frames(server: str) -> None:
    with open_source(f"snapshot:{server}/slow.jpg:rate=50") as source:
        frames = [frame.pixels.tobytes() for frame in itertools.islice(source, 5)]
    assert len(set(frames)) == 5 and len(Handler.requests) >= 13


def test_the_rate_is_kept(server: str) -> None:
    with open_source(f"snapshot:{server}/new.jpg:rate=10") as source:
        began = time.monotonic()
        assert len(list(itertools.islice(source, 6))) == 6
        assert time.monotonic() - began > 0.3


def test_an_image_that_stays_the_same_is_a_stall_that_lasts(
    server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "rate=20,stall_after=0.3,give_up_after=2"
    with open_source(f"snapshot:{server}/once.jpg:{options}") as source:
        frames = iter(source)
        next(frames)
        with pytest.raises(SourceLost, match="did not come back"):
            next(frames)
        assert source.gaps is not None and (source.gaps.stalls, source.gaps.reconnects) == (1, 0)
    assert "opening it again" in capsys.readouterr().err


def test_a_server_that_fails_is_a_gap(server: str) -> None:
    with open_source(f"snapshot:{server}/broken.jpg:rate=20") as source:
        frame = next(frame for frame in source if frame.restart)
        assert frame.pixels.shape == (48, 64, 3)
        assert source.gaps is not None and source.gaps.reconnects == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing.jpg", "is refused by its server (404 Not Found): give another address"),
        ("/basic.jpg", "is refused by its server (401 Unauthorized): give NAME:PASSWORD@"),
        ("/half.jpg", "gives no picture: IncompleteRead"),
        ("/text", "gives no picture: its server sends no image"),
    ],
)
def test_why_there_is_no_image(server: str, path: str, reason: str) -> None:
    with pytest.raises(SourceError) as error:
        open_source(f"snapshot:{server}{path}")
    assert f"{server}{path} {reason}" in str(error.value)


@pytest.mark.parametrize(
    "text", ["snapshot:a.jpg", "snapshot:ftp://host/a.jpg", "snapshot:http://h/a:rate=0"]
)
def test_what_is_no_snapshot(text: str) -> None:
    with pytest.raises(SourceError, match="http|rate"):
        open_source(text)


@pytest.mark.parametrize("path", ["/basic.jpg", "/digest.jpg"])
def test_logins_come_from_a_file_and_are_not_told(
    server: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = tmp_path / "login"
    login.write_text("me@home:se:cret/\n")
    login.chmod(0o600)
    with open_source(f"snapshot:{server}{path}:rate=20,login={login}") as source:
        commands = [" ".join(child.cmdline()) for child in psutil.Process().children()]
        assert any("snapshot" in command for command in commands)
        assert "cret" not in "".join(commands) + source.name
        next(iter(source))
    monkeypatch.setenv(VARIABLE, "me@home:se:cret/")
    with open_source(f"snapshot:{server}{path}") as source:
        next(iter(source))


def test_addresses_with_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login = tmp_path / "login"
    login.write_text("me:a/b@c\r\n")
    login.chmod(0o600)
    path = str(login)
    assert with_login("rtsp://cam:554/1", path) == "rtsp://me:a%2Fb%40c@cam:554/1"
    monkeypatch.setenv(VARIABLE, "you:there")
    assert with_login("rtsp://cam/1", path) == "rtsp://me:a%2Fb%40c@cam/1"
    assert with_login("rtsp://cam/1") == "rtsp://you:there@cam/1"
    assert with_login("rtsp://she:own@cam/1") == "rtsp://she:own@cam/1"
    assert with_login("udp://239.0.0.1:1234") == "udp://239.0.0.1:1234"
    assert with_login("pipe:0") == "pipe:0"


@pytest.mark.parametrize(
    ("url", "content", "mode", "reason"),
    [
        ("rtsp://cam/1", "me:s3same", 0o640, "may be read by others: chmod 600"),
        ("rtsp://cam/1", "", 0o600, "holds no NAME:PASSWORD in one line"),
        ("rtsp://cam/1", "me", 0o600, "holds no NAME:PASSWORD in one line"),
        ("rtsp://cam/1", "me:s3same\nyou:s3same", 0o600, "holds no NAME:PASSWORD in one line"),
        ("rtsp://cam/1", None, 0o600, "may not be read: No such file"),
        ("rtsp://me:s3same@cam/1", "me:s3same", 0o600, "rtsp://me:***@cam/1 has a login already"),
        ("udp://cam:1", "me:s3same", 0o600, "is no address that takes one"),
    ],
)
def test_logins_that_do_not_fit(
    tmp_path: Path, url: str, content: str | None, mode: int, reason: str
) -> None:
    login = tmp_path / "login"
    if content is not None:
        login.write_text(content)
        login.chmod(mode)
    done = CliRunner().invoke(main, ["--source", url, "--login", str(login)])
    assert done.exit_code == 2 and reason in done.output and "s3same" not in done.output


def test_a_login_goes_with_servers() -> None:
    done = CliRunner().invoke(main, ["--source", "a.mp4", "--login", "x"])
    assert (
        done.exit_code == 2 and "--login goes with the URL of a stream or a snapshot" in done.output
    )


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("scheme", ["rtsp", "http", "snapshot"])
def test_connecting_ends_at_once(
    silent_server: str, tiny_bundle_path: Path, scheme: str, number: str
) -> None:
    url = (
        f"{scheme}://{silent_server}/1"
        if scheme != "snapshot"
        else f"snapshot:http://{silent_server}/1"
    )
    _assert_ends_at_once(number, str(tiny_bundle_path), "--source", url)


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_camera_that_heeds_no_signal_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bundle_path: Path, number: str
) -> None:
    """By a stand-in of rpicam-vid."""
    program = tmp_path / "rpicam-vid"
    stub = Path(__file__).with_name("rpicam_vid.py")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {stub} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("RPICAM_STUB", "deaf")
    _assert_ends_at_once(number, str(tiny_bundle_path), "--camera", "csi:0")


def _assert_ends_at_once(number: str, *arguments: str) -> None:
    command = [*children.module_command("edge.cli"), *arguments, "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        host = psutil.Process(process.pid)
        until = time.monotonic() + 60
        while not host.children() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1.0)  # it connects, and hangs
        captures = host.children(recursive=True)
        process.send_signal(signal.Signals[number])
        began = time.monotonic()
        process.wait(30)
        took_s = time.monotonic() - began
    assert process.returncode == 130 and captures
    assert took_s < 3.0, took_s  # a third of it if nothing else runs
    assert not [child for child in captures if child.is_running() and child.status() != "zombie"]
