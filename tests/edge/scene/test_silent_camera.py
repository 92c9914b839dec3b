"""A camera of two that is absent or goes silent, with real web cameras: what is left to the other."""

import json
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from edge.bundle import write_bundle
from tests.detectors import ssd
from tests.edge.service.processes import started, wait_for
from tests.edge.sinks.brokers import free_port
from tests.faults.cameras import RATE_HZ, WebCamera

pytest.importorskip("prometheus_client")  # the extra `web`
TWO = [[0.25, 0.1, 0.75, 0.3], [0.25, 0.6, 0.75, 0.8]]  # top, left, bottom, right


@pytest.mark.parametrize("is_there_at_first", [True, False])
def test_the_other_has_all_of_the_time_and_nobody_is_seen_in_the_silent_one(
    tiny_bundle_path: Path, tmp_path: Path, is_there_at_first: bool
) -> None:
    detector, out, page = ssd(TWO, [0.9, 0.8]), tmp_path / "out.jsonl", free_port()
    write_bundle(tmp_path / "two.edge", detector.manifest, detector.members)
    yard, door = WebCamera(), WebCamera()
    door.port = free_port()

    def people(camera: WebCamera) -> list[int]:
        lines = out.read_text().splitlines(keepends=True) if out.exists() else []
        records = [json.loads(line) for line in lines if line.endswith("\n")]
        mine = [each for each in records if each.get("source") == camera.url]
        return [each["presence"]["count"] for each in mine if "presence" in each]

    def metric(name: str) -> float:
        """Of the camera at the door."""
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics", timeout=10) as answer:
            rows = [row.rsplit(" ", 1) for row in answer.read().decode().splitlines()]
        (value,) = (row[1] for row in rows if row[0] == f'edge_run_{name}{{source="{door.url}"}}')
        return float(value)

    with yard:
        if is_there_at_first:
            door.plug()
        words = [str(tiny_bundle_path), "--detector", "two.edge", "--wait-for-camera", "--json"]
        words += ["--source", yard.url, "--source", door.url, "--stall-after", "0.5"]
        words += ["--jsonl", "out.jsonl", "--web", f"127.0.0.1:{page}"]
        with started(tmp_path, *words) as service:
            wait_for(lambda: people(yard)[-1:] == [2])
            if is_there_at_first:
                wait_for(lambda: people(door)[-1:] == [2])
                door.state = "silent"
                wait_for(lambda: people(door)[-1:] == [0])
                assert metric("people") == 0
            until = time.monotonic() + 3.0  # the rate of the frames is known
            wait_for(lambda: time.monotonic() > until)
            lasts_s = metric("gap_seconds")
            assert metric("longest_gap_seconds") >= lasts_s > 1.0
            assert service.end(signal.SIGTERM) == 130
            assert service.process.stdout
            summary = json.loads(service.process.stdout.read())
        door.unplug()
    assert summary["scene"]["budget_ms"] == pytest.approx(500 / RATE_HZ, rel=0.2)
    assert summary["sources"][1]["gaps"]["longest_s"] > lasts_s
    assert people(yard)[-1] == 2
