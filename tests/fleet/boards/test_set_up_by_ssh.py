"""edge-fleet from an empty Debian on: program, keys, settings, a service, updates and the way back.

`python -m pytest -m slow tests/fleet/boards/test_set_up_by_ssh.py -s`; three boards boot (booted.py). Each
test sets up what it needs, of which most is there if others ran before.
"""

import contextlib
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bundle import GOLDEN, open_bundle
from edge_benchmarks.record import read_record
from tests.edge.sources import web
from tests.edge.updates.test_swap import version_of
from tests.fleet.boards.booted import WHEELS, booted_fleet, wheelhouse
from tests.fleet.boards.namespaces import ANSIBLE, SpaceBoard, SpaceFleet
from tests.fleet.boards.test_by_ssh import roll_out, tell
from tests.wheels import ROOT

pytestmark = pytest.mark.slow
STORE, HISTORY = "/opt/edge-run/bundles", "/var/lib/private/edge-run/edge-run/signed-bundles.json"
TWO = ("--limit", "board-1,board-2")
WATCHED = ("--most-age-ms", 10_000, "--most-errors", 0.5, *TWO)  # this machine has much else to do
NAME, SECRET = "faces-in-motion", "admin:a-login-of-the-camera"
SETTINGS = """\
bundle = "{{ edge_bundle_path }}"
rate = "all"
{% if edge_page %}
web = "127.0.0.1:8080"
{% endif %}

[[camera]]
name = "door"
source = "{{ camera }}"
login = {file = "{{ edge_secrets[0].path }}"}

[[output]]
kind = "jsonl"
target = "events.jsonl"
{% if edge_updates %}

[update]
shadow_s = 3
decisions = 10
probation_s = 5
latency_ms = 1000
age_factor = 100
event_factor = 1000
{% endif %}
"""
# a self-test that fails with one bundle alone
POISONED = """#!/bin/sh
case "$*" in *--self-test*)
  [ "$(readlink {store}/current)" != {sha256} ] || {{ echo 'Error: golden frames differ' >&2; exit 1; }} ;;
esac
exec /opt/edge-run/bin/{name} "$@"
"""


@pytest.fixture(scope="module")
def boards(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpaceFleet]:
    """The golden frames of the bundle are what each camera sees, ten a second, over and over."""
    folder = tmp_path_factory.mktemp("booted")
    jpegs = [
        cv2.imencode(".jpg", rgb[..., ::-1])[1].tobytes()
        for rgb in open_bundle(NAME).golden["frames"]
    ]

    class Camera(web.Handler):
        def do_GET(self) -> None:
            self.send_images(itertools.cycle(jpegs), 0.1)

    with contextlib.ExitStack() as stack:
        made = stack.enter_context(booted_fleet(folder, 3, wheelhouse()))
        for board in made.boards:
            camera = stack.enter_context(web.serving(Camera, board.gateway))
            board.variables["camera"] = f"{camera}/video.mjpg"
        shutil.copy(wheel, folder)
        shutil.copy(ROOT / "constraints.txt", folder)
        (folder / "run.toml.j2").write_text(SETTINGS)
        edge_bundle("keys", "new", folder / "acme.key", "--no-password")
        made.usual = {
            "edge_install": "venv", "edge_wheel": wheel.name, "edge_wheelhouse": WHEELS,
            "edge_constraints": "constraints.txt", "edge_settings": "run.toml.j2",
            "edge_trusted_keys": [{"file": "acme.pub", "name": "acme", "expires": "2099-12-31"}],
            "edge_require_signature": True, "edge_page": "http://127.0.0.1:8080",
            "edge_secrets": [{"path": "/etc/edge-run/door.login", "content": SECRET}],
            "edge_bench_options": ["--frames", "40"],
        }  # fmt: skip
        yield made


def edge_bundle(*arguments: object) -> None:
    program = Path(sys.executable).parent / "edge-bundle"
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)


def signed(made: SpaceFleet, version: str, **changes: object) -> Path:
    """That version of the bundle, as door.edge, made once."""
    path = made.folder / f"version-{version}" / "door.edge"
    if not path.exists():
        version_of(open_bundle(NAME), version, path, **changes)
        edge_bundle("sign", path, "--key", made.folder / "acme.key")
    return path


