"""The sink `mqtt`, with a real mosquitto: order, outages, restarts, passwords, TLS, Home Assistant."""

import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("paho.mqtt.client", reason="needs the extra mqtt")

from click.testing import CliRunner

from edge import sinks
from edge.cli import main
from edge.sinks.mqtt import home_assistant
from edge.sinks.queued import Queued
from edge_common import SinkError, slug
from tests.edge.sinks import samples
from tests.edge.sinks.brokers import Listener, Mosquitto, needs_mosquitto, until

pytestmark = needs_mosquitto
TOPIC = "home/yard"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as started:
        yield started


def _open(broker: Mosquitto, folder: Path, *options: str, host: str = "127.0.0.1") -> Queued:
    pairs = ",".join([f"spool={folder / 'spool'}", *options])
    request = sinks.registry().find(f"mqtt:{host}:{broker.port}/{TOPIC}:{pairs}")
    ((sink,),) = sinks.open_sinks([request], [samples.RUN])
    assert isinstance(sink, Queued)
    return sink


def _send(sink: Queued, number: int) -> None:
    sink.take_event(samples.event(number), samples.frame(number))


def _numbers(listener: Listener) -> list[int]:
    return [json.loads(each)["frames"]["first"] for each in listener.payloads(f"{TOPIC}/event")]


