"""What the page answers: pictures, state, history, events, clips, health, metrics."""

import json
import math
import re
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from edge import stream
from edge.events.alert import Alert
from edge.web import metrics, server
from edge.web.events import EventList
from edge.web.pictures import MOST_VIEWERS
from tests.edge.sinks import samples
from tests.edge.web.pages import Options, Served, clips, grey, served, wait_for


def _parts(answer, count: int) -> list[bytes]:  # type: ignore[no-untyped-def]
    """So many JPEG images of a live picture."""
    content, images = b"", list[bytes]()
    while len(images) < count:
        content += answer.read1()
        *parts, content = content.split(b"--picture\r\nContent-Type: image/jpeg\r\n\r\n")
        images += [part.removesuffix(b"\r\n") for part in parts if part]
    return images


def _watched(page: Served) -> bool:
    return page.json("/api/state")["viewers"] > 0


def _level(jpeg: bytes) -> int:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return round(float(image.mean()))


def test_a_live_picture_is_the_newest_frame() -> None:
    with served() as page:
        connection = page.connect()
        connection.request("GET", "/picture/0.mjpeg")
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=picture"
        wait_for(lambda: page.watches[0]._on_shot)
        page.watches[0].take(stream.Frame(grey(40), 0), [])
        (first,) = _parts(answer, 1)
        assert abs(_level(first) - 40) <= 2
        wait_for(lambda: page.watches[0]._on_shot)
        page.watches[0].take(stream.Frame(grey(200), 1), [])
        (second,) = _parts(answer, 1)
        assert abs(_level(second) - 200) <= 2
        connection.close()


def test_nothing_is_copied_or_encoded_if_nobody_looks() -> None:
    with served() as page:
        page.give(3)
        assert page.watches[0]._pixels.size == 0
        page.json("/api/state")
        assert page.watches[0]._on_shot is None


def test_small_frames_are_enlarged_and_large_ones_made_smaller() -> None:
    with served(count=2) as page:
        for source, (height, width), expected in ((0, (48, 64), 640), (1, (1080, 1920), 960)):
            connection = page.connect()
            connection.request("GET", f"/picture/{source}.jpg")
            watch = page.watches[source]
            wait_for(lambda watch=watch: watch._on_shot)  # type: ignore[misc]
            watch.take(stream.Frame(grey(90, height, width), 0), [])
            jpeg = connection.getresponse().read()
            image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert image.shape[1] == expected
            assert image.shape[0] == round(expected * height / width)
            connection.close()
        assert page.get("/picture/2.jpg")[0] == 404


def test_in_a_gap_the_picture_is_dark_and_the_page_is_well() -> None:
    with served() as page:
        connection = page.connect()
        connection.request("GET", "/picture/0.mjpeg")
        answer = connection.getresponse()
        wait_for(lambda: page.watches[0]._on_shot)
        page.watches[0].take(stream.Frame(grey(240), 0), [])
        assert _level(_parts(answer, 1)[0]) > 200
        page.gap(7.0)
        assert _level(_parts(answer, 1)[0]) < 100
        connection.close()
        assert page.json("/healthz") == {"status": "ok"}
        assert page.json("/api/state")["sources"][0]["gap_s"] == 7.0


def test_the_state_says_what_was_decided() -> None:
    with served() as page:
        page.give(3, p=0.875)
        state = page.json("/api/state")
        source = state["sources"][0]
        assert source["name"] == "yard" and source["size"] == [64, 48]
        assert source["answers"] == [
            {"who": "", "tasks": [{"task": "action", "text": "fall", "share": 0.875}]}
        ]
        assert state["memory_mb"] > 10 and state["problem"] == ""
        assert state["alerts"][0]["name"] == "fall" and state["alerts"][0]["active"] == 0


def test_the_stream_gives_a_state_a_second_to_all() -> None:
    with served() as page:
        answers = []
        for _ in range(3):
            connection = page.connect()
            connection.request("GET", "/api/stream")
            answers.append((connection, connection.getresponse()))
        states = []
        for connection, answer in answers:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert answer.readline() == b"retry: 3000\n"
            assert answer.readline() == b"\n"
            states.append(json.loads(answer.readline().removeprefix(b"data: ")))
            connection.close()
        assert states[0] == states[1] == states[2]


def test_the_history_has_each_second_and_the_alerts_limits() -> None:
    alert = Alert(name="fall", task="action", labels=("fall",), above=0.8, below=0.6)
    with served(options=Options(alerts=(alert,)), begin=True) as page:
        page.watches[0].take(
            samples.frame(0), [samples.decision(0, 0.25), samples.decision(0, 0.75)]
        )
        wait_for(lambda: page.page.run.history.count >= 2)
        described = page.json("/api/run")
        assert [(each["task"], each["name"]) for each in described["series"]] == [
            ("action", "fall"), ("people", "people")
        ]  # fmt: skip
        assert described["series"][0]["lines"] == [
            {"value": 0.8, "name": "fall begins"}, {"value": 0.6, "name": "fall ends"}
        ]  # fmt: skip
        _, headers, content = page.get("/api/history")
        values = np.frombuffer(content, "<f4").reshape(-1, 2)
        assert len(values) == int(headers["X-Seconds"])
        assert np.nanmax(values[:, 0]) == 0.75  # what an alert acts on: the surest of a second
        assert np.isnan(values[:, 1]).all()  # nobody was looked for


