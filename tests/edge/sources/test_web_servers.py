"""Recordings on a web server: what it says when it does not give them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from edge.sources import open_source
from edge_common.errors import SourceError
from tests import tiny
from tests.edge.sources import web


class Handler(web.FileHandler):
    """It sends no ranges; `secret` is for ann, whose password is `x y`."""

    def do_GET(self) -> None:
        if "secret" in self.path and self.headers["Authorization"] != "Basic YW5uOnggeQ==":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="films"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    writer = cv2.VideoWriter(
        str(tmp_path / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (640, 480)
    )
    for frame in tiny.frames(60, 480, 640):
        writer.write(frame)
    writer.release()
    content = (tmp_path / "clip.mp4").read_bytes()
    assert content.index(b"moov") > 200_000  # its index stands at the end, out of reach
    shutil.copy(tmp_path / "clip.mp4", tmp_path / "secret.mp4")
    (tmp_path / "page.html").write_text("<html>log in</html>")
    cv2.imwrite(str(tmp_path / "one.jpg"), tiny.frames(1, 48, 64)[0])
    with web.serving(web.files_of(tmp_path, Handler)) as address:
        yield address.removeprefix("http://")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://{}/none.mp4", r"is refused by its server \(404 File not found\)"),
        ("http://{}/secret.mp4", r"\(401 Unauthorized\): give NAME:PASSWORD@ before the host"),
        ("http://ann:wrong@{}/secret.mp4", r"\(401 Unauthorized\)"),
        ("http://ann:x%20y@{}/secret.mp4", "sends no parts of a file"),
        ("http://{}/clip.mp4", r"its server sends no parts of a file \(ranges\)"),
        ("http://{}/page.html", "is a web page.*snapshot:URL for that of an image"),
        ("http://127.0.0.1:9/clip.mp4", r"gives no picture \(.*refused\): check the address"),
    ],
)
def test_the_server_s_reason_is_said(address: str, url: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        open_source(url.format(address))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg: apt-get install ffmpeg")
def test_a_single_image_is_said(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with open_source(f"http://{address}/one.jpg") as source:
        assert next(iter(source)).pixels.shape == (48, 64, 3)
    assert "one.jpg seems to be a single image: snapshot:http" in capsys.readouterr().err
