"""What is given beside frames holds for the bundle that a running edge-run is updated to."""

import json
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bundle import open_bundle, write_bundle
from edge.stream import Stream
from tests.edge.service.processes import Service, started, wait_for
from tests.edge.sources import web
from tests.edge.updates import test_swap as swaps

pytest.importorskip("msgspec")  # the extra `config`

GREY = np.full((48, 64, 3), 130, np.uint8)
RATE_HZ = 20.0


@pytest.fixture
def folder(
    tmp_path: Path, speed_bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """With `net.edge`, `sent/net.edge` of version 2, `other/net.edge`, and settings of a grey camera."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    shutil.copy(speed_bundle_path, tmp_path / "net.edge")
    known = open_bundle(speed_bundle_path)
    (speed,) = known.manifest.inputs
    for name, changes in (
        ("sent", {"version": "2"}),
        ("other", {"inputs": (replace(speed, unit="km/h"),)}),
    ):
        (tmp_path / name).mkdir()
        manifest = replace(known.manifest, **changes)
        write_bundle(tmp_path / name / "net.edge", manifest, known.members)

    class Images(web.Handler):
        def do_GET(self) -> None:
            self.send_images(self.images())

        def images(self) -> Iterator[bytes]:
            while True:
                time.sleep(1 / RATE_HZ)  # none catches up
                yield cv2.imencode(".jpg", GREY)[1].tobytes()

    with web.serving(Images) as address:
        (tmp_path / "url").write_text(f"{address}/video.mjpg")
        yield tmp_path


def write_settings(folder: Path, numbers: str, **seconds: float) -> None:
    text = swaps.SETTINGS.replace("door.edge", "net.edge").format(
        url=(folder / "url").read_text(),
        more=f'input = ["speed={numbers}"]' if numbers else "",
        latency_ms=1000,
        **{"shadow_s": 0, "probation_s": 1, **seconds},
    )
    (folder / "run.toml").write_text(text)


def answers(folder: Path) -> list[tuple[str, dict]]:
    """Of each decision by now: the start of its bundle's hash, and the tasks."""
    rows = swaps.decisions(folder)
    return [(row["bundle_sha256"][:8], row["tasks"]) for row in rows]


def answer_of(path: Path, *numbers: float) -> tuple[str, dict]:
    """What a bundle says of grey frames at that speed."""
    bundle = open_bundle(path)
    stream = Stream(bundle, inputs={"speed": numbers})
    grey = cv2.imdecode(cv2.imencode(".jpg", GREY)[1], cv2.IMREAD_COLOR)
    decision = [stream.push(grey) for _ in range(bundle.manifest.window)][-1]
    assert decision
    return bundle.sha256[:8], json.loads(json.dumps(decision.to_json()["tasks"]))


def wait_for_decisions(folder: Path, service: Service, count: int = 5) -> None:
    known = len(answers(folder))
    wait_for(lambda: len(answers(folder)) > known + count or service.process.poll() is not None)
    assert service.process.poll() is None, service.lines


def test_the_new_one_is_given_what_the_old_one_was(folder: Path) -> None:
    """And one that counts in km/h what is given in m/s is no next version."""
    write_settings(folder, "1.5,2")
    with started(folder, "--config", "run.toml", "--quiet") as service:
        wait_for_decisions(folder, service)
        done = swaps.update("other/net.edge")
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == (
            "update net 1: refused, it takes speed (2 numbers in km/h) beside frames, and what runs "
            "takes speed (2 numbers in m/s): it is another network: name it as `bundle` in the settings, "
            "and reload"
        )
        wait_for_decisions(folder, service)
        done = swaps.update("sent/net.edge")
        assert done.returncode == 0, (done, service.lines)
        assert "kind differs in 0.0 %" in done.stdout
        wait_for_decisions(folder, service)
        assert service.end(signal.SIGTERM) == 130
    old, new = answer_of(folder / "net.edge", 1.5, 2), answer_of(folder / "sent/net.edge", 1.5, 2)
    assert old[1] != answer_of(folder / "net.edge", 0, 0)[1]
    rows = answers(folder)
    count = rows.count(old)
    assert 10 < count < len(rows) - 5
    assert rows == [old] * count + [new] * (len(rows) - count)
