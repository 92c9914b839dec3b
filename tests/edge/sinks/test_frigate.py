"""The sink `frigate`, with a stub made from the documentation of Frigate's HTTP API; not with Frigate."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge.sinks import http_post
from edge.sinks.frigate import FrigateSink
from edge_common import SinkError
from tests.edge.sinks import samples
from tests.edge.sources.web import Handler

# docs.frigate.video/integrations/api, EventsCreateBody and EventsEndBody
CREATE = {
    "sub_label": (str, type(None)),
    "score": (int, float, type(None)),
    "duration": (int, type(None)),
    "include_recording": (bool, type(None)),
    "draw": (dict, type(None)),
}
END = {"end_time": (int, float, type(None))}


@dataclass
class Frigate:
    """camera: the only one that it knows.  events: by their ids, with whether they ended."""

    port: int = 0
    camera: str = "yard"
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    logins: set[str | None] = field(default_factory=set)
    busy: int = 0  # answers of 503 first

    def create(self, camera: str, label: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert body.keys() <= CREATE.keys()
        assert all(isinstance(value, CREATE[key]) for key, value in body.items())
        if camera != self.camera:
            return 404, {"success": False, "message": f"{camera} is not a valid camera."}
        number = f"1700000000.{len(self.events)}-abc"
        self.events[number] = {"label": label, "has_ended": body["duration"] is not None, **body}
        message = "Successfully created event."
        return 200, {"success": True, "message": message, "event_id": number}

    def end(self, number: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert body.keys() <= END.keys()
        if number not in self.events:
            return 404, {"success": False, "message": f"{number} must be set and valid."}
        self.events[number]["has_ended"] = True
        return 200, {"success": True, "message": "Event successfully ended."}


@pytest.fixture
def frigate() -> Iterator[Frigate]:
    state = Frigate()

    class Api(Handler):
        def _answer(self, pattern: str, function: Any) -> None:
            state.logins.add(self.headers["Authorization"])
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            match = re.fullmatch(pattern, self.path)
            status, answer = function(*match.groups(), body) if match else (404, {})
            if state.busy:
                state.busy, status = state.busy - 1, 503
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self._answer(r"/api/events/([^/]+)/([^/]+)/create", state.create)

        def do_PUT(self) -> None:
            self._answer(r"/api/events/([^/]+)/end", state.end)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as started:
        threading.Thread(target=started.serve_forever, daemon=True).start()
        state.port = started.server_port
        yield state
        started.shutdown()


def _sink(frigate: Frigate, **more: str) -> FrigateSink:
    retries = http_post.Retries(first_s=0.001)
    return FrigateSink(
        http_post.Server(f"http://127.0.0.1:{frigate.port}"), retries=retries, **more
    )


def test_an_event_is_created_and_ended(frigate: Frigate) -> None:
    sink, begun = _sink(frigate, token="s3cret"), samples.event(1)
    sink.take_event(begun, samples.frame(1))
    ((number, created),) = frigate.events.items()
    assert (created["label"], created["sub_label"], created["score"]) == ("fall", "fall", 0.97)
    assert not created["has_ended"] and created["include_recording"]
    sink.take_event(samples.event(1, "update"), samples.frame(2))
    sink.take_event(samples.ended(begun, 9), samples.frame(9))
    assert frigate.events[number]["has_ended"] and len(frigate.events) == 1
    assert frigate.logins == {"Bearer s3cret"}


def test_names_of_people_become_sub_labels_and_names_are_quoted(frigate: Frigate) -> None:
    frigate.camera = "front%20door"
    sink = _sink(frigate, camera="front door", label="a/b")
    sink.take_event(samples.event(1, name="anna"), samples.frame(1))
    ((_, created),) = frigate.events.items()
    assert (created["label"], created["sub_label"]) == ("a%2Fb", "anna")


def test_numbers_are_no_scores(frigate: Frigate) -> None:
    _sink(frigate).take_event(samples.event(1, peak=34.0, unit="years"), samples.frame(1))
    assert next(iter(frigate.events.values()))["score"] is None


def test_a_camera_that_frigate_does_not_know_is_said(
    frigate: Frigate, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = _sink(frigate, camera="cellar")
    begun = samples.event(1)
    sink.take_event(begun, samples.frame(1))
    sink.take_event(samples.ended(begun, 9), samples.frame(9))
    assert sink.counts.dropped_events == 1 and "answers 404" in capsys.readouterr().err


def test_what_is_no_frigate_is_said() -> None:
    class Other(Handler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as started:
        threading.Thread(target=started.serve_forever, daemon=True).start()
        sink = FrigateSink(http_post.Server(f"http://127.0.0.1:{started.server_port}"))
        with pytest.raises(SinkError, match="is it Frigate"):
            sink.take_event(samples.event(1), samples.frame(1))
        started.shutdown()
