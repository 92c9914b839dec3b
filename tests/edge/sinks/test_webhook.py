"""The sinks `webhook` and `apprise`, with a real web server."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from edge import sinks
from edge.sinks import http_post
from edge.sinks.queued import Queued
from edge.sinks.webhook import WebhookSink, signature
from edge_common import EdgeError, SinkError
from tests.edge.sinks import samples
from tests.edge.sinks.brokers import free_port, until
from tests.edge.sources.web import Handler


@dataclass
class Server:
    """Answers with the next of `statuses`, then 204, and remembers (path, headers, body)."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Hook(Handler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append((self.path, dict(self.headers), body))
            self.send_response(state.statuses.pop(0) if state.statuses else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as started:
        threading.Thread(target=started.serve_forever, daemon=True).start()
        state.port = started.server_port
        yield state
        started.shutdown()


def _sink(server: Server, secret: bytes = b"", **more: Callable[[], float]) -> WebhookSink:
    retries = http_post.Retries(4, first_s=0.001, random_share=lambda: 1.0)
    return WebhookSink(http_post.Server(server.url), secret, retries, **more)


def test_an_event_is_posted_as_json(server: Server) -> None:
    event = samples.event(1)
    _sink(server).take_event(event, samples.frame(1))
    ((path, headers, body),) = server.requests
    assert path == "/hook?a=b" and headers["Content-Type"] == "application/json"
    assert json.loads(body) == event.to_json()
    assert headers["Idempotency-Key"] == f"{event.id}-start-1"
    assert "X-Edge-Signature" not in headers


def test_the_signature_is_hmac_of_time_and_body() -> None:
    """By `printf '1800000000.{"a": 1}' | openssl dgst -sha256 -hmac s3cret`."""
    expected = "acb6381e569d30163690fd72e650af9d2212c0cc3cda25c19654a837fc7b8520"
    assert signature(b"s3cret", "1800000000", b'{"a": 1}') == f"sha256={expected}"


def test_requests_are_signed(server: Server) -> None:
    _sink(server, b"s3cret", clock=lambda: 1.8e9).take_event(samples.event(1), samples.frame(1))
    ((_, headers, body),) = server.requests
    assert headers["X-Edge-Timestamp"] == "1800000000"
    assert headers["X-Edge-Signature"] == signature(b"s3cret", "1800000000", body)


def test_a_server_that_is_busy_is_asked_again_with_the_same_key(server: Server) -> None:
    server.statuses = [503, 429, 500]
    _sink(server).take_event(samples.event(1), samples.frame(1))
    assert len(server.requests) == 4
    assert len({headers["Idempotency-Key"] for _, headers, _ in server.requests}) == 1


def test_a_server_that_does_not_want_it_is_not_asked_again(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.statuses = [404]
    sink = _sink(server)
    sink.take_event(samples.event(1), samples.frame(1))
    sink.take_event(samples.event(2), samples.frame(2))
    assert len(server.requests) == 2 and sink.counts.dropped_events == 1
    assert "answers 404" in capsys.readouterr().err


def test_events_wait_in_order_until_a_server_is_back() -> None:
    port = free_port()
    retries = http_post.Retries(first_s=0.001)
    sink = Queued(WebhookSink(http_post.Server(f"http://127.0.0.1:{port}/"), b"", retries), "hook")
    bodies: list[int] = []

    class Hook(Handler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bodies.append(body["frames"]["first"])
            self.send_response(200)
            self.end_headers()

    for number in range(20):
        sink.take_event(samples.event(number), samples.frame(number))
    assert until(lambda: sink.counts.problem)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Hook) as started:
        threading.Thread(target=started.serve_forever, daemon=True).start()
        assert until(lambda: len(bodies) == 20)
        sink.close()
        started.shutdown()
    assert bodies == list(range(20)) and sink.counts.dropped_events == 0


def test_pauses_double_vary_and_heed_the_server() -> None:
    retries = http_post.Retries(first_s=1.0, random_share=lambda: 0.5)
    assert [retries._pause_s(number, "") for number in (1, 2, 3, 9)] == [1.0, 2.0, 4.0, 15.0]
    assert retries._pause_s(1, "answers 429 (Retry-After 7)") == 7.0
    assert retries._pause_s(1, "answers 429 (Retry-After Fri, 27 Nov)") == 1.0


def test_nobody_waits_for_a_dead_server_at_the_end() -> None:
    server = http_post.Server(f"http://127.0.0.1:{free_port()}/")
    sink = WebhookSink(server, b"", http_post.Retries(first_s=1000.0))
    sink.stop()
    with pytest.raises(SinkError, match="cannot be reached"):
        sink.take_event(samples.event(1), samples.frame(1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("webhook:ftp://host/", "write an http:// or https:// address"),
        ("webhook:http://host:port/", "webhook"),
        ("webhook:http://host/:timeout=0", "timeout is above 0"),
        ("webhook:http://host/:secret=nothing", "may not be read"),
        ("apprise:nosuch://x", "Apprise knows no such service"),
        ("apprise:json://host:phases=begin", "phases is one or more of"),
    ],
)
def test_bad_options_are_refused(text: str, message: str) -> None:
    if text.startswith("apprise"):
        pytest.importorskip("apprise", reason="needs the extra apprise")
    with pytest.raises(EdgeError, match=message):
        sinks.open_sinks([sinks.registry().find(text)], [samples.RUN])


def test_apprise_tells_a_service_with_the_frame(server: Server) -> None:
    pytest.importorskip("apprise", reason="needs the extra apprise")
    text = f"apprise:json://127.0.0.1:{server.port}:phases=start+end,image=1"
    ((sink,),) = sinks.open_sinks([sinks.registry().find(text)], [samples.RUN])
    begun = samples.event(1)
    sink.take_event(begun, samples.frame(1))
    sink.take_event(samples.event(2, "update"), samples.frame(2))
    sink.close()
    ((_, _, body),) = server.requests
    message = json.loads(body)
    assert message["title"] == "alarm: fall" and message["type"] == "failure"
    assert "action fall (0.97)" in message["message"]
    assert message["attachments"][0]["mimetype"] == "image/jpeg"