def run_version(made: SpaceFleet, version: str, **variables: object) -> Path:
    """See to it that the first two boards run that version, as a service of the system."""
    inventory, path = made.write_inventory(**variables), signed(made, version)
    done = made.call("set-up", "-i", inventory, "--json", "--bundle", path, *TWO)
    assert rows(done).keys() == {"board-1", "board-2"}
    return path


def rows(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, str]]:
    """Of boards that all went well, by their names."""
    assert done.returncode == 0, done.stdout + done.stderr
    return {row["board"]: row for row in json.loads(done.stdout)["boards"]}


def outcomes(made: SpaceFleet, *arguments: object) -> set[str]:
    done = made.call("set-up", "-i", made.folder / "inventory.yml", "--json", *arguments)
    return {row["outcome"] for row in rows(done).values()}


def test_set_up_makes_a_service_of_an_empty_debian_and_twice_is_once(boards: SpaceFleet) -> None:
    first, inventory = signed(boards, "1"), boards.write_inventory()
    usual = ("--bundle", first, *TWO)
    check = [str(ANSIBLE), "-i", inventory, "edge_run.fleet.set_up", "--check", "--limit", "board-1",
             "--extra-vars", f"edge_bundle={first}"]  # fmt: skip
    environment = {**boards.environment, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "fleet/collection")}
    for after in (False, True):
        done = subprocess.run([*check, *(["--diff"] if after else [])], capture_output=True, text=True,
                              env=environment)  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]
        assert "DEPRECATION" not in done.stdout + done.stderr and SECRET not in done.stdout
        if not after:
            assert outcomes(boards, *usual) == {"changed"}
        else:
            assert "changed=0" in done.stdout, done.stdout
    board = boards.boards[0]
    running = board.run("systemctl show edge-run -p MainPID -p NRestarts -p MemoryMax -p User")
    assert "MemoryMax=536870912" in running and "MainPID=0" not in running
    assert outcomes(boards, *usual) == {"as it was"}
    assert (
        board.run("systemctl show edge-run -p MainPID -p NRestarts -p MemoryMax -p User") == running
    )
    assert board.run("sudo stat -c %a:%U /etc/edge-run/door.login") == "600:root"
    assert SECRET not in board.run("cat /etc/edge-run/run.toml; sudo journalctl -u edge-run")
    status = rows(boards.call("status", "-i", inventory, "--json", *TWO))
    assert {(row["service"], row["restarts"]) for row in status.values()} == {("active", "0")}


def test_the_way_back_verifies_the_old_signature_and_is_no_downgrade(boards: SpaceFleet) -> None:
    run_version(boards, "1")
    poisoned, new = boards.boards[1], signed(boards, "2")
    old_sha = poisoned.run(f"readlink {STORE}/current")
    sha256 = hashlib.sha256(new.read_bytes()).hexdigest()
    for name in ("edge-run", "edge-devices", "edge-bundle", "edge-bench"):
        script = POISONED.format(store=STORE, sha256=sha256, name=name)
        poisoned.run(f"mkdir -p bin; cat > bin/{name} <<'EOF'\n{script}EOF\nchmod 755 bin/{name}")
    poisoned.variables["edge_bin"] = "/home/pi/bin"
    boards.write_inventory()
    done = roll_out(boards, new, "--waves", "all", *WATCHED)
    del poisoned.variables["edge_bin"]
    assert done.returncode == 1 and "self-test: golden frames differ" in done.stdout, done.stdout
    for board in boards.boards[:2]:
        assert board.run(f"readlink {STORE}/current") == old_sha
        assert remembered(board) == old_sha
        assert board.run("systemctl is-active edge-run") == "active"
        # SIGHUP twice, and each time the signature was found good
        journal = board.run("sudo journalctl -u edge-run")
        assert journal.count("settings changed") == 2 and "not changed" not in journal
    tell(done.stderr)


def remembered(board: SpaceBoard) -> str:
    """sha256 of the bundle below which the service goes no more."""
    return json.loads(board.run(f"sudo cat {HISTORY}"))[NAME]["sha256"]


