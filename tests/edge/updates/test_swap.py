"""A real edge-run that is given other bundles: kept without a lost frame, refused, brought back, killed."""

import contextlib
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import GOLDEN, Bundle, open_bundle, write_bundle
from edge.cli import main
from tests.edge.service import processes
from tests.edge.service.processes import Service, started, wait_for
from tests.edge.sources import web

pytest.importorskip("msgspec")  # the extra `config`

SETTINGS = """\
bundle = "door.edge"
rate = "all"
{more}

[[camera]]
name = "yard"
source = "{url}"

[[output]]
kind = "jsonl"
target = "out.jsonl"

[update]
shadow_s = {shadow_s}
decisions = 10
probation_s = {probation_s}
latency_ms = {latency_ms}
"""
ALERT = """
[[alert]]
name = "anything"
task = "kind"
is = ["0", "1", "2"]
above = 0.0
for_s = 0.0
"""
RATE_HZ = 10.0  # a machine that is busy has time for each
Start = Callable[..., Service]


@pytest.fixture
def known(tiny_bundle_path: Path) -> Bundle:
    """What runs: a small network, whose first window is full after four frames."""
    return open_bundle(tiny_bundle_path)


@pytest.fixture
def folder(tmp_path: Path, known: Bundle, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With `door.edge`, and the next version of it in `sent`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    version_of(known, "1", tmp_path / "door.edge")
    version_of(known, "2", tmp_path / "sent" / "door.edge")
    return tmp_path


def version_of(bundle: Bundle, version: str, path: Path, **changes: object) -> None:
    members = {**bundle.members, **changes.pop("members", {})}
    path.parent.mkdir(exist_ok=True)
    write_bundle(path, replace(bundle.manifest, version=version, **changes), members)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts edge-run with `run.toml`, and waits for decisions. The one before has to be ended."""
    with camera() as url:

        def begin(
            more: str = "", shadow_s: float = 0, probation_s: float = 1, latency_ms: float = 1000
        ) -> Service:
            text = SETTINGS.format(
                url=url,
                more=more,
                shadow_s=shadow_s,
                probation_s=probation_s,
                latency_ms=latency_ms,
            )
            (folder / "run.toml").write_text(text)
            (folder / "out.jsonl").unlink(missing_ok=True)
            context = started(folder, "--config", "run.toml", "--quiet")
            contexts.append(context)
            service = context.__enter__()
            wait_for(lambda: len(decisions(folder)) > 5 or service.process.poll() is not None)
            assert service.process.poll() is None, service.lines
            return service

        contexts = []
        yield begin
        for context in contexts:
            context.__exit__(None, None, None)


@contextlib.contextmanager
def camera() -> Iterator[str]:
    """The address of one that gives 10 frames a second: what is lost is not for want of time."""

    class Images(web.Handler):
        def do_GET(self) -> None:
            self.send_images(self.images())

        def images(self) -> Iterator[bytes]:
            for number in range(100_000):
                image = np.full((48, 64, 3), 100 + number % 100, np.uint8)
                time.sleep(1 / RATE_HZ)  # none catches up
                yield cv2.imencode(".jpg", image)[1].tobytes()

    with web.serving(Images) as address:
        yield f"{address}/video.mjpg"


def records(folder: Path) -> list[dict]:
    text = (folder / "out.jsonl").read_text() if (folder / "out.jsonl").exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def decisions(folder: Path) -> list[dict]:
    return [record for record in records(folder) if "tasks" in record]


def steps(folder: Path) -> list[str]:
    return [record["update"] for record in records(folder) if "update" in record]


def heard(folder: Path) -> str:
    """The version that answers now."""
    count = len(decisions(folder))
    wait_for(lambda: len(decisions(folder)) > count + 3)
    newest = decisions(folder)[-1]["bundle_sha256"]
    paths = {"1": folder / "door.edge", "2": folder / "sent" / "door.edge"}
    return next(name for name, path in paths.items() if open_bundle(path).sha256 == newest)


def update(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command in this process: only what it talks to need be another."""
    words = ["update", *arguments, "--config", "run.toml"]
    done = CliRunner().invoke(main, words)
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def test_a_newer_version_takes_over_without_a_lost_frame(folder: Path, start: Start) -> None:
    """And an event that goes on is not cut in two."""
    service = start(ALERT)
    command = [sys.executable, "-m", "edge.cli", "update", "sent/door.edge", "--config", "run.toml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=processes.PATIENCE_S)
    assert done.returncode == 0, (done.stderr, service.lines)
    assert done.stdout.splitlines()[-1] == "update tiny 2: kept"
    assert heard(folder) == "2"
    assert update().stdout == "update tiny 2: kept\n"
    assert service.end(signal.SIGTERM) == 130
    rows = decisions(folder)
    numbers, hashes = [row["frame"] for row in rows], [row["bundle_sha256"] for row in rows]
    order = [r.get("frame", r.get("update")) for r in records(folder)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), order  # none is missing
    assert len(set(hashes)) == 2 and hashes == sorted(hashes, key=hashes.index)
    assert steps(folder) == ["checking", "shadow", "probation", "kept"]
    assert not any(row.get("restart") for row in rows[1:])  # the new window was full already
    events = [(e["event"], e.get("reason")) for e in records(folder) if "event" in e]
    assert [each for each in events if each[0] != "update"] == [
        ("start", None),
        ("end", "run ended"),
    ]
    start()  # the next start runs what was kept
    assert heard(folder) == "2"


def golden_of(bundle: Bundle, **arrays: np.ndarray) -> dict[str, bytes]:
    content = io.BytesIO()
    np.savez(content, **bundle.golden | arrays)
    return {GOLDEN: content.getvalue()}


def sure_of_others(bundle: Bundle) -> dict[str, bytes]:
    """Golden frames that are said to have been decided otherwise, beyond all doubt."""
    others = (bundle.golden["kind"].argmax(axis=1) + 1) % 3
    return golden_of(bundle, kind=np.eye(3, dtype=np.float32)[others])


def test_bad_ones_are_refused_in_one_line(folder: Path, known: Bundle, start: Start) -> None:
    """One after the other, by one run, which goes on with what it has."""
    manifest, bad = known.manifest, folder / "bad" / "door.edge"
    renamed = replace(manifest.tasks[0], labels=(*manifest.tasks[0].labels[:-1], "other"))
    service = start()
    for changes, message in (
        (
            {"members": sure_of_others(known)},
            "refused, door.edge: task kind decides 4 of 4 sure golden decisions differently here",
        ),
        ({"name": "yard"}, "it is called 'yard', and 'tiny' runs: it is another"),
        (
            {"tasks": (renamed, *manifest.tasks[1:])},
            "other than what runs, or with other labels: it is another network",
        ),
        (
            {"members": {each.file: b"\x1c\0\0\0TFL3" + bytes(4096) for each in manifest.parts}},
            "refused",
        ),
    ):
        version_of(known, "2", bad, **changes)
        done = update("bad/door.edge")
        assert done.returncode == 1, (done, service.lines)
        assert message in done.stdout.splitlines()[-1], done.stdout
        assert done.stdout.splitlines()[-1].startswith("update ")
    done = update("door.edge")
    assert done.returncode == 1 and done.stdout.endswith("refused, it runs already\n")
    bad.write_bytes(bad.read_bytes()[:-200])
    done = update("bad/door.edge")
    assert done.returncode == 2 and "is damaged or is no bundle" in done.stderr
    assert heard(folder) == "1" and "shadow" not in steps(folder)
    assert service.process.poll() is None


def test_what_is_too_slow_is_refused(folder: Path, start: Start) -> None:
    start(latency_ms=0.01)
    done = update("sent/door.edge")
    assert done.returncode == 1 and "ms a frame, and 0.0 ms are allowed" in done.stdout
    assert heard(folder) == "1"


@pytest.mark.parametrize(("phase", "after"), [("shadow", "refused"), ("probation", "brought back")])
def test_a_power_cut_in_the_middle_leaves_the_old_one(
    phase: str, after: str, folder: Path, start: Start
) -> None:
    service = start(shadow_s=600 if phase == "shadow" else 0, probation_s=600)
    assert update("sent/door.edge", "--no-wait").stdout == "sent/door.edge: handed over\n"
    wait_for(lambda: phase in steps(folder))
    assert heard(folder) == {"shadow": "1", "probation": "2"}[phase]
    service.end(signal.SIGKILL)
    start()
    assert heard(folder) == "1"
    done = update()
    assert done.returncode == 1
    assert done.stdout.startswith(f"update tiny 2: {after}, the run ended meanwhile")
    assert steps(folder) == [after]
    assert update("sent/door.edge").returncode == 0  # given again, it is kept
    assert heard(folder) == "2"


def test_only_signed_ones_are_taken_and_remembered_once_they_are_kept(
    folder: Path, start: Start
) -> None:
    """So that the way back needs no leave to take an older one."""
    pytest.importorskip("cryptography")  # the extra `signatures`
    from tests.edge.signatures.test_verification import ACME, OTHER, SIGNED_AT, sign, trust

    def remembered() -> str:
        history = json.loads((folder / "state/edge-run/signed-bundles.json").read_text())
        assert {name: each["version"] for name, each in history.items()} == {
            "tiny": history["tiny"]["version"],
            str(folder / "door.edge"): history["tiny"]["version"],
        }
        return history["tiny"]["version"]

    signed = "require_signature = true"
    trust(folder / "config" / "edge", "acme", ACME)
    sign(folder / "door.edge")
    service, sent = start(signed, probation_s=600), folder / "sent" / "door.edge"
    for act, message in (
        (lambda: None, "refused, door.edge is not signed: door.edge.minisig is not there"),
        (lambda: sign(sent, OTHER), "refused, door.edge: it is signed with key 79656B726568746F"),
        (lambda: sign(sent, signed_at=SIGNED_AT - 1), "is older than 1 of 2026-05-01"),
    ):
        act()
        done = update("sent/door.edge")
        assert done.returncode == 1 and message in done.stdout, done
    sign(sent, signed_at=SIGNED_AT + 1)
    assert update("sent/door.edge", "--no-wait").returncode == 0
    wait_for(lambda: "probation" in steps(folder))
    assert heard(folder) == "2" and remembered() == "1"
    service.end(signal.SIGKILL)
    start(signed)
    assert heard(folder) == "1" and remembered() == "1"
    assert update("sent/door.edge").returncode == 0
    assert heard(folder) == "2" and remembered() == "2"


def test_sighup_tries_the_same_file_with_another_content(
    folder: Path, known: Bundle, start: Start
) -> None:
    """And a start does not run what was refused."""
    service = start()
    shutil.copy(folder / "door.edge", folder / "first.edge")
    version_of(
        known,
        "2",
        folder / "door.edge",
        members=sure_of_others(known),
    )
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: steps(folder) == ["checking", "refused"])
    first = open_bundle(folder / "first.edge").sha256
    service.end(signal.SIGTERM)
    service = start()
    assert decisions(folder)[-1]["bundle_sha256"] == first
    shutil.copy(folder / "sent" / "door.edge", folder / "door.edge")
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: steps(folder)[-1:] == ["kept"])
    assert heard(folder) in "12"  # both are that file now
    assert not service.has_said("settings")()