def test_events_are_listed_with_their_clips(tmp_path: Path) -> None:
    with served(options=Options(clips(tmp_path))) as page:
        began = samples.event(10)
        page.watches[0].take_event(began, samples.frame(10))
        (row,) = page.json("/api/events")["events"]
        assert (row["id"], row["alert"], row["clip"]) == (began.id, "fall", None)
        ended = samples.ended(began, 20)
        page.watches[0].take_event(ended, samples.frame(20))
        _write_clip(tmp_path, ended, b"0123456789")
        earlier = samples.event(1)
        _write_clip(tmp_path, samples.ended(earlier, 5), b"earlier")
        rows = page.json("/api/events")["events"]
        assert [each["id"] for each in rows] == sorted([earlier.id, began.id], reverse=True)
        newest = next(each for each in rows if each["id"] == began.id)
        assert newest["ended"] and newest["reason"] == "cleared"
        status, headers, content = page.get(f"/{newest['clip']}", Range="bytes=2-5")
        assert (status, content, headers["Content-Range"]) == (206, b"2345", "bytes 2-5/10")
        assert headers["Content-Type"] == "video/mp4"
        assert page.get(f"/{newest['clip']}")[2] == b"0123456789"
        assert page.get(f"/{newest['clip']}", Range="bytes=99-")[0] == 416
        assert page.get(f"/{newest['clip']}", Range="bytes=x")[0] == 400
        older = page.json(f"/api/events?before={rows[0]['id']}")["events"]
        assert [each["id"] for each in older] == [each["id"] for each in rows[1:]]


