"""Encoded video over loopback HTTP, as network cameras send it, from a process that can be stopped.

`python -m edge_benchmarks.measure.video_server VIDEO SPEED PORT` serves it, ever again from its
start, and writes the port that it took. It is ffmpeg that writes into the socket.
"""

import contextlib
import http.server
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from edge_common import Closable, EngineError, SourceError, children

_JPEG = "multipart/x-mixed-replace; boundary=ffmpeg"  # what its muxer puts between images


def require_ffmpeg() -> None:
    """Raise SourceError if it is not installed."""
    if not shutil.which("ffmpeg"):
        raise SourceError("the scenario sources needs the program ffmpeg: sudo apt install ffmpeg")


def run_ffmpeg(*arguments: object, images: Iterable[bytes] = ()) -> float:
    """Run it to its end; its processor seconds. images: what it reads. Raises SourceError."""
    require_ffmpeg()
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin and process.stderr
    with process.stdin, contextlib.suppress(BrokenPipeError):
        for image in images:
            process.stdin.write(image)
    with process.stderr:
        messages = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SourceError(f"ffmpeg failed ({children.last_line(messages)})")
    return usage.ru_utime + usage.ru_stime


class VideoServer(Closable):
    """A camera of the network. speed: 1 is as fast as the video is meant to be played."""

    def __init__(self, video: Path, speed: float = 1.0) -> None:
        self._video, self._speed, self._port = video, speed, 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Serve, at the same port as before. Raises EngineError if that cannot be had."""
        command = children.module_command(
            "edge_benchmarks.measure.video_server", self._video, self._speed, self._port
        )
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise EngineError(f"no video can be served at port {self._port}: try again")
        self._port = int(line)

    def freeze(self) -> None:
        """Say nothing more; sockets stay open."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """Die, with all connections."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()


def serve(video: str, speed: str, port: str) -> None:
    is_jpeg = "mjpeg" in Path(video).stem
    muxer, content_type = ("mpjpeg", _JPEG) if is_jpeg else ("mpegts", "video/mp2t")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            command = (
                f"ffmpeg -v quiet -nostdin -readrate {speed} -stream_loop -1 -i {{}} "
                f"-c copy -f {muxer} -flush_packets 1 pipe:1"
            )
            arguments = [video if each == "{}" else each for each in command.split()]
            subprocess.run(arguments, stdout=self.connection.fileno(), check=False)

        def log_message(self, *args: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    serve(*sys.argv[1:])