def test_an_event_reaches_who_listens_and_the_alert_is_on_until_it_ends(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with Listener(broker.port) as listener:
        with _open(broker, tmp_path) as sink:
            begun = samples.event(3)
            sink.take_event(begun, samples.frame(3))
            assert until(lambda: listener.payloads(f"{TOPIC}/alert/fall")[-1:] == [b"ON"])
            assert listener.payloads(f"{TOPIC}/status") == [b"online"]
            sink.take_event(samples.ended(begun, 9), samples.frame(9))
            assert until(
                lambda: listener.payloads(f"{TOPIC}/alert/fall") == [b"OFF", b"ON", b"OFF"]
            )
        assert until(lambda: listener.payloads(f"{TOPIC}/status") == [b"online", b"offline"])
        messages = [json.loads(each) for each in listener.payloads(f"{TOPIC}/event")]
    assert messages == [begun.to_json(), samples.ended(begun, 9).to_json()]
    assert sink.counts.waiting == 0


def test_states_are_there_for_who_comes_later(broker: Mosquitto, tmp_path: Path) -> None:
    with _open(broker, tmp_path, "every=0") as sink:
        sink.take(samples.frame(5), [samples.decision(5)])
        _send(sink, 5)
        with Listener(broker.port) as listener:
            assert until(lambda: listener.payloads(f"{TOPIC}/alert/fall")[-1:] == [b"ON"])
            assert until(lambda: listener.payloads(f"{TOPIC}/task/action"))
            state = json.loads(listener.payloads(f"{TOPIC}/task/action")[0])
    assert (state["state"], state["p"], state["source"]) == ("fall", 0.9, "yard")


def test_answers_come_no_more_often_than_asked_for_and_the_last_one_comes(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with Listener(broker.port, f"{TOPIC}/task/action") as listener:
        with _open(broker, tmp_path, "every=60") as sink:
            for number in range(50):
                sink.take(samples.frame(number), [samples.decision(number, 0.5 + number / 100)])
                assert number or until(lambda: listener.messages)
        assert until(lambda: len(listener.messages) == 2)
    assert json.loads(listener.messages[-1][1])["p"] == 0.99


def test_nothing_is_lost_and_all_is_in_order_while_the_broker_is_away(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with Listener(broker.port) as listener, _open(broker, tmp_path) as sink:
        _send(sink, 0)
        assert until(lambda: _numbers(listener) == [0])
        broker.stop()
        for number in range(1, 201):
            _send(sink, number)
        assert until(lambda: sink.counts.waiting == 200)
        assert str(sink.counts).endswith("200 waiting on disk, failing")
        broker.start()
        assert until(lambda: len(_numbers(listener)) >= 201)
        assert until(lambda: sink.counts.waiting == 0)
        assert until(lambda: listener.payloads(f"{TOPIC}/alert/fall")[-1:] == [b"ON"])
    assert list(dict.fromkeys(_numbers(listener))) == list(range(201))


def test_a_broker_that_is_lost_in_mid_run_is_told_once_and_so_is_its_return(
    broker: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with _open(broker, tmp_path) as sink:
        assert sink.counts.to_json().get("problem") is None
        broker.stop()
        assert until(lambda: sink.counts.problem)
        for number in range(3):  # which are taken, and prove nothing
            _send(sink, number)
        assert until(lambda: sink.counts.delivered == 3)
        assert (sink.counts.failures, str(sink.counts).endswith("failing")) == (1, True)
        (lost,) = capsys.readouterr().err.splitlines()
        assert "the broker can no longer be reached, events wait on disk; the run goes on" in lost
        broker.start()
        assert until(lambda: not sink.counts.problem)
        (back,) = capsys.readouterr().err.splitlines()
        assert f"mqtt:127.0.0.1:{broker.port}/{TOPIC} works again after" in back
        broker.stop()  # at once again, which is counted but fills no log
        assert until(lambda: sink.counts.failures == 2)
    assert "can no longer" not in capsys.readouterr().err


def test_a_broker_that_is_absent_at_the_start_is_failing_until_it_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = Mosquitto(tmp_path)
    with _open(broker, tmp_path) as sink:
        assert "cannot be reached (Connection refused)" in sink.counts.problem
        (absent,) = capsys.readouterr().err.splitlines()
        assert "events wait on disk" in absent
        with broker:
            assert until(lambda: not sink.counts.problem)
            assert sink.counts.failures == 1
            assert "works again after" in capsys.readouterr().err


def test_events_wait_for_the_next_run_if_the_broker_never_comes(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    with _open(broker, tmp_path) as sink:
        for number in range(30):
            _send(sink, number)
    assert sink.counts.waiting == 30
    with broker, Listener(broker.port) as listener, _open(broker, tmp_path) as sink:
        _send(sink, 30)
        assert until(lambda: _numbers(listener) == list(range(31)))


def test_the_oldest_is_dropped_if_the_spool_is_full_and_that_is_counted(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    with _open(broker, tmp_path, "spool_mb=0.05") as sink:
        for number in range(200):
            _send(sink, number)
    assert sink.counts.dropped_events == 200 - sink.counts.waiting > 100
    with broker, Listener(broker.port) as listener, _open(broker, tmp_path):
        waiting = sink.counts.waiting
        assert until(lambda: _numbers(listener) == list(range(200 - waiting, 200)))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that knows `anna` alone."""
    if not (program := shutil.which("mosquitto_passwd")):
        pytest.skip("needs mosquitto_passwd of Debian's mosquitto")
    passwords = tmp_path / "passwords"
    subprocess.run([program, "-b", "-c", str(passwords), "anna", "s3cret"], check=True)
    with Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}") as started:
        yield started


def test_a_password_comes_from_a_file_or_the_environment(
    guarded: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "login"
    file.write_text("anna:s3cret\n")
    file.chmod(0o600)
    with Listener(
        guarded.port, setup=lambda client: client.username_pw_set("anna", "s3cret")
    ) as all:
        with _open(guarded, tmp_path, f"login={file}") as sink:
            _send(sink, 1)
            assert until(lambda: _numbers(all) == [1])
        monkeypatch.setenv("EDGE_MQTT_LOGIN", "anna:s3cret")
        with _open(guarded, tmp_path) as sink:
            _send(sink, 2)
            assert until(lambda: _numbers(all) == [1, 2])


def test_a_wrong_password_is_one_clear_line(
    guarded: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_MQTT_LOGIN", "anna:wr0ng")
    with pytest.raises(
        SinkError, match="refuses this login .* give another as login=FILE"
    ) as error:
        _open(guarded, tmp_path)
    assert "wr0ng" not in str(error.value)
    assert not list(tmp_path.glob("spool/.*.lock"))


def _certificate(folder: Path, name: str, host: str) -> tuple[Path, Path]:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
    ]
    names = ["-out", certificate, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    subprocess.run([*map(str, command + names)], check=True, capture_output=True)
    return key, certificate


def test_tls_is_verified(tmp_path: Path) -> None:
    key, certificate = _certificate(tmp_path, "broker", "localhost")
    _, foreign = _certificate(tmp_path, "foreign", "localhost")
    settings = f"allow_anonymous true\ncertfile {certificate}\nkeyfile {key}"

    def setup(client: object) -> None:
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        client.tls_set_context(context)  # type: ignore[attr-defined]

    with Mosquitto(tmp_path, settings) as broker, Listener(broker.port, setup=setup) as listener:
        with _open(broker, tmp_path, f"ca={certificate}", host="localhost") as sink:
            _send(sink, 7)
            assert until(lambda: _numbers(listener) == [7])
        for options, host in (
            ([f"ca={foreign}"], "localhost"),
            ([f"ca={certificate}"], "127.0.0.1"),
        ):
            with pytest.raises(SinkError, match="is not to be trusted"):
                _open(broker, tmp_path, *options, host=host)


# home-assistant.io/integrations/mqtt ("Device discovery payload"), .../sensor.mqtt, .../binary_sensor.mqtt
SHARED = {
    "availability", "availability_topic", "availability_mode", "availability_template",
    "payload_available", "payload_not_available", "state_topic", "command_topic", "qos", "encoding",
}  # fmt: skip
ROOT_FIELDS = {"device", "origin", "components", *SHARED}
DEVICE = {
    "identifiers", "connections", "name", "manufacturer", "model", "model_id", "hw_version",
    "sw_version", "serial_number", "suggested_area", "via_device", "configuration_url",
}  # fmt: skip
ORIGIN = {"name", "sw_version", "support_url"}
ENTITY = {
    "platform", "unique_id", "name", "state_topic", "value_template", "json_attributes_topic",
    "json_attributes_template", "device_class", "icon", "entity_category", "expire_after",
    "force_update", "enabled_by_default", "default_entity_id", "entity_picture", *SHARED,
}  # fmt: skip
FIELDS = {
    "sensor": ENTITY | {
        "state_class", "unit_of_measurement", "options", "suggested_display_precision",
        "last_reset_value_template",
    },
    "binary_sensor": ENTITY | {"payload_on", "payload_off", "off_delay"},
}  # fmt: skip


def _assert_documented(payload: dict) -> None:
    assert payload.keys() <= ROOT_FIELDS and {"device", "origin", "components"} <= payload.keys()
    assert payload["device"].keys() <= DEVICE and payload["device"]["identifiers"]
    assert payload["origin"].keys() <= ORIGIN and payload["origin"]["name"]
    for entity in payload["components"].values():
        assert entity.keys() <= FIELDS[entity["platform"]]
        assert {"unique_id", "state_topic", "name"} <= entity.keys()
        if "state_class" in entity:
            assert entity["state_class"] in ("measurement", "total", "total_increasing")
    ids = [entity["unique_id"] for entity in payload["components"].values()]
    assert len(ids) == len(set(ids))


def test_home_assistant_is_told_of_all_that_there_is(broker: Mosquitto, tmp_path: Path) -> None:
    with Listener(broker.port) as listener, _open(broker, tmp_path, "name=Yard camera") as sink:

        def payloads() -> list[dict]:
            topics = [each for each in listener.messages if each[0].startswith("homeassistant/")]
            assert all(topic.startswith("homeassistant/device/") for topic, *_ in topics)
            return [
                json.loads(payload) for topic, payload, _ in topics if topic.endswith("/config")
            ]

        assert until(payloads)
        payload = payloads()[-1]
        _assert_documented(payload)
        names = {each["name"]: each["platform"] for each in payload["components"].values()}
        assert names == {"action": "sensor", "fall": "binary_sensor"}
        assert payload["device"]["name"] == "Yard camera" and payload["device"]["model"] == "watch"
        assert payload["availability_topic"] == f"{TOPIC}/status"
        sink.take_event(samples.event(1, alert="a wave!"), samples.frame(1))
        assert until(lambda: len(payloads()[-1]["components"]) == 3)
        _assert_documented(payloads()[-1])


def test_an_alert_is_announced_before_its_first_event(
    broker: Mosquitto, video_path: Path, tmp_path: Path, cli: CliRunner
) -> None:
    pytest.importorskip("msgspec", reason="needs the extra config")
    settings = tmp_path / "run.toml"
    settings.write_text(
        f'bundle = "faces-in-motion"\nrate = "all"\nsource = ["{video_path}", "{video_path}"]\n'
        f'[[output]]\nkind = "mqtt"\ntarget = "127.0.0.1:{broker.port}/{TOPIC}"\n'
        f'spool = "{tmp_path / "spool"}"\n'
        '[[alert]]\nname = "shaken"\ntask = "action"\nis = ["shake"]\nabove = 1\nfor_s = 600\n'
        f'[[alert]]\ntask = "action"\nis = ["nearer"]\nfor_s = 600\nsource = "{video_path} (2)"\n'
    )
    done = cli.invoke(main, ["--config", str(settings), "--json"])
    assert done.exit_code == 0, done.output
    nothing = {"started": 0, "ended": 0, "active": 0, "last_at": None}
    summary = json.loads(done.stdout)
    assert summary["events"] == {"shaken": nothing, "action nearer": nothing}
    with Listener(broker.port) as listener:
        assert until(lambda: sum("/alert/" in topic for topic, *_ in listener.messages) == 2)
        retained = {
            topic: payload for topic, payload, is_retained in listener.messages if is_retained
        }
    (config,) = [json.loads(retained[each]) for each in retained if each.endswith("/config")]
    alerts = [e for e in config["components"].values() if e["platform"] == "binary_sensor"]
    assert [each["name"] for each in alerts] == ["shaken", "action nearer"]
    assert [retained[each["state_topic"]] for each in alerts] == [b"OFF", b"OFF"]
    assert not any(topic.endswith("/event") for topic in retained)


def test_ids_and_topics_are_plain_and_differ() -> None:
    assert slug("room-1") == "room-1"
    texts = ["a b", "a_b", "a/b", "ä", "+", "#"]
    slugs = [slug(text) for text in texts]
    assert len(set(slugs)) == len(texts)
    assert all(
        each.replace("_", "").replace("-", "").isalnum() and each.isascii() for each in slugs
    )


def test_numbers_have_a_unit() -> None:
    device = home_assistant.Device("n", "N", "t")
    _assert_documented(device.discovery([device.task("age", "yard", "years")]))
    assert device.task("age", "yard", "years")["unit_of_measurement"] == "years"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mqtt:host:99999", "write mqtt:HOST"),
        ("mqtt:host/a/#", "without . and #"),
        ("mqtt:host:spool_mb=0", "spool_mb above 0"),
        ("mqtt:host:every=often", "the option every is a number"),
        ("mqtt:host:ca=nothing.pem", "certificates nothing.pem cannot be read"),
        ("mqtt:host:login=nothing", "the secret nothing may not be read"),
        ("mqtt:host:pasword=x", "has no option pasword"),
    ],
)
def test_bad_options_are_one_line(
    cli: CliRunner, tiny_bundle_path: Path, video_path: Path, text: str, message: str
) -> None:
    done = cli.invoke(main, [str(tiny_bundle_path), "--source", str(video_path), "--sink", text])
    assert done.exit_code == 2 and len(done.output.splitlines()) <= 2
    assert re.search(message, done.output), done.output
