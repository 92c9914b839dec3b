"""A real mosquitto for a test, which can be stopped and started again, and somebody who listens to it."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt import client as paho

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="needs Debian's mosquitto")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.01)
    return True


class Mosquitto:
    """listener: further lines of its settings."""

    def __init__(self, folder: Path, listener: str = "allow_anonymous true") -> None:
        self.port, self._folder = free_port(), folder
        user = "user root" if os.geteuid() == 0 else ""
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\n{listener}\nlog_dest none\nmax_queued_messages 0\n{user}\n"
            # who listens is remembered, so that nothing sent before they are back is missed
            f"persistence true\npersistence_location {folder}/\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Mosquitto":
        assert MOSQUITTO
        command = [MOSQUITTO, "-c", str(self._folder / "mosquitto.conf")]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        assert until(self._listens)
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def __enter__(self) -> "Mosquitto":
        return self.start()

    def __exit__(self, *details: object) -> None:
        self.stop()


class Listener:
    """(topic, payload, whether retained) of all that comes, and when; connects again by itself."""

    def __init__(self, port: int, topic: str = "#", setup: Callable = lambda client: None) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.times: list[float] = []
        self._subscribed = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, "listener", clean_session=False
        )
        self._client.reconnect_delay_set(1, 1)
        setup(self._client)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._add
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(30)

    def _add(self, client: object, data: object, message: paho.MQTTMessage) -> None:
        self.times.append(time.monotonic())
        self.messages.append((message.topic, message.payload, message.retain))

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for each, payload, _ in self.messages if each == topic]

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *details: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
