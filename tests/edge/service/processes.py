"""A service manager's end of sd_notify, a camera that can be silenced, and edge-run between them."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from tests.edge.sources import web

PATIENCE_S = 120.0

SETTINGS = """\
bundle = "faces-in-motion"
rate = "all"

[[camera]]
name = "yard"
source = "{url}"
stall_after = 0.5

[[output]]
kind = "jsonl"
target = "{name}.jsonl"

[[alert]]
name = "{name}"
task = "action"
is = ["still", "left", "right", "up", "down", "nearer", "farther", "shake"]
above = 0.0
for_s = 0.0
"""


class Manager:
    """Receives datagrams at a path, or at a name in the abstract namespace."""

    def __init__(self, address: str) -> None:
        self.address, self.states = address, list[tuple[str, ...]]()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._socket.settimeout(PATIENCE_S)

    def receive(self) -> tuple[str, ...]:
        self.states.append(tuple(self._socket.recv(4096).decode().split("\n")))
        return self.states[-1]

    def expect(self, pattern: str) -> str:
        """Read until a state is like that."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            for state in self.receive():
                if re.fullmatch(pattern, state):
                    return state
        raise AssertionError(f"no {pattern} in {self.states}")

    def watchdogs(self, seconds: float) -> int:
        """How many signs of life come within that time."""
        until, before = time.monotonic() + seconds, len(self.states)
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            with contextlib.suppress(TimeoutError):
                self.receive()
        self._socket.settimeout(PATIENCE_S)
        return sum("WATCHDOG=1" in states for states in self.states[before:])


@dataclass
class Camera:
    """An MJPEG server's picture.  is_silent: it sends nothing, with the connection open."""

    url: str = ""
    is_silent: threading.Event = field(default_factory=threading.Event)

    def images(self) -> Iterable[bytes]:
        for number in range(100_000):
            image = np.full((48, 64, 3), 100 + number % 100, np.uint8)
            while self.is_silent.is_set():
                time.sleep(0.02)
            yield cv2.imencode(".jpg", image)[1].tobytes()


@contextlib.contextmanager
def camera(paths: list[str] | None = None) -> Iterator[Camera]:
    """paths: takes the paths that it is paths for."""
    opened = Camera()

    class Images(web.Handler):
        def do_GET(self) -> None:
            if paths is not None:
                paths.append(self.path)
            self.send_images(opened.images())

    with web.serving(Images) as address:
        opened.url = f"{address}/video.mjpg"
        yield opened
        opened.is_silent.clear()


@dataclass
class Service:
    """edge-run as systemd starts it.  lines: of stderr, as they come."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)

    def has_said(self, text: str) -> Callable[[], bool]:
        return lambda: any(text in line for line in self.lines)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def started(folder: Path, *arguments: str, **environment: str) -> Iterator[Service]:
    """Without a terminal, as in a session of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", *arguments],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    service = Service(process)
    assert process.stderr
    reader = threading.Thread(target=lambda: service.lines.extend(process.stderr), daemon=True)
    reader.start()
    try:
        yield service
    finally:
        process.kill()
        process.wait()
        reader.join(PATIENCE_S)
        if process.stdout:
            process.stdout.close()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