def test_an_update_is_a_shadow_then_on_probation_and_a_bad_one_comes_back(
    boards: SpaceFleet,
) -> None:
    boards.write_inventory(edge_updates=True)
    assert outcomes(boards, "--bundle", signed(boards, "1"), *TWO) == {"changed"}
    good, board = signed(boards, "3"), boards.boards[0]
    done = roll_out(boards, good, "--waves", "1,all", *WATCHED)
    assert done.returncode == 0, done.stdout
    good_sha = board.run(f"readlink {STORE}/current")
    for each in boards.boards[:2]:
        assert remembered(each) == good_sha
        journal = each.run("sudo journalctl -u edge-run")
        assert re.search(r"shadow\n.*probation, [1-9]\d+ decisions compared.*\n.*kept", journal)
    golden = dict(open_bundle(NAME).golden)
    golden["action"] = np.roll(golden["action"], 1, axis=-1)
    content = io.BytesIO()
    np.savez(content, **golden)
    bad = signed(boards, "4", members={GOLDEN: content.getvalue()})
    refused = roll_out(boards, bad, "--waves", "1,all", *WATCHED)
    assert refused.returncode == 1 and "golden decisions differently" in refused.stdout
    assert {each.run(f"readlink {STORE}/current") for each in boards.boards[:2]} == {good_sha}
    assert {remembered(each) for each in boards.boards[:2]} == {good_sha}
    assert board.run("systemctl is-active edge-run") == "active"
    tell(done.stderr + refused.stderr)


def test_each_board_is_measured_once_and_all_are_in_one_report(boards: SpaceFleet) -> None:
    running = run_version(boards, "3", edge_updates=True)
    output, inventory = boards.folder / "records", boards.folder / "inventory.yml"
    bench = ("bench", running, "-i", inventory, "-o", output, "--json",
             "--report", "report.html", *TWO)  # fmt: skip
    done = boards.call(*bench)
    assert rows(done).keys() == {"board-1", "board-2"}
    times = {path: path.stat().st_mtime_ns for path in output.glob("*.json")}
    assert len({read_record(path).bundle.sha256 for path in times}) == 1 and len(times) == 2
    report = (output / "report.html").read_text()
    assert "board-1" in report and "board-2" in report
    again = boards.call(*bench)
    assert rows(again).keys() == {"board-1", "board-2"}
    assert {path: path.stat().st_mtime_ns for path in output.glob("*.json")} == times


def test_a_service_of_a_user_needs_no_root(boards: SpaceFleet) -> None:
    board = boards.boards[2]
    home = {
        "edge_root": "/home/pi/edge", "edge_config": "/home/pi/.config/edge-run/run.toml", "edge_page": "",
        "edge_secrets": [{"path": "/home/pi/.config/edge-run/door.login", "content": SECRET}],
    }  # fmt: skip
    boards.write_inventory(edge_become=False, edge_service="user", **home)
    usual = ("--bundle", signed(boards, "1"), "--limit", board.name)
    assert outcomes(boards, *usual) == {"changed"}
    assert outcomes(boards, *usual) == {"as it was"}
    done = roll_out(boards, signed(boards, "5"), "--waves", "all", *WATCHED[:-1], board.name)
    assert done.returncode == 0, done.stdout
    restarts = board.run("systemctl --user show edge-run -p NRestarts -p ActiveState --value")
    assert sorted(restarts.split()) == ["0", "active"]
    board.run("systemctl --user disable --now edge-run")


def test_a_package_is_installed_once(boards: SpaceFleet, wheel: Path) -> None:
    board = boards.boards[2]
    build = ["sh", ROOT / "packaging/build-deb", wheel, boards.folder]
    done = subprocess.run([*map(str, build)], env={**os.environ, "PYTHON": sys.executable},
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    boards.write_inventory(edge_install="deb", edge_deb=Path(done.stdout.split()[-1]).name)
    usual = ("--bundle", signed(boards, "1"), "--limit", board.name)
    assert outcomes(boards, *usual) == {"changed"}
    running = board.run("systemctl show edge-run -p MainPID -p NRestarts -p ActiveState")
    assert "ActiveState=active" in running and "NRestarts=0" in running
    assert outcomes(boards, *usual) == {"as it was"}
    assert board.run("systemctl show edge-run -p MainPID -p NRestarts -p ActiveState") == running
