"""Servers whose certificates are to be trusted, and others: real ones, with TLS."""

import contextlib
import functools
import http.server
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.sources import open_source
from edge_common import SourceError

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
NEW_KEY = ("req", "-newkey", "rsa:2048", "-nodes")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ca` vouches for `good` (localhost) and `other` (another host); `self` for itself."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ca", "self"):
        files = ("-x509", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2")
        names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
        openssl(folder, *NEW_KEY, *files, *names)
    for name, host in (("good", "localhost"), ("other", "elsewhere.example")):
        (folder / "names").write_text(f"subjectAltName=DNS:{host}\n")
        openssl(folder, *NEW_KEY, "-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={host}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
        openssl(folder, "x509", "-req", "-in", "csr", "-out", f"{name}.pem", "-days", "2", *signed)
    return folder


@pytest.fixture(autouse=True)
def trusting(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(keys / "ca.pem"))


def _tls(keys: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / f"{name}.pem", keys / f"{name}.key")
    return context


class Handler(http.server.SimpleHTTPRequestHandler):
    """`/to/HOST:PORT/FILE` is at https://HOST:PORT/FILE; `told` keeps what it was asked."""

    told: list[http.client.HTTPMessage] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.told.append(self.headers)
        if not self.path.startswith("/to/"):
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", f"https://{self.path.removeprefix('/to/')}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def web_server(folder: Path, tls: ssl.SSLContext | None) -> Iterator[str]:
    """Its host and port."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"localhost:{server.server_port}"
        server.shutdown()


@contextlib.contextmanager
def camera(tls: ssl.SSLContext) -> Iterator[tuple[int, list[bytes]]]:
    """The port of one that speaks rtsps, and what it was asked behind TLS."""
    asked: list[bytes] = []

    def serve() -> None:
        with contextlib.suppress(OSError):  # its socket is closed
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), tls.wrap_socket(connection, True) as secured:
                    asked.append(secured.recv(4))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("name", "host", "reason"),
    [
        ("good", "localhost", ""),
        ("self", "localhost", r"a certificate that is not to be trusted \(self-signed"),
        ("other", "localhost", "Hostname mismatch"),
        ("other", "127.0.0.1", "IP address mismatch"),  # FFmpeg by itself lets it in
    ],
)
def test_a_server_on_the_web_has_to_be_vouched_for(
    keys: Path, video_path: Path, name: str, host: str, reason: str
) -> None:
    with web_server(video_path.parent, _tls(keys, name)) as address:
        url = f"https://{address.replace('localhost', host)}/{video_path.name}"
        if not reason:
            with open_source(url) as video:
                assert sum(1 for _ in video) == 30
            return
        with pytest.raises(SourceError, match=reason):
            open_source(url)
        with open_source(f"{url}:insecure=1") as video:
            assert sum(1 for _ in video) == 30


def test_ffmpeg_verifies_by_itself(
    keys: Path, video_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that nobody steps in between the look at the certificate and the connection."""
    monkeypatch.setattr("edge.sources.servers.distrust", lambda url: "")
    server = web_server(video_path.parent, _tls(keys, "self"))
    with server as address, pytest.raises(SourceError, match="self-signed certificate"):
        open_source(f"https://{address}/{video_path.name}")


@pytest.mark.parametrize(("name", "expected"), [("good", {b"", b"OPTI"}), ("self", set())])
def test_a_camera_has_to_be_vouched_for(keys: Path, name: str, expected: set[bytes]) -> None:
    """It is asked nothing, and told no password, if it is not."""
    with camera(_tls(keys, name)) as (port, asked), pytest.raises(SourceError) as refusal:
        open_source(f"rtsps://ann:secret@localhost:{port}/1")
    assert set(asked) == expected
    assert "rtsps://ann:***@localhost" in str(refusal.value)
    assert ("not to be trusted" in str(refusal.value)) is (name == "self")


def test_a_server_that_one_is_sent_to_has_to_be_vouched_for(keys: Path, video_path: Path) -> None:
    folder = video_path.parent
    with web_server(folder, None) as first, web_server(folder, _tls(keys, "self")) as second:
        url = f"http://{first}/to/{second}/{video_path.name}"
        with pytest.raises(SourceError, match="self-signed certificate"):
            open_source(url)


def test_a_password_is_not_told_to_whom_one_is_sent(keys: Path, tmp_path: Path) -> None:
    Handler.told.clear()
    web, secured = web_server(tmp_path, None), web_server(tmp_path, _tls(keys, "good"))
    with web as first, secured as second, pytest.raises(SourceError, match="404"):
        open_source(f"http://ann:secret@{first}/to/{second}/none.mp4")
    ours = [headers["Authorization"] for headers in Handler.told if headers["Range"] == "bytes=1-1"]
    assert ours == ["Basic YW5uOnNlY3JldA==", None]


def test_a_playlist_is_refused_as_its_parts_are_not_verified(
    keys: Path, tmp_path: Path, video_path: Path
) -> None:
    shutil.copy(video_path, tmp_path / "clip.mp4")
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nclip.mp4\n#EXT-X-ENDLIST\n"
    (tmp_path / "list.m3u8").write_text(text)
    server, match = (
        web_server(tmp_path, _tls(keys, "good")),
        "is a playlist, and FFmpeg verifies no",
    )
    with server as address, pytest.raises(SourceError, match=match):
        open_source(f"https://{address}/list.m3u8")


def test_insecure_is_said_and_no_password_is(
    keys: Path, cli: CliRunner, tiny_bundle_path: Path, video_path: Path
) -> None:
    with web_server(video_path.parent, _tls(keys, "self")) as address:
        url = f"https://ann:secret@{address}/{video_path.name}"
        arguments = [str(tiny_bundle_path), "--source", url, "--quiet"]
        refusal = cli.invoke(main, arguments)
        result = cli.invoke(main, [*arguments, "--insecure", "--json"])
    assert refusal.exit_code == 2 and "SSL_CERT_FILE" in refusal.output
    assert result.exit_code == 0
    assert "/clip.mp4: certificates are not verified, so whoever" in result.stderr
    assert f'"source": "https://ann:***@{address}/' in result.stdout
    assert "secret" not in refusal.output + result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--camera", "0", "--insecure"],
        ["--source", "clip.mp4", "--insecure"],
        ["face", "http://ann:secret@cam/1"],
        ["http://ann:secret@cam/1"],
        ["--frames", "http://ann:secret@cam/1"],
        ["--source", "http://ann:sec/ret@cam/1"],
        ["forget", "ann", "http://ann:secret@cam/1"],
    ],
)
def test_usage_that_is_wrong_tells_no_password(cli: CliRunner, arguments: list[str]) -> None:
    result = cli.invoke(main, arguments)
    assert result.exit_code == 2
    assert "sec" not in result.output.replace("--insecure", "")
