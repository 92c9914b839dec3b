"""The sink `frigate:URL`: events as manual events of Frigate, by its HTTP API.

As documented at docs.frigate.video/integrations/api: create (`EventsCreateBody`), end (`EventsEndBody`).
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib import parse

from edge import sinks, stream
from edge.events import Event
from edge.sinks import http_post
from edge.sources.login import read_secret
from edge_common import SinkError, console

_LONGEST_SUB_LABEL = 100  # characters


def open_sink(
    target: str,
    run: sinks.RunInfo,
    *,
    camera: str = "",
    label: str = "",
    token: str = "",
    ca: str = "",
) -> "FrigateSink":
    """target: Frigate's address, such as http://frigate:5000.  camera: as Frigate calls it; the source's
    name by default.  label: of events; the alert's name by default.  token: a file of mode 0600 with
    what its authenticated port (8971) asks for.  ca: who vouches for that.
    """
    server = http_post.Server(target.rstrip("/"), http_post.trust(ca))
    return FrigateSink(server, camera, label, read_secret(token, "token") if token else "")


class FrigateSink(http_post.EventRequests):
    """Creates an event in Frigate as one begins, and ends it as it ends.

    Frigate's event begins when it is told of; what it records before is its own setting.
    """

    def __init__(
        self,
        server: http_post.Server,
        camera: str = "",
        label: str = "",
        token: str = "",
        retries: http_post.Retries | None = None,
    ) -> None:
        super().__init__(server, retries)
        self._camera, self._label, self._token = camera, label, token
        self._ids: dict[str, str] = {}  # Frigate's, by ours

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        try:
            if event.phase == "start":
                self._ids[event.id] = self._create(event)
            elif event.phase == "end" and (number := self._ids.get(event.id)):
                self._send("PUT", f"/api/events/{number}/end", {})
                del self._ids[event.id]
        except http_post.Refused as error:
            self.counts.dropped_events += 1
            console.warn_once(f"{self._server} {error} to an event of {event.alert}")

    def _create(self, event: Event) -> str:
        camera, label = (
            parse.quote(text, safe="")
            for text in (self._camera or event.source, self._label or event.alert)
        )
        what = event.name or event.label or ""
        fields: dict[str, Any] = {
            "sub_label": what[:_LONGEST_SUB_LABEL] or None,
            "score": None if event.peak is None or event.unit else round(event.peak, 4),
            "duration": None,  # until it is ended
            "include_recording": True,
            "draw": {},
        }
        answer = self._send("POST", f"/api/events/{camera}/{label}/create", fields)
        try:
            return str(json.loads(answer)["event_id"])
        except (ValueError, KeyError, TypeError):
            raise SinkError(f"{self._server} gives an event no id: is it Frigate?") from None

    def _send(self, method: str, path: str, fields: Mapping[str, Any]) -> bytes:
        login = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        headers = {"Content-Type": "application/json", **login}
        place, body = self._server.parts.path.rstrip("/") + path, http_post.json_body(fields)
        return self._retries.send(lambda: self._server.request(method, place, body, headers))