def _write_clip(folder: Path, event, video: bytes) -> None:  # type: ignore[no-untyped-def]
    stem = folder / f"{event.id}-{event.alert}"
    stem.with_suffix(".mp4").write_bytes(video)
    stem.with_suffix(".jpg").write_bytes(b"jpeg")
    stem.with_suffix(".json").write_text(json.dumps({"event": event.to_json()}))


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fetc%2fpasswd", "secret.mp4", "01a21c315c1f-0000-6a4a949e-fall.sh", "%00.mp4"],
)
def test_no_other_file_is_given_out(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.mp4").write_text("secret")
    (tmp_path / "01a21c315c1f-0000-6a4a949e-fall.sh").write_text("secret")
    with served(options=Options(clips(tmp_path))) as page:
        status, _, content = page.get(f"/clips/{name}")
        assert status == 404 and b"secret" not in content


def test_a_link_in_the_folder_leads_nowhere(tmp_path: Path) -> None:
    name = "01a21c315c1f-0000-6a4a949e-fall.mp4"
    (tmp_path / name).symlink_to("/etc/passwd")
    assert EventList([tmp_path]).path(name) is None


def test_health_says_why_frames_are_missing() -> None:
    from edge.web import state

    with served(begin=False) as page:
        status, _, content = page.get("/healthz")
        assert status == 503
        assert json.loads(content) == {"status": "failing", "reason": "no run has begun yet"}
    with served() as page:
        page.give()
        run = page.page.run
        assert run is not None
        now = run.summary.turned_at
        assert state.problem(run, now + 60) == ""  # the first frame may take a while
        source = run.summary.sources[0].source
        run.summary.sources[0].frames = 1
        assert state.problem(run, now + 15) == ""
        assert state.problem(run, now + 16) == "no turn of the loop for 16 s"
        source.silence_s, source.stall_after_s = lambda: 31.0, lambda: 1.0
        silence = "no frame for 31 s, and nothing tries to get one"
        assert state.problem(run, now) == silence
        page.gap(31.0)
        assert state.problem(run, now) == ""  # it says so, and tries again
        run.summary.end(run.summary.sources[0], None)
        assert state.problem(run, now + 16) == "all sources have ended"
        assert page.get("/healthz")[0] == 503


def test_metrics_are_what_prometheus_reads() -> None:
    with served() as page:
        page.give(4)
        counts = page.page.run.summary.sources[0]
        counts.frames, counts.decisions = 4, 4
        page.page.run.summary.latency.add({"encoder": 12.5})
        _, headers, content = page.get("/metrics")
        assert headers["Content-Type"].startswith("text/plain; version=")
        metrics = {
            (sample.name, *sorted(sample.labels.values(), reverse=True)): sample.value
            for family in families(content.decode())
            for sample in family.samples
        }
        assert metrics["edge_run_frames_total", "yard"] == 4
        assert metrics["edge_run_up",] == 1
        assert math.isclose(metrics["edge_run_latency_seconds", "encoder", "0.5"], 0.0125)
        assert metrics["edge_run_events_active", "fall"] == 0
        assert metrics["process_resident_memory_bytes",] > 1e7
        names = {name for name, *_ in metrics}
        assert not {name for name in names if name.endswith(("_ms", "_mb", "_percent"))}


def test_the_dashboard_asks_for_metrics_that_there_are(tmp_path: Path) -> None:
    """Also those that a run has only with a temperature, people or outputs."""
    source = Path(metrics.__file__).read_text()
    content = (Path(metrics.__file__).parent / "static/grafana.json").read_text()
    panels = json.loads(content)["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    names = {name for text in expressions for name in re.findall(r"edge_run_(\w+)\{", text)}
    assert len(names) >= 15
    for name in names:
        stem = name.removesuffix("_total")
        shorter = stem.removeprefix("output_")
        assert any(f'{each}"' in source for each in (f'"{stem}', f"edge_run_{stem}", shorter)), name


def test_too_many_viewers_are_told_so_and_the_others_go_on() -> None:
    with served() as page:
        connections = []
        for number in range(MOST_VIEWERS + 2):
            connection = page.connect()
            connection.request("GET", "/picture/0.mjpeg")
            connections.append(connection)
            if number < MOST_VIEWERS:
                wait_for(lambda n=number: page.json("/api/state")["viewers"] == n + 1)  # type: ignore[misc]
        answer = connections[-1].getresponse()
        assert answer.status == 503 and b"16 look already" in answer.read()
        wait_for(lambda: page.watches[0]._on_shot)
        page.watches[0].take(stream.Frame(grey(40), 0), [])
        assert _parts(connections[0].getresponse(), 1)
        for connection in connections:
            connection.close()
        wait_for(lambda: not _watched(page))


def test_who_looks_at_two_sources_is_one_viewer() -> None:
    with served(count=2) as page:
        connections = [page.connect() for _ in range(2)]
        for number, connection in enumerate(connections):
            connection.request("GET", f"/picture/{number}.mjpeg")
            wait_for(lambda n=number: page.watches[n]._on_shot)  # type: ignore[misc]
        assert page.json("/api/state")["viewers"] == 1
        for connection in connections:
            connection.close()


def test_more_connections_than_there_may_be_are_refused_at_once() -> None:
    with served() as page:
        idle = [page.connect() for _ in range(server.MOST_CONNECTIONS)]
        for connection in idle:
            connection.connect()

        def refused() -> bool:
            with socket.create_connection(("127.0.0.1", page.page.port)) as one_more:
                one_more.settimeout(10)
                return b"503 Service Unavailable" in one_more.recv(200)

        wait_for(refused)
        for connection in idle:
            connection.close()
        wait_for(lambda: page.get("/api/run")[0] == 200)


def test_malformed_and_oversized_requests_get_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with served() as page:
        for request in (
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET / HTTP/1.1\r\nHost: a b\r\n\x00\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", page.page.port)) as connection:
                connection.sendall(request + b"\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        with socket.create_connection(("127.0.0.1", page.page.port)) as connection:
            connection.sendall(head + b"X: " + b"a" * 20_000)
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        kind = {"Content_Type": "application/json"}
        with socket.create_connection(("127.0.0.1", page.page.port)) as connection:
            typed = (
                head.replace(b"GET /", b"POST /api/zones") + b"Content-Type: application/json\r\n"
            )
            connection.sendall(typed + b"Content-Length: 50\r\n\r\n{}")  # and it leaves
        status, _, content = page.ask("POST", "/api/zones", b"a" * 65_537, **kind)
        assert (status, content) == (413, b"more than 65536 bytes\n")
        assert page.ask("DELETE", "/api/zones")[0] == 405
        assert page.get("/nowhere")[0] == 404
        assert page.get("/static/..%2fpage.py")[0] == 404
        lines = capsys.readouterr().err.splitlines()
        assert len([line for line in lines if "a malformed request" in line]) == 1
        assert not [line for line in lines if "Traceback" in line or "page itself" in line]


def test_an_unchanged_file_is_not_sent_again() -> None:
    with served() as page:
        _, headers, _ = page.get("/static/page.js")
        assert headers["Content-Type"].startswith("text/javascript")
        status, _, content = page.get("/static/page.js", If_None_Match=headers["ETag"])
        assert (status, content) == (304, b"")


def test_what_the_page_loads_comes_from_the_board() -> None:
    folder = Path(server.__file__).parent / "static"
    for path in folder.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text and "https://" not in text, path.name
    index = (folder / "index.html").read_text()
    assert "<style" not in index and " style=" not in index and "onclick=" not in index
