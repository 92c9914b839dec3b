"""Faults of those who are told: brokers and web servers."""

import http.server
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge import sinks
from examples.made_events import RUN, event
from tests.edge.sinks.brokers import Listener, Mosquitto, free_port
from tests.edge.sinks.samples import frame
from tests.edge.sources.web import Handler, serving
from tests.faults.appliance import Appliance, until
from tests.faults.cameras import WebCamera
from tests.faults.fault import FaultList, Outcome, check

FAULTS = FaultList("outputs")
NEEDS = ("mosquitto",)
TOPIC = "pool"


def mqtt(folder: Path, port: int, **more: object) -> dict[str, object]:
    target = f"127.0.0.1:{port}/{TOPIC}"
    return {"kind": "mqtt", "target": target, "spool": str(folder / "spool"), **more}


@contextmanager
def telling(
    folder: Path,
    broker: Mosquitto,
    setup: Callable[[Any], None] = lambda client: None,
    **more: object,
) -> Iterator[tuple[Appliance, Listener]]:
    """An appliance that tells a broker of events, and who listens there."""
    with (
        WebCamera() as camera,
        Listener(broker.port, setup=setup) as listener,
        Appliance(folder, camera.url, [mqtt(folder, broker.port, **more)]) as appliance,
    ):
        yield appliance, listener


def heard(listener: Listener) -> list[dict[str, Any]]:
    return [json.loads(each) for each in dict.fromkeys(listener.payloads(f"{TOPIC}/event"))]


def identity(fields: dict[str, Any]) -> tuple[object, ...]:
    """Of one piece of news: an event's phase and where it stands."""
    return fields["id"], fields["event"], fields["frames"]["newest"]


def all_arrive(appliance: Appliance, arrived: Any, ended: float) -> Outcome:
    """What the appliance told until now comes, each once, in its order; seconds since `ended`."""
    told = [identity(each) for each in appliance.events()]
    check(told, "no event was told")

    def have_come() -> bool:
        return set(told) <= {identity(each) for each in arrived()}

    seconds = until(have_come, "all events arrive", 60) - ended
    order = [identity(each) for each in arrived() if identity(each) in set(told)]
    check(list(dict.fromkeys(order)) == told, "events came in another order")
    appliance.is_alive()
    appliance.decided(time.monotonic() - 5, 5)
    return Outcome(max(0.0, seconds), "nothing")


@FAULTS.add("broker down", "the MQTT broker is stopped for 5 s",
            "said once, events wait on disk, their order is kept",
            needs=NEEDS, short=True)  # fmt: skip
def broker_down(folder: Path) -> Outcome:
    with Mosquitto(folder) as broker, telling(folder, broker) as (appliance, listener):
        until(lambda: heard(listener), "an event comes")
        broker.stop()
        appliance.said("the broker can no longer be reached")
        time.sleep(5)
        broker.start()
        return all_arrive(appliance, lambda: heard(listener), time.monotonic())


@FAULTS.add("broker refuses the password", "the password is wrong for 5 s", "said; events wait on disk",
            needs=(*NEEDS, "mosquitto_passwd"))  # fmt: skip
def wrong_password(folder: Path) -> Outcome:
    passwords, login = folder / "passwords", folder / "login"

    def password(text: str) -> None:
        passwords.unlink(missing_ok=True)
        passwords.touch(0o600)
        subprocess.run(
            ["mosquitto_passwd", "-b", str(passwords), "ann", text], check=True, capture_output=True
        )

    password("right")
    login.touch(0o600)
    login.write_text("ann:right")

    def sign_in(client: Any) -> None:
        client.username_pw_set("ann", "right")

    listener_settings = f"allow_anonymous false\npassword_file {passwords}"
    with (
        Mosquitto(folder, listener_settings) as broker,
        telling(folder, broker, sign_in, login=str(login)) as (appliance, listener),
    ):
        until(lambda: heard(listener), "an event comes")
        password("another")
        broker.stop()
        broker.start()
        appliance.said("refuses this login")
        time.sleep(5)
        password("right")
        broker.stop()
        broker.start()
        return all_arrive(appliance, lambda: heard(listener), time.monotonic())


@FAULTS.add("broker restarted under 10,000 events", "10,000 events wait on disk; the broker is killed in the "
            "middle of taking them, and comes back", "all arrive, in their order", needs=NEEDS)  # fmt: skip
