"""A real edge-run under a manager of ours: ready, alive, new settings at SIGHUP, and the end."""

import io
import json
import os
import pty
import re
import shutil
import signal
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import GOLDEN, open_bundle, write_bundle
from edge.commands.one_run import RunRequest
from edge.commands.reload import Reload
from edge.shipped import find_bundle
from edge_common import ConfigError
from tests.edge.service.processes import SETTINGS, Manager, camera, started, wait_for

pytest.importorskip("msgspec")  # the extra `config`


def test_settings_change_while_it_runs(tmp_path: Path) -> None:
    """Another alert, then a file that is none, then a camera that is not there, and SIGTERM."""
    file, manager = tmp_path / "run.toml", Manager(f"{tmp_path}/notify")
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with camera() as yard:
        good = SETTINGS.format(url=yard.url, name="first")
        file.write_text(good)
        with started(tmp_path, "--config", "run.toml", NOTIFY_SOCKET=manager.address) as service:

            def hang_up() -> None:
                service.process.send_signal(signal.SIGHUP)
                manager.expect("RELOADING=1")
                assert any(re.fullmatch(r"MONOTONIC_USEC=\d+", s) for s in manager.states[-1])
                manager.expect("READY=1")

            manager.expect("READY=1")
            wait_for(lambda: "start" in phases(first))
            file.write_text(SETTINGS.format(url=yard.url, name="second"))
            hang_up()
            wait_for(lambda: "start" in phases(second))
            file.write_text("bundle = [")
            hang_up()
            manager.expect("STATUS=settings not changed: run.toml.*")
            file.write_text(good.replace(yard.url, "http://127.0.0.1:9/none.mjpg"))
            hang_up()
            wait_for(service.has_said("settings not changed: http"))
            file.write_text(good.replace("first.jsonl", "none/first.jsonl"))
            hang_up()
            wait_for(service.has_said("settings not changed: none/first.jsonl cannot be written"))
            assert phases(second) == ["start"] and not ends(second)
            assert not runs(second)  # which says that another one goes on in this file
            assert service.end(signal.SIGTERM) == 130
            manager.expect("STOPPING=1")
    assert [line.split(" gives")[0].split(" Invalid")[0].strip() for line in service.lines] == [
        "settings changed",
        "settings not changed: run.toml: is not TOML:",
        "settings not changed: http://127.0.0.1:9/none.mjpg",
        "settings not changed: none/first.jsonl cannot be written: give another path for jsonl",
        "Interrupted.",
    ]
    assert ends(first) == ["settings changed"]
    assert ends(second) == ["run ended"]


def test_settings_that_no_frame_fits_leave_those_before(tmp_path: Path) -> None:
    """A zone outside of the frames is found out by the first of them."""
    file, lines = tmp_path / "run.toml", tmp_path / "first.jsonl"
    with camera() as yard:
        good = 'detector = "face-finder"\n' + SETTINGS.format(url=yard.url, name="first")
        good = good.partition("[[alert]]")[0].replace('rate = "all"\n', "")
        file.write_text(good)
        with started(tmp_path, "--config", "run.toml", "--quiet") as service:
            wait_for(lambda: lines.exists())
            points = "[[0, 0], [900, 0], [900, 300]]"
            file.write_text(f'{good}\n[[zone]]\nname = "desk"\npoints = {points}\n')
            service.process.send_signal(signal.SIGHUP)
            wait_for(service.has_said("settings not changed: the corner 900,0 of a zone"))
            assert service.process.poll() is None
            file.write_text(good)
            service.process.send_signal(signal.SIGHUP)
            wait_for(lambda: service.lines[2:] == ["settings changed\n"])
            assert service.end(signal.SIGTERM) == 130
    assert [line.split(":")[0].strip() for line in service.lines] == [
        "settings changed", "settings not changed", "settings changed", "Interrupted.",
    ]  # fmt: skip


def test_a_new_camera_is_opened_while_the_old_one_is_watched(tmp_path: Path) -> None:
    """And goes on with the connection that it was opened by."""
    paths = list[str]()
    with camera(paths) as yard:
        file = tmp_path / "run.toml"
        file.write_text(SETTINGS.format(url=yard.url, name="first"))
        with started(tmp_path, "--config", "run.toml", "--quiet") as service:
            wait_for(lambda: "start" in phases(tmp_path / "first.jsonl"))
            new_url = yard.url.replace("video", "door")
            file.write_text(SETTINGS.format(url=new_url, name="second"))
            service.process.send_signal(signal.SIGHUP)
            wait_for(lambda: len(decisions(tmp_path / "second.jsonl")) > 60)
            assert service.end(signal.SIGTERM) == 130
    assert service.lines == ["settings changed\n", "Interrupted.\n"]  # no gap
    assert "/door.mjpg" in paths
    assert ends(tmp_path / "first.jsonl") == ["settings changed"]


