"""The sink `webhook:URL`: each event as a POST request, signed and repeated until it is taken."""

import hashlib
import hmac
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from edge import sinks, stream
from edge.events import Event
from edge.sinks import http_post
from edge.sources import login as logins
from edge_common import console

VARIABLE = "EDGE_WEBHOOK_SECRET"


def open_sink(
    target: str, run: sinks.RunInfo, *, secret: str = "", ca: str = "", timeout: float = 10.0
) -> "WebhookSink":
    """secret: a file of mode 0600 with what signs requests; without it EDGE_WEBHOOK_SECRET.

    ca: certificates that vouch for the server.  timeout: seconds for an answer.
    """
    if not 0 < timeout <= 600:
        raise ValueError("the option timeout is above 0, and 600 seconds at most")
    key = logins.read_secret(secret, "secret") if secret else os.environ.get(VARIABLE, "")
    server = http_post.Server(target, http_post.trust(ca), timeout)
    return WebhookSink(server, key.encode())


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """`sha256=HEX` of HMAC-SHA256 over `TIMESTAMP.BODY`, which no old request repeats."""
    return (
        "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    )


class WebhookSink(http_post.EventRequests):
    """POSTs events as JSON, in their order, each until the server takes it or says no for good.

    secret: b"": requests are not signed.  clock: seconds since 1970.
    Raises SinkError if a server that may come back did not take one by then.
    """

    def __init__(
        self,
        server: http_post.Server,
        secret: bytes = b"",
        retries: http_post.Retries | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(server, retries)
        self._secret, self._clock = secret, clock

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        body = http_post.json_body(event.to_json())
        key = f"{event.id}-{event.phase}-{event.newest.frame}"
        try:
            self._retries.send(lambda: self._post(body, key))
        except http_post.Refused as error:
            self.counts.dropped_events += 1
            console.warn_once(f"{self._server} {error} to an event, which is not sent again")

    def _post(self, body: bytes, key: str) -> tuple[int, bytes, Mapping[str, Any]]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._secret:
            timestamp = str(int(self._clock()))
            headers["X-Edge-Timestamp"] = timestamp
            headers["X-Edge-Signature"] = signature(self._secret, timestamp, body)
        return self._server.request("POST", self._server.path, body, headers)
