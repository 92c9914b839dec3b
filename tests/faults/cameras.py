"""A web camera with somebody before it, who comes and goes, and which suffers what cameras suffer."""

import contextlib
import http.server
import os
import socket
import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np
from skimage import data

RATE_HZ, VISIT_S, AWAY_S = 12.5, 3.0, 1.5
STAY_S = 10.0  # behind a fault: a busy machine needs longer than a visit to see somebody again


def pictures(width: int = 320, height: int = 240) -> tuple[list[bytes], bytes]:
    """JPEGs of somebody who moves a little, and one of nobody."""
    photo = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR), (height, height))
    room = np.full((height, width, 3), 90, np.uint8)
    somebody = []
    for step in range(25):
        frame = room.copy()
        left = (width - height) // 2 + round(height / 40 * np.sin(step / 4))
        frame[:, left : left + height] = photo
        somebody.append(_jpeg(frame))
    return somebody, _jpeg(room)


def _jpeg(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", pixels)[1].tobytes()


class WebCamera:
    """MJPEG over HTTP. `state`: good, silent, frozen (the same picture) or garbage.

    clients: how many it serves at once; others are told 503.
    """

    def __init__(self, clients: int = 100) -> None:
        self.state, self.size = "good", (320, 240)
        self._clients, self._serving = clients, 0
        self._server: http.server.ThreadingHTTPServer | None = None
        self._sockets: set[socket.socket] = set()
        self.port = 0
        self._stays_until = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/live.mjpg"

    def plug(self) -> None:
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                camera._serve(self)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, block_on_close = True, False

        if self.port:  # it was unplugged, or not there at first
            self._stays_until = time.monotonic() + STAY_S
        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def unplug(self) -> None:
        """Nobody listens any more, and who looked is cut off."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "WebCamera":
        self.plug()
        return self

    def __exit__(self, *details: object) -> None:
        self.unplug()

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        if self._serving >= self._clients:
            handler.send_error(503, "Busy")
            return
        self._serving += 1
        self._sockets.add(handler.connection)
        try:
            handler.send_response(200)
            handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            handler.end_headers()
            for chunk in self._chunks():
                handler.wfile.write(chunk)
        except OSError:
            pass  # who looked is gone
        finally:
            self._sockets.discard(handler.connection)
            self._serving -= 1

    def _chunks(self) -> Iterator[bytes]:
        before, (somebody, nobody) = (self.state, self.size), pictures(*self.size)
        step = 0
        while True:
            time.sleep(1 / RATE_HZ)
            if before != (self.state, self.size):  # somebody is there when a fault ends
                before, (somebody, nobody) = (self.state, self.size), pictures(*self.size)
                step, self._stays_until = 0, time.monotonic() + STAY_S
            if self.state == "silent":
                continue
            if self.state == "garbage":
                yield os.urandom(20_000)
                continue
            step += self.state != "frozen"
            is_visit = step / RATE_HZ % (VISIT_S + AWAY_S) < VISIT_S
            is_there = is_visit or time.monotonic() < self._stays_until
            jpeg = somebody[step % len(somebody)] if is_there else nobody
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            yield head.encode() + jpeg + b"\r\n"
