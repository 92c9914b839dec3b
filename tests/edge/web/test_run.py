"""`edge-run --web` as a user runs it."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli import main
from tests.edge.sources.web import Handler, serving
from tests.edge.web.pages import served, wait_for
from tests.signals import heed_interrupts
from tests.tiny import frames


class Camera(Handler):
    """Gives images as long as somebody takes them."""

    def do_GET(self) -> None:
        import cv2

        jpegs = [bytes(cv2.imencode(".jpg", image)[1]) for image in frames(20, 48, 64)]
        self.send_images(jpegs * 200, 0.04)


@contextmanager
def running(*arguments: str, folder: Path) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """`edge-run` with these, and the port of its page; ended as by Ctrl-C."""
    command = [sys.executable, "-m", "edge.cli", *arguments, "--web", "127.0.0.1:0"]
    process = subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    )  # fmt: skip
    assert process.stderr
    try:
        for line in process.stderr:
            if match := re.match(r"page: http://127.0.0.1:(\d+)/", line):
                break
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield int(match[1]) if match else 0, process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    content = connection.getresponse().read()
    connection.close()
    return content


def test_a_camera_is_shown_and_its_run_ends_as_ever(tmp_path: Path) -> None:
    with (
        serving(Camera) as url,
        running("faces-in-motion", "--source", f"{url}/a.mjpeg", folder=tmp_path) as (port, _),
    ):
        wait_for(lambda: b'"ok"' in _get(port, "/healthz"))
        state = wait_for(lambda: _decided(json.loads(_get(port, "/api/state"))))
        (source,) = state["sources"]
        assert source["live"] and source["size"] == [64, 48]
        assert {task["task"] for task in source["answers"][0]["tasks"]} == {"reid", "action"}
        assert _get(port, "/picture/0.jpg").startswith(b"\xff\xd8")
        assert b"edge_run_frames_total" in _get(port, "/metrics")


def _decided(state: dict) -> dict | None:  # type: ignore[type-arg]
    return state if state["sources"][0]["answers"] else None


SETTINGS = """\
bundle = "faces-in-motion"  # what answers
detector = "face-finder"
web = "127.0.0.1:0"
source = ["{url}/a.mjpeg"]

[[zone]]
name = "door"  # the inner one
points = [[0, 0], [1, 0], [1, 1]]
"""


def test_saved_zones_hold_without_a_restart(tmp_path: Path) -> None:
    with serving(Camera) as url:
        (tmp_path / "run.toml").write_text(SETTINGS.format(url=url))
        with running("--config", "run.toml", folder=tmp_path) as (port, _):
            wait_for(lambda: b'"ok"' in _get(port, "/healthz"))
            run = json.loads(_get(port, "/api/run"))
            assert [zone["name"] for zone in run["zones"]] == ["door"] and not run["reason"]
            zones = [{"name": "yard", "points": [[0, 0], [0.5, 0], [0.5, 0.5]]}]
            body = json.dumps({"revision": run["revision"], "zones": zones})
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("POST", "/api/zones", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert json.loads(answer.read()) == {"message": "Saved, and applied."}
            connection.close()
            wait_for(lambda: json.loads(_get(port, "/api/run"))["run"] == 2)
            again = json.loads(_get(port, "/api/run"))
            assert again["zones"] == zones
        assert "# what answers" in (tmp_path / "run.toml").read_text()


def test_a_port_in_use_ends_it_before_anything_is_opened(cli: CliRunner, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with served() as page:
        port = page.page.port
        arguments = ["--camera", "97", "--jsonl", str(out), "--web", f"127.0.0.1:{port}"]
        done = cli.invoke(main, arguments)
    assert done.exit_code == 2
    assert done.output == (
        f"Error: --web 127.0.0.1:{port}: this port is in use: end what listens there, or give another port\n"
    )
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--web", "0.0.0.0:0"], "can be reached by others: give --web-token FILE"),
        (["--web", "there"], "--web there is not understood: give HOST:PORT"),
        (["--web-token", "token"], "--web-token goes with --web HOST:PORT"),
        (["--web", "8080", "--web-token", "nowhere"], "nowhere may not be read"),
    ],
)
def test_a_wrong_page_is_told_in_one_line(
    cli: CliRunner, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = cli.invoke(main, ["--camera", "97", *arguments])
    assert done.exit_code == 2 and message in done.output and "Traceback" not in done.output


def test_the_plan_names_the_page(cli: CliRunner, video_path: Path) -> None:
    done = cli.invoke(main, ["--source", str(video_path), "--web", "8080", "--check"])
    assert done.exit_code == 0 and "page: 127.0.0.1:8080\n" in done.output