def test_other_settings_end_an_update(folder: Path, start: Start) -> None:
    service = start(shadow_s=600)
    assert update("sent/door.edge", "--no-wait").returncode == 0
    wait_for(lambda: "shadow" in steps(folder))
    text = (folder / "run.toml").read_text()
    (folder / "run.toml").write_text(text.replace("shadow_s = 600", "shadow_s = 0"))
    service.process.send_signal(signal.SIGHUP)
    wait_for(service.has_said("2: refused, the run ended, or has other settings: give it again"))
    assert heard(folder) == "1"
    assert update("sent/door.edge").returncode == 0
    assert heard(folder) == "2"


def test_a_file_that_was_changed_while_nothing_ran_is_tried_first(
    folder: Path, start: Start
) -> None:
    first = open_bundle(folder / "door.edge").sha256
    service = start()
    wait_for(lambda: bool(list((folder / "state/edge-run/updates").glob("*/good"))))
    service.end(signal.SIGTERM)
    shutil.copy(folder / "sent" / "door.edge", folder / "door.edge")
    service = start()
    assert decisions(folder)[0]["bundle_sha256"] == first
    wait_for(lambda: steps(folder) == ["checking", "shadow", "probation", "kept"])
    new = open_bundle(folder / "door.edge").sha256
    wait_for(lambda: decisions(folder)[-1]["bundle_sha256"] == new)


