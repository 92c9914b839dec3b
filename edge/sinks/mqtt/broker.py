"""What the sink `mqtt` needs of a broker: its address and login, and which states it does not have yet."""

import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt import client as paho

from edge.sinks.queued import LONGEST_PAUSE_S

OPENING_S = 5.0
IN_FLIGHT = 20  # messages that the broker has not confirmed, all others wait on disk


@dataclass(frozen=True)
class Broker:
    """Whom to tell, as whom, and who vouches for them; None: no login, no TLS."""

    host: str
    port: int
    login: tuple[str, str] | None = field(default=None, repr=False)
    trust: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def client(self, client_id: str) -> paho.Client:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id)
        client.connect_timeout = OPENING_S
        client.max_inflight_messages_set(IN_FLIGHT)
        client.reconnect_delay_set(1, round(LONGEST_PAUSE_S))
        if self.login:
            client.username_pw_set(*self.login)
        if self.trust:
            client.tls_set_context(self.trust)
        client.on_socket_open = _on_socket_open
        return client


def _on_socket_open(client: paho.Client, data: object, connection: Any) -> None:
    """Small messages go at once (Nagle's algorithm would hold them back for the answer before)."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class States:
    """The newest payload of each retained topic, and which of them the broker does not have yet.

    every_s: between two of a topic that is not urgent.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s, self._lock = every_s, threading.Lock()
        self._payloads: dict[str, bytes] = {}
        self._unsent: dict[str, bool] = {}  # whether urgent
        self._sent_at: dict[str, float] = {}

    def set(self, topic: str, payload: bytes, is_urgent: bool = True) -> None:
        with self._lock:
            self._payloads[topic] = payload
            self._unsent[topic] = is_urgent

    def send_again(self) -> None:
        with self._lock:
            self._unsent = dict.fromkeys(self._payloads, True)

    def has_any(self) -> bool:
        with self._lock:
            return bool(self._unsent)

    def due_in_s(self) -> float | None:
        """None: nothing waits for its time."""
        return max(0.01, self._every_s / 4) if self.has_any() else None

    def due(self, is_last: bool) -> list[tuple[str, bytes]]:
        """Those to send now.  is_last: all, as there is no later."""
        now = time.monotonic()
        with self._lock:
            topics = [
                topic
                for topic, is_urgent in self._unsent.items()
                if is_urgent
                or is_last
                or now - self._sent_at.get(topic, -self._every_s) >= self._every_s
            ]
            for topic in topics:
                del self._unsent[topic]
                self._sent_at[topic] = now
            return [(topic, self._payloads[topic]) for topic in topics]
