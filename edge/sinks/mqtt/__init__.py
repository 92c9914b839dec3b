"""The sink `mqtt:HOST[:PORT][/TOPIC]`: events, alerts and answers to an MQTT broker."""

import re
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho

from edge import sinks, stream
from edge.events import Event
from edge.sinks import http_post, queued
from edge.sinks.mqtt import home_assistant
from edge.sinks.mqtt.broker import IN_FLIGHT, OPENING_S, Broker, States
from edge.sinks.mqtt.spool import Spool
from edge.sources.login import read_login
from edge_common import Closable, SinkError, console, slug, state_folder

if TYPE_CHECKING:
    from edge.updates.changes import UpdateChange

VARIABLE = "EDGE_MQTT_LOGIN"
_PORT, _TLS_PORT, _OFF = 1883, 8883, "off"
_CLOSING_S, _SYNC_S = 5.0, 2.0
_QOS = 1


def open_sink(
    target: str,
    run: sinks.RunInfo,
    *,
    login: str = "",
    ca: str = "",
    tls: int = 0,
    discovery: str = "homeassistant",
    name: str = "",
    every: float = 1.0,
    spool: str = "",
    spool_mb: float = 16.0,
) -> "MqttSink":
    """login: a file of mode 0600 with NAME:PASSWORD; without it EDGE_MQTT_LOGIN may hold one.

    ca: certificates that vouch for the broker; tls: 1: those that the system trusts.
    discovery: Home Assistant's prefix, or `off`.  name: of the device.  every: seconds between two
    answers of a task.  spool: a folder for events while the broker is away; spool_mb: of it.
    Raises SinkError if the broker refuses the login or is not to be trusted.
    """
    match = re.fullmatch(r"([\w.-]+|\[[\da-fA-F:.]+\])(?::(\d{1,5}))?(?:/([^+#\0]+?)/?)?", target)
    if not match or int(match[2] or 1) not in range(1, 1 << 16):
        raise ValueError("write mqtt:HOST[:PORT][/TOPIC], the topic without + and #")
    if not (every >= 0 and spool_mb > 0):
        raise ValueError("every is 0 or more, and spool_mb above 0")
    host = socket.gethostname()
    topic = match[3] or f"edge-run/{slug(host)}"
    node = slug(f"edge-run_{host}_{topic}")
    model = run.bundle.name if run.bundle else ""
    device = home_assistant.Device(node, name or f"edge-run {host}", topic, model)
    port = int(match[2] or (_TLS_PORT if ca or tls else _PORT))
    broker = Broker(
        match[1].strip("[]"), port, read_login(login, VARIABLE), http_post.trust(ca, bool(tls))
    )
    folder = Path(spool) if spool else state_folder() / "mqtt" / f"{broker}_{node}"
    prefix = "" if discovery == _OFF else discovery
    kept = Spool(folder, round(spool_mb * 1e6))
    try:
        return MqttSink(broker, device, run, kept, prefix, every)
    except SinkError:
        kept.close()
        raise