def ten_thousand(folder: Path) -> Outcome:
    count, port_of = 10_000, Mosquitto(folder)
    request = f"mqtt:127.0.0.1:{port_of.port}/{TOPIC}:spool={folder}/spool"
    with port_of, Listener(port_of.port):
        pass  # who listens is remembered
    ((sink,),) = sinks.open_sinks([sinks.registry().find(request)], [RUN])
    for number in range(count):
        while sink.counts.waiting < number - 2000:  # type: ignore[attr-defined]
            time.sleep(0.001)
        sink.take_event(event(number), frame(number))  # type: ignore[attr-defined]
    until(lambda: sink.counts.waiting >= count, "all wait on disk")  # type: ignore[attr-defined]
    sink.close()
    with port_of as broker, telling(folder, broker) as (appliance, listener):

        def made() -> list[int]:
            return [e["frames"]["first"] for e in heard(listener) if e["alert"] == "fall"]

        until(lambda: len(made()) > 500, "the first of them come")
        broker.stop()
        before = len(made())
        time.sleep(1)
        broker.start()
        ended = time.monotonic()
        until(lambda: len(set(made())) == count, "all arrive", 60)
        check(list(dict.fromkeys(made())) == list(range(count)), "they came in another order")
        check(before < count, "all had come before the restart")
        appliance.is_alive()
        return Outcome(time.monotonic() - ended)


class _Hook:
    """A web server that is told of events. `state`: good, failing, slow or dead."""

    def __init__(self) -> None:
        hook = self
        self.state, self.taken = "good", []
        self._done = threading.Event()

        class Server(Handler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.state == "dead":
                    hook._done.wait(60)
                    return
                if hook.state == "slow":
                    time.sleep(2)
                if hook.state != "failing":
                    hook.taken.append(json.loads(body))
                self.send_response(500 if hook.state == "failing" else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.handler = Server

    taken: list[dict[str, Any]]

    def events(self) -> list[dict[str, Any]]:
        return list(self.taken)

    def close(self) -> None:
        self._done.set()


def _webhook(folder: Path, state: str, seconds: float) -> Outcome:
    hook = _Hook()
    with WebCamera() as camera, serving(hook.handler) as url:
        output = {"kind": "webhook", "target": f"{url}/hook", "timeout": 2}
        with Appliance(folder, camera.url, [output]) as appliance:
            until(hook.events, "an event comes")
            hook.state = state
            began = time.monotonic()
            time.sleep(seconds)
            slowest_s = _longest_pause_s(appliance, began)
            check(slowest_s < 1, f"no decision for {slowest_s:.1f} s while it was {state}")
            hook.state, ended = "good", time.monotonic()
            hook.close()
            return all_arrive(appliance, hook.events, ended)


def _longest_pause_s(appliance: Appliance, since: float) -> float:
    """Between decisions of one visit (between two, nobody is there for 1.5 s)."""
    moments = [each["captured_at"] for each in appliance.decisions() if each["captured_at"] > since]
    pauses = [after - before for before, after in itertools.pairwise(moments)]
    return max((pause for pause in pauses if pause < 1.4), default=0.0)


@FAULTS.add("webhook answers 500", "for 6 s", "asked again, nothing is lost", short=True)
def webhook_failing(folder: Path) -> Outcome:
    return _webhook(folder, "failing", 6)


@FAULTS.add("webhook slow", "each answer takes 2 s, for 10 s", "events wait, frames do not")
def webhook_slow(folder: Path) -> Outcome:
    return _webhook(folder, "slow", 10)


@FAULTS.add(
    "webhook dead",
    "it takes connections and answers nothing for 10 s",
    "events wait, frames do not",
)
def webhook_dead(folder: Path) -> Outcome:
    return _webhook(folder, "dead", 10)


@FAULTS.add("webhook gone", "nobody listens at its port for 5 s", "events wait, frames do not")
def webhook_gone(folder: Path) -> Outcome:
    hook, port = _Hook(), free_port()
    output = {"kind": "webhook", "target": f"http://127.0.0.1:{port}/hook"}
    with WebCamera() as camera, Appliance(folder, camera.url, [output]) as appliance:
        until(appliance.events, "an event is told")
        appliance.said("cannot be reached")
        time.sleep(5)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), hook.handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            return all_arrive(appliance, hook.events, time.monotonic())
        finally:
            server.shutdown()
            server.server_close()
