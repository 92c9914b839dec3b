"""The source `snapshot:URL`: an image on a web server, asked for again and again in a child process."""

import sys
import time
from collections.abc import Callable
from hashlib import blake2b
from http import client

import cv2
import numpy as np

from edge import sources
from edge.sources import connection, live, opencv_capture
from edge.sources.formats import FRAME, START
from edge_common import console

_MOST_HZ = 100.0


def open_source(
    target: str,
    needs: sources.FrameNeeds = sources.WHOLE,
    *,
    rate: float = 1.0,
    login: str = "",
    insecure: int = 0,
    stall_after: float = 0.0,
    give_up_after: float = 0.0,
    wait: int = 0,
) -> live.LiveSource:
    """rate: requests a second.  login: a file with NAME:PASSWORD.

    insecure: 1: a server's certificate is not verified, which is said.
    stall_after, give_up_after: seconds, see `connection.GapRules`; 0: its own.
    wait: 1: for a server that is not there yet.
    An image that is the same as before is no frame. Raises SourceError if there is none.
    """
    from edge.sources import servers
    from edge.sources.login import with_login

    if not target.startswith(("http://", "https://")):
        raise ValueError("a snapshot is at an http:// or https:// address")
    if not 0 < rate <= _MOST_HZ:
        raise ValueError(f"the option rate is above 0, and {_MOST_HZ:g} at most")
    url = with_login(target, login)
    if insecure:
        console.note(servers.unverified(url))
    last = LastImage()
    return live.LiveSource(
        url,
        lambda: SnapshotCapture(url, rate, bool(insecure), last),
        connection.GapRules.of(stall_after, give_up_after, wait),
        explain=lambda: servers.refusal(url, bool(insecure), is_recording=False),
    )


class LastImage:
    """Knows the newest image again, also from another connection."""

    def __init__(self) -> None:
        self._digest = b""

    def is_new(self, pixels: np.ndarray) -> bool:
        before, self._digest = self._digest, blake2b(pixels.data, digest_size=16).digest()
        return self._digest != before


class SnapshotCapture:
    """New images of one child process. Raises SourceError if it gets none."""

    def __init__(self, url: str, rate_hz: float, insecure: bool, last: LastImage) -> None:
        wait_s = connection.FIRST_FRAME_S
        self._process = opencv_capture.start(url, __name__, (url, rate_hz, insecure), wait_s)
        self._last, self.rate_hz = last, self._process.rate_hz

    def read(self, timeout_s: float) -> np.ndarray | None:
        until = time.monotonic() + timeout_s
        while True:
            pixels = self._process.read(until - time.monotonic())
            if pixels is None or self._last.is_new(pixels):
                return pixels

    def close(self) -> None:
        self._process.close()


def main() -> int:
    """The child: write an image whenever it is another one than before."""
    from edge.sources import servers

    url, rate_hz, insecure = opencv_capture.request()
    write = opencv_capture.writer()
    fetch = servers.fetcher(url, insecure)
    before, begun = b"", False
    while True:
        next_at = time.monotonic() + 1 / rate_hz
        encoded = _fetched(fetch)
        if encoded != before:
            pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
            if pixels is None:
                sys.exit("its server sends no image")
            if not begun:
                write(START.pack(0.0, -1))
            write(FRAME.pack(*pixels.shape[:2]))
            write(pixels.data.cast("B"))
            before, begun = encoded, True
        time.sleep(max(next_at - time.monotonic(), 0.0))


def _fetched(fetch: Callable[[], bytes]) -> bytes:
    try:
        content = fetch()
    except (OSError, client.HTTPException, ValueError) as problem:
        sys.exit(str(problem))
    return content or sys.exit("its server sends nothing")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # the runner has enough
        opencv_capture.end()