class MqttSink(Closable):
    """Events in their order, each at least once, and retained states of alerts and tasks.

    Every event is on disk before it is sent, until the broker confirms it: none is lost while the
    broker is away or by a kill, as long as the spool has room. States are the newest alone.
    prefix: of discovery; "": none.  every_s: between two states of a task.
    """

    def __init__(
        self,
        broker: Broker,
        device: home_assistant.Device,
        run: sinks.RunInfo,
        spool: Spool,
        prefix: str = "homeassistant",
        every_s: float = 1.0,
    ) -> None:
        self.counts = queued.OutputCounts(f"mqtt:{broker}")  # until its queue names it
        self._broker, self._device, self._run, self._prefix = broker, device, run, prefix
        self._states = States(every_s)
        self._entities: dict[str, dict[str, Any]] = {}
        self._tasks: set[str] = set()  # their topics
        self._active: dict[str, set[str]] = {}  # ids of events, by their alerts
        self._spool, self._spool_lock = spool, threading.Lock()
        self._confirmed: deque[int] = deque()  # messages' numbers
        self._in_flight: dict[int, tuple[tuple[int, int], bool]] = {}
        spool.on_open = self._in_flight.clear
        self._wake, self._answered = threading.Event(), threading.Event()
        self._refusal, self._connected, self._is_closing, self._has_ended = "", False, False, False
        self._away = ""  # why the broker is, as it was told
        if run.bundle and run.source is None:
            for task in run.bundle.tasks:
                self._add_task(task.name, None, task.unit)
        for alert in run.alerts:
            self._set_alert(str(alert))
        self._client = broker.client(device.node[-64:])
        self._client.will_set(device.availability_topic, home_assistant.OFFLINE, _QOS, retain=True)
        self._client.on_connect, self._client.on_disconnect = self._on_connect, self._on_disconnect
        self._client.on_publish = self._on_publish
        self._thread = threading.Thread(target=self._pump, name=f"mqtt {broker}", daemon=True)
        self._connect()
        self._thread.start()

    def _connect(self) -> None:
        try:
            self._client.connect(self._broker.host, self._broker.port, keepalive=15)
        except ssl.SSLError as error:
            raise SinkError(
                f"the MQTT broker {self._broker} is not to be trusted: {error}"
            ) from error
        except OSError as error:
            self._client.connect_async(self._broker.host, self._broker.port, keepalive=15)
            self._tell_away(f"cannot be reached ({error.strerror or error})")
            self._answered.set()
        self._client.loop_start()
        self._answered.wait(OPENING_S)
        if self._refusal:
            self._client.loop_stop()
            raise SinkError(
                f"the MQTT broker {self._broker} refuses this login ({self._refusal}): give another as "
                f"login=FILE or in {VARIABLE}"
            )

    @property
    def is_failing(self) -> bool:
        """Whether the broker is away: what was taken meanwhile waits on disk."""
        return not self._connected

    def _tell_away(self, problem: str) -> None:
        self._away = f"the broker {problem}, events wait on disk"
        self.counts.fail(self._away, time.monotonic())

    def _watch_connection(self) -> None:
        """Tell once that the broker was lost, and once that it is back."""
        if not (self._connected or self._away):
            self._tell_away("can no longer be reached")
        elif self._connected and self._away:
            if self.counts.problem == self._away:  # a disk may fail, too
                self.counts.work(time.monotonic())
            self._away = ""

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        for decision in decisions:
            for name, prediction in decision.tasks.items():
                if (state := home_assistant.state_of(prediction)) is None:
                    continue
                topic = self._device.task_topic(name, decision.source)
                self._add_task(name, decision.source, prediction.unit)
                fields = {
                    "state": state,
                    "at": self._run.clock.text(decision.captured_at),
                    "source": decision.source or self._run.origin,
                    "track": decision.track.number if decision.track else None,
                    **prediction.to_json(),
                }
                self._states.set(topic, home_assistant.payload(fields), is_urgent=False)
        self._wake.set()

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        payload = home_assistant.payload(event.to_json())
        with self._spool_lock:
            dropped = self._spool.dropped
            self._spool.append(payload)
            self.counts.dropped_events += self._spool.dropped - dropped
        active = self._active.setdefault(event.alert, set())
        (active.discard if event.phase == "end" else active.add)(event.id)
        self._set_alert(event.alert, payload)
        self._wake.set()

    def show_update(self, change: "UpdateChange") -> None:
        topic = self._device.update_topic
        self._add_entity(self._device.update())
        self._states.set(topic, home_assistant.payload(change.to_json()))
        self._wake.set()

    def _set_alert(self, alert: str, newest: bytes = b"") -> None:
        self._add_entity(self._device.alert(alert))
        topic = self._device.alert_topic(alert)
        if newest:
            self._states.set(f"{topic}/event", newest)
        is_on = bool(self._active.get(alert))
        self._states.set(topic, (home_assistant.ON if is_on else home_assistant.OFF).encode())

    def _add_task(self, name: str, source: str | None, unit: str | None) -> None:
        topic = self._device.task_topic(name, source)
        if topic not in self._tasks:
            self._tasks.add(topic)
            self._add_entity(self._device.task(name, source, unit))

    def _add_entity(self, entity: dict[str, Any]) -> None:
        if self._prefix and entity["unique_id"] not in self._entities:
            self._entities[entity["unique_id"]] = entity
            topic = f"{self._prefix}/device/{self._device.node}/config"
            self._states.set(
                topic, home_assistant.payload(self._device.discovery(self._entities.values()))
            )

    def _on_connect(
        self, client: paho.Client, data: object, flags: object, reason: Any, properties: object
    ) -> None:
        if reason.is_failure:
            if not self._answered.is_set():
                self._refusal = str(reason)
            self._answered.set()
            console.warn_once(f"the MQTT broker {self._broker} refuses this login ({reason})")
            return
        self._states.set(self._device.availability_topic, home_assistant.ONLINE.encode())
        self._states.send_again()
        self._connected = True
        self._answered.set()
        self._wake.set()

    def _on_disconnect(self, *details: object) -> None:
        self._connected = False
        self._wake.set()

    def _on_publish(self, client: paho.Client, data: object, number: int, *details: object) -> None:
        self._confirmed.append(number)
        self._wake.set()

    def _pump(self) -> None:
        """What waits goes out, and what was confirmed leaves the disk; no lock of paho's is held."""
        synced_at = time.monotonic()
        while not self._has_ended:
            self._wake.wait(self._states.due_in_s() if self._connected else _SYNC_S)
            self._wake.clear()
            self._watch_connection()
            try:
                with self._spool_lock:
                    self._confirm()
                    self._send_events()
                    self.counts.waiting = self._spool.waiting
                    if not self._connected and time.monotonic() - synced_at >= _SYNC_S:
                        synced_at = time.monotonic()
                        self._spool.sync()
            except (SinkError, OSError) as error:
                console.warn_once(f"the MQTT broker {self._broker}: {error}")
            for topic, payload in self._states.due(self._is_closing) if self._connected else ():
                self._client.publish(topic, payload, _QOS, retain=True)

    def _confirm(self) -> None:
        while self._confirmed:
            number = self._confirmed.popleft()
            if number in self._in_flight:  # no state
                self._in_flight[number] = (self._in_flight[number][0], True)
        while self._in_flight and next(iter(self._in_flight.values()))[1]:
            position, _ = self._in_flight.pop(next(iter(self._in_flight)))
            self._spool.confirm(position)

    def _send_events(self) -> None:
        lines = self._spool.read()
        while self._connected and len(self._in_flight) < IN_FLIGHT and (line := next(lines, None)):
            payload, position = line
            info = self._client.publish(f"{self._device.topic}/event", payload, _QOS)
            self._in_flight[info.mid] = (position, False)

    def close(self) -> None:
        """Send what waits, within a bound; what is left waits for the next run."""
        if self._has_ended:
            return
        self._is_closing, end = True, time.monotonic() + _CLOSING_S
        while self._connected and time.monotonic() < end and not self._is_empty():
            self._wake.set()
            time.sleep(0.01)
        self._has_ended = True
        self._wake.set()
        self._thread.join()
        if self._connected:
            topic, offline = self._device.availability_topic, home_assistant.OFFLINE
            info = self._client.publish(topic, offline, _QOS, retain=True)
            if info.rc == paho.MQTT_ERR_SUCCESS:
                info.wait_for_publish(_CLOSING_S)
        self._client.disconnect()
        self._client.loop_stop()
        self._confirm()
        self.counts.waiting = self._spool.waiting
        self._spool.close()
        if self.counts.waiting:
            how_many = f"events that wait for the next run: {self.counts.waiting}"
            console.note(f"{self.counts.name}: {how_many}")

    def _is_empty(self) -> bool:
        with self._spool_lock:
            return not (self._spool.waiting or self._states.has_any())