def test_another_network_in_the_settings_takes_the_place_as_ever(
    folder: Path, known: Bundle, start: Start
) -> None:
    """And is the one that later updates are compared with."""
    updates = folder / "state/edge-run/updates"
    first, *others = known.manifest.tasks
    renamed = replace(first, labels=(*first.labels[:-1], "other"))
    service = start()
    wait_for(lambda: bool(list(updates.glob("*/good"))))
    version_of(known, "1", folder / "door.edge", tasks=(renamed, *others))
    service.process.send_signal(signal.SIGHUP)
    wait_for(service.has_said("or with other labels; it is not compared with that"))
    wait_for(service.has_said("settings changed"))
    assert heard(folder) == "1" and not steps(folder)
    done = update("sent/door.edge")
    assert done.returncode == 1 and "or with other labels: it is another network" in done.stdout
    (copy,) = updates.glob("*/good/door.edge")
    wait_for(lambda: open_bundle(copy).sha256 == open_bundle(folder / "door.edge").sha256)


def test_a_file_that_was_copied_by_half_keeps_nothing_from_running(
    folder: Path, start: Start
) -> None:
    service, content = start(), (folder / "door.edge").read_bytes()
    first = open_bundle(folder / "door.edge").sha256
    wait_for(lambda: bool(list((folder / "state/edge-run/updates").glob("*/good"))))
    service.end(signal.SIGKILL)
    (folder / "door.edge").write_bytes(content[: len(content) // 2])
    service = start()
    assert decisions(folder)[-1]["bundle_sha256"] == first
    assert service.has_said("door.edge is damaged or is no bundle")()
    shutil.copy(folder / "sent" / "door.edge", folder / "door.edge")
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: steps(folder)[-1:] == ["kept"])


def test_nobody_takes_what_no_run_waits_for(folder: Path, start: Start) -> None:
    (folder / "run.toml").write_text('bundle = "door.edge"\n')
    for arguments, message in (
        (("sent/door.edge",), "no run by these settings takes updates: write [update] into them"),
        ((), "run.toml: no update was given to a run by these settings"),
        (("run.toml",), "run.toml is no bundle: edge-convert makes one, NAME.edge"),
        (("none.edge",), "File 'none.edge' does not exist."),
    ):
        done = update(*arguments)
        assert done.returncode == 2 and message in done.stderr, done
    service = start()
    with started(folder, "--config", "run.toml", "--quiet") as second:
        assert second.process.wait(processes.PATIENCE_S) == 2
    assert "another process runs by these settings" in second.lines[-1]
    assert service.process.poll() is None
