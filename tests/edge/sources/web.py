"""Web servers on loopback, and how a web camera sends its images."""

import contextlib
import functools
import http.server
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any


class Handler(http.server.BaseHTTPRequestHandler):
    """Says nothing of its requests."""

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""

    def send_images(self, jpegs: Iterable[bytes], step_s: float = 0.02) -> None:
        """As MJPEG, until they or whoever looks is gone."""
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with contextlib.suppress(OSError):
            for jpeg in jpegs:
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                time.sleep(step_s)


class FileHandler(Handler, http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without ranges."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        with contextlib.suppress(OSError):  # whoever asked has enough
            super().copyfile(source, outputfile)


def files_of(folder: Path, handler: type[FileHandler] = FileHandler) -> Callable[..., Any]:
    return functools.partial(handler, directory=str(folder))


@contextlib.contextmanager
def serving(handler: Callable[..., Any], host: str = "127.0.0.1") -> Iterator[str]:
    """Its address, `http://HOST:PORT`."""
    with http.server.ThreadingHTTPServer((host, 0), handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{host}:{server.server_port}"
        server.shutdown()