def test_a_bundle_that_answers_otherwise_than_it_should_does_not_run(tmp_path: Path) -> None:
    """Its golden frames are replayed first, elsewhere, while the one before goes on."""
    known = open_bundle("faces-in-motion")
    golden = io.BytesIO()
    np.savez(golden, **known.golden | {"action": known.golden["action"][:, ::-1]})
    members = {**known.members, GOLDEN: golden.getvalue()}
    write_bundle(tmp_path / "wrong.edge", known.manifest, members)
    with camera() as yard:
        file = tmp_path / "run.toml"
        first = SETTINGS.format(url=yard.url, name="first")
        file.write_text(first)
        with started(tmp_path, "--config", "run.toml", "--quiet") as service:
            wait_for(lambda: bool(decisions(tmp_path / "first.jsonl")))
            file.write_text(first.replace('"faces-in-motion"', '"wrong.edge"'))
            service.process.send_signal(signal.SIGHUP)
            wait_for(service.has_said("settings not changed: wrong.edge: "))
            count = len(decisions(tmp_path / "first.jsonl"))
            wait_for(lambda: len(decisions(tmp_path / "first.jsonl")) > count)
            assert service.end(signal.SIGTERM) == 130
    assert "sure golden decisions differently" in service.lines[0] and len(service.lines) == 2


def test_a_camera_of_both_is_not_opened_again(tmp_path: Path) -> None:
    """Other outputs, and another bundle with frames of the same kind: its frames are counted on."""
    paths = list[str]()
    with camera(paths) as yard:
        file = tmp_path / "run.toml"
        first = SETTINGS.format(url=yard.url, name="first")
        file.write_text(first)
        with started(tmp_path, "--config", "run.toml", "--quiet") as service:
            wait_for(lambda: len(decisions(tmp_path / "first.jsonl")) > 5)
            requests = list(paths)
            shutil.copy(find_bundle("faces-in-motion"), tmp_path / "other.edge")
            second = SETTINGS.format(url=yard.url, name="second")
            file.write_text(second.replace('"faces-in-motion"', '"other.edge"'))
            service.process.send_signal(signal.SIGHUP)
            wait_for(lambda: len(decisions(tmp_path / "second.jsonl")) > 5)
            file.write_text(first.replace('name = "yard"', 'name = "door"'))
            service.process.send_signal(signal.SIGHUP)
            wait_for(
                lambda: any(
                    each["source"] == "door" for each in decisions(tmp_path / "first.jsonl")
                )
            )
            assert service.end(signal.SIGTERM) == 130
    assert paths == requests  # none was made for another run
    last, later = decisions(tmp_path / "first.jsonl"), decisions(tmp_path / "second.jsonl")
    assert {each["source"] for each in later} == {"yard"}
    before = [each["frame"] for each in last if each["source"] == "yard"]
    assert before[-1] < later[0]["first_frame"]  # windows begin anew, numbers go on
    assert later[-1]["frame"] < next(e["first_frame"] for e in last if e["source"] == "door")


def runs(path: Path) -> list[dict]:
    return [record for record in records_of(path) if "run" in record]


def decisions(path: Path) -> list[dict]:
    return [record for record in records_of(path) if "tasks" in record]


def phases(path: Path) -> list[str]:
    return [event["event"] for event in events_of(path)]


def ends(path: Path) -> list[str]:
    return [event["reason"] for event in events_of(path) if event["event"] == "end"]


def events_of(path: Path) -> list[dict]:
    return [record for record in records_of(path) if "event" in record]


def records_of(path: Path) -> list[dict]:
    """Those that are whole by now."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def test_without_a_manager_a_daemon_reads_its_settings_again_too(tmp_path: Path) -> None:
    with camera() as yard:
        (tmp_path / "run.toml").write_text(SETTINGS.format(url=yard.url, name="a"))
        with started(tmp_path, "--config", "run.toml", "--quiet") as service:
            wait_for(lambda: bool(phases(tmp_path / "a.jsonl")))
            (tmp_path / "run.toml").write_text(SETTINGS.format(url=yard.url, name="b"))
            service.process.send_signal(signal.SIGHUP)
            wait_for(lambda: bool(phases(tmp_path / "b.jsonl")))
            assert service.end(signal.SIGTERM) == 130
    assert service.lines == ["settings changed\n", "Interrupted.\n"]


def test_a_closed_terminal_ends_a_run_as_ever(tmp_path: Path) -> None:
    """With a controlling terminal SIGHUP means that it is gone, settings file or not."""
    with camera() as yard:
        (tmp_path / "run.toml").write_text(SETTINGS.format(url=yard.url, name="a"))
        command = f"exec {sys.executable} -m edge.cli --config run.toml --quiet >log 2>&1"
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(tmp_path)
            os.execlp("sh", "sh", "-c", command)
        wait_for(lambda: bool(phases(tmp_path / "a.jsonl")))
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert ends(tmp_path / "a.jsonl") == ["run ended"]


def test_a_request_that_is_refused_leaves_nothing_to_take() -> None:
    def read() -> RunRequest:
        raise ConfigError("run.toml, line 3: there is no label 'x'")

    with closing(Reload(read)) as reload:
        assert reload.try_again() == reload.problem == "run.toml, line 3: there is no label 'x'"
        assert reload.take() is None and reload.end_reason() == ""


def test_its_thread_ends_with_it_and_leaves_nothing_open() -> None:
    """Also if settings are being read just then."""

    class Request:
        is_closed = False

        def close(self) -> None:
            self.is_closed = True

    is_reading, may_end, request = threading.Event(), threading.Event(), Request()
    before = set(threading.enumerate())

    def read() -> Request:
        is_reading.set()
        may_end.wait()
        return request

    reload = Reload(read)
    (thread,) = set(threading.enumerate()) - before
    reload.ask()
    is_reading.wait()
    threading.Timer(0.1, may_end.set).start()
    reload.close()
    thread.join()
    assert request.is_closed and reload.take() is None
