"""Faults of whoever looks at the page."""

import contextlib
import socket
import time
from collections.abc import Iterator
from http import client
from pathlib import Path

from tests.edge.sinks.brokers import free_port
from tests.faults.appliance import Appliance, until
from tests.faults.cameras import WebCamera
from tests.faults.fault import FaultList, Outcome, check

FAULTS = FaultList("page")
TOKEN = "0123456789abcdef" * 2
_LOOK_S = 5.0


def answer(port: int, path: str, headers: dict[str, str] | None = None) -> int:
    """The status, once it comes."""
    connection = client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def is_answered(port: int) -> bool:
    try:
        return answer(port, "/healthz") == 200
    except OSError:
        return False


@contextlib.contextmanager
def paged(folder: Path, **keys: object) -> Iterator[tuple[Appliance, int]]:
    """An appliance with a page, and its port."""
    port = free_port()
    keys = {"web": f"127.0.0.1:{port}", **keys}
    with WebCamera() as camera, Appliance(folder, camera.url, keys=keys) as appliance:
        appliance.decided()
        until(lambda: is_answered(port), "the page is healthy")
        yield appliance, port


def _recovers(appliance: Appliance, port: int, began: float) -> Outcome:
    """Decisions never stopped, and the page is there again."""
    check(
        any(each["captured_at"] > began for each in appliance.decisions()), "no decision meanwhile"
    )
    ended = time.monotonic()
    until(lambda: is_answered(port), "the page answers again")
    seconds = time.monotonic() - ended
    check("Traceback" not in appliance.log, f"a traceback: {appliance.log[-400:]}")
    appliance.is_alive()
    return Outcome(seconds)


def _connected(port: int, request: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(request)
    return connection


LIVE = b"GET /picture/0.mjpeg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@FAULTS.add("200 viewers", "200 clients ask for the live picture at once",
            "so many as may get it, others are told 503; decisions go on")  # fmt: skip
def many_viewers(folder: Path) -> Outcome:
    with paged(folder) as (appliance, port), contextlib.ExitStack() as stack:
        began, viewers = time.monotonic(), []
        for _ in range(200):
            with contextlib.suppress(OSError):
                viewers.append(stack.enter_context(_connected(port, LIVE)))
        end = time.monotonic() + _LOOK_S
        while time.monotonic() < end:
            for viewer in viewers:
                viewer.setblocking(False)
                with contextlib.suppress(OSError):
                    viewer.recv(1 << 20)
            time.sleep(0.05)
        stack.close()
        return _recovers(appliance, port, began)


@FAULTS.add("slow viewers", "40 clients ask for the live picture and read nothing of it",
            "they are cut off; decisions go on")  # fmt: skip
def slow_viewers(folder: Path) -> Outcome:
    with paged(folder) as (appliance, port), contextlib.ExitStack() as stack:
        began = time.monotonic()
        for _ in range(40):
            with contextlib.suppress(OSError):
                stack.enter_context(_connected(port, LIVE))
        time.sleep(_LOOK_S)
        return _recovers(appliance, port, began)


@FAULTS.add(
    "requests that never end",
    "40 clients send half a request each",
    "they are cut off; decisions go on",
)
def half_requests(folder: Path) -> Outcome:
    with paged(folder) as (appliance, port), contextlib.ExitStack() as stack:
        began = time.monotonic()
        for _ in range(40):
            stack.enter_context(_connected(port, b"POST /api/zones HTTP/1.1\r\nHost: 127.0"))
        time.sleep(_LOOK_S)
        return _recovers(appliance, port, began)


@FAULTS.add("wrong token", "50 requests with a wrong token, or none",
            "401, one line in the log; the right one works",
            short=True)  # fmt: skip
def wrong_token(folder: Path) -> Outcome:
    token = folder / "token"
    token.touch(0o600)
    token.write_text(TOKEN)
    with paged(folder, web_token=str(token)) as (appliance, port):
        began, statuses = time.monotonic(), set()
        for number in range(10):
            statuses.add(
                answer(port, "/api/state", {"Authorization": f"Bearer {TOKEN[::-1]}{number}"})
            )
            statuses |= {answer(port, "/api/state") for _ in range(4)}
        check(statuses == {401}, f"it answered {statuses}")
        right = answer(port, "/api/state", {"Authorization": f"Bearer {TOKEN}"})
        check(right == 200, f"with the right token it answers {right}")
        check(TOKEN not in appliance.log, "the token stands in the log")
        check(appliance.log.count("wrong token") == 1, "not one line tells of it")
        appliance.decided(began)
        return _recovers(appliance, port, began)


@FAULTS.add("oversized requests", "headers of 1 MB, a body of 10 MB, and 20 kB of noise",
            "refused; decisions go on",
            short=True)  # fmt: skip
def oversized(folder: Path) -> Outcome:
    with paged(folder) as (appliance, port):
        began = time.monotonic()
        large = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: " + b"a" * (1 << 20) + b"\r\n\r\n"
        head = b"POST /api/zones HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        body = head + b"Content-Length: 10485760\r\n\r\n" + b"[" * (10 << 20)
        for request in (large, body, bytes(range(256)) * 80):
            with (
                contextlib.suppress(OSError),
                contextlib.closing(_connected(port, request)) as peer,
            ):
                reply = peer.recv(4096)
                check(
                    not reply or b" 4" in reply[:12] or b" 5" in reply[:12],
                    f"it answers {reply[:30]!r}",
                )
        appliance.decided(began)
        return _recovers(appliance, port, began)


@FAULTS.add("port in use", "a second appliance is given the page's port",
            "it ends with code 2 and one line before it opens anything; the first goes on")  # fmt: skip
def port_in_use(folder: Path) -> Outcome:
    (folder / "second").mkdir()
    with paged(folder) as (appliance, port):
        began = time.monotonic()
        with WebCamera() as camera:
            second = Appliance(folder / "second", camera.url, keys={"web": f"127.0.0.1:{port}"})
            with second:
                until(lambda: second.process.poll() is not None, "the second one ends")
            check(second.process.returncode == 2, f"it ended with code {second.process.returncode}")
            check(second.log.count("\n") == 1 and "in use" in second.log, f"it says {second.log!r}")
            check(not second.day.exists(), "it had opened its outputs")
        appliance.decided(time.monotonic())
        return _recovers(appliance, port, began)
