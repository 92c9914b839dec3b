"""How a bundle comes to a run, what is told of it, and what is done between two frames."""

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.commands import update as command
from edge.updates import changes, slots
from edge.updates.changes import BROUGHT_BACK, CHECKING, KEPT, REFUSED, UpdateChange
from edge.updates.in_loop import Interrupted, LoopThread
from edge.updates.inbox import Inbox
from edge_common import ConfigError, EngineError
from tests.edge.updates.kills import killed_at

CONTENT = b"a bundle" * 100


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    path = tmp_path / "door.edge"
    path.write_bytes(CONTENT)
    path.with_name("door.edge.minisig").write_text("signed")
    return path


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Inbox]:
    """Of a run that goes on."""
    opened = Inbox(tmp_path / "updates")
    with opened.open():
        yield opened


def test_what_is_handed_over_is_there_with_its_signature(sent: Path, box: Inbox) -> None:
    assert box.waiting() is None
    request = box.hand_over(sent, CONTENT)
    assert box.waiting() == request
    assert request.sha256 == hashlib.sha256(box.path(request).read_bytes()).hexdigest()
    assert box.path(request).with_name("door.edge.minisig").read_text() == "signed"
    assert box.path(request).stat().st_mode & 0o777 == 0o644  # its reader is another user
    box.clear()
    assert box.waiting() is None and not list(box.folder.iterdir())


def test_a_request_is_seen_when_all_of_it_is_there(sent: Path, box: Inbox) -> None:
    """Whatever step the power fails at."""
    for step in range(1, 60):
        is_killed = killed_at(step, lambda: box.hand_over(sent, CONTENT))
        if request := box.waiting():
            assert box.path(request).read_bytes() == CONTENT
            assert box.path(request).with_name("door.edge.minisig").read_text() == "signed"
            box.clear()
        if not is_killed:
            break
    assert 5 < step < 59


def test_one_at_a_time(sent: Path, box: Inbox) -> None:
    box.hand_over(sent, CONTENT)
    with pytest.raises(ConfigError, match="another update goes on"):
        box.hand_over(sent, CONTENT)
    box.clear()
    changes.write_status(box.updates, UpdateChange(CHECKING, "1", "door.edge", ""))
    with pytest.raises(ConfigError, match="another update goes on"):
        box.hand_over(sent, CONTENT)
    changes.write_status(box.updates, UpdateChange(KEPT, "1", "door.edge", ""))
    assert box.hand_over(sent, CONTENT) == box.waiting()


@pytest.mark.parametrize("file", ["../door.edge", "/etc/passwd", "", "a/b"])
def test_a_request_for_another_place_is_none(file: str, box: Inbox) -> None:
    fields = {"identity": "1", "file": file, "sha256": ""}
    (box.folder / "request.json").write_text(json.dumps(fields))
    assert box.waiting() is None


def test_no_run_no_update(sent: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no run by these settings takes updates: write \[update\]"
    ):
        Inbox(tmp_path / "none").hand_over(sent, CONTENT)
    assert not (tmp_path / "none").exists()
    ended = Inbox(tmp_path / "ended")
    with ended.open(), pytest.raises(BlockingIOError), ended.open():
        raise AssertionError("two runs took what comes")
    for leaves_lock in (False, True):
        if leaves_lock:
            (ended.updates / ".run.lock").touch()  # as a killed process does
        with pytest.raises(ConfigError, match="no run by these settings goes on: start it first"):
            ended.hand_over(sent, CONTENT)
    assert not list(ended.folder.iterdir())


def test_whoever_waits_hears_that_nothing_more_comes(
    sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_PATIENCE_S", 0.0)
    box = Inbox(tmp_path / "updates")
    with box.open():
        request = box.hand_over(sent, CONTENT)
        with pytest.raises(ConfigError, match="no run took it within 0 s: is it stuck"):
            command._follow(box, request, False)
        assert box.waiting() is None
        request = box.hand_over(sent, CONTENT)
        begun = UpdateChange("", request.identity, "door.edge", request.sha256)
        changes.write_status(box.updates, begun.to(KEPT))
        assert command._follow(box, request, True) == 0
        changes.write_status(box.updates, begun.to(REFUSED, "it is too slow"))
        assert command._follow(box, request, False) == 1
    changes.write_status(box.updates, begun.to(CHECKING))
    with pytest.raises(ConfigError, match="the run ended in the middle: its next start says"):
        command._follow(box, request, False)
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[0])["update"] == "kept"
    assert lines[1:] == ["update door.edge: refused, it is too slow", "update door.edge: checking"]


def test_who_asks_hears_of_the_newest_update_and_of_what_was_kept(
    sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle that was loaded without an update is copied, too."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = tmp_path / "run.toml"
    settings.touch()
    folder, sha256 = slots.folder_for(settings), hashlib.sha256(CONTENT).hexdigest()
    ask = ["--config", str(settings)]
    asked = CliRunner().invoke(command.update, ask)
    assert asked.exit_code == 2 and "no update was given to a run" in asked.output
    kept = slots.Slots(folder)
    kept.keep(kept.stage(sent, ""))
    asked = CliRunner().invoke(command.update, ask)
    assert (asked.exit_code, asked.output) == (0, "door.edge runs; no update was given to it\n")
    asked = CliRunner().invoke(command.update, [*ask, "--json"])
    assert json.loads(asked.output) == {"kept_sha256": sha256}
    changes.write_status(folder, UpdateChange("", "1", "new.edge", "ab").to(REFUSED, "slow"))
    asked = CliRunner().invoke(command.update, [*ask, "--json"])
    fields = json.loads(asked.output)
    assert asked.exit_code == 1 and fields["update"] == "refused" and fields["sha256"] == "ab"
    assert fields["kept_sha256"] == sha256


def test_a_step_is_told_in_promised_fields() -> None:
    begun = UpdateChange("", "4f2a", "door.edge", "ab" * 32, "door", "2")
    change = begun.to(REFUSED, "it is\ntoo \x1b[31m slow")
    assert str(change) == "update door 2: refused, it is too ?[31m slow"
    assert change.has_failed and change.is_over
    fields = change.to_json()
    assert next(iter(fields)) == "update"  # by which readers of JSON lines know it
    assert fields.pop("at")[:2] == "20"
    assert fields == {
        "update": "refused",
        "request": "4f2a",
        "file": "door.edge",
        "sha256": "ab" * 32,
        "bundle": "door",
        "version": "2",
        "reason": "it is too ?[31m slow",
    }
    assert str(UpdateChange(CHECKING, "", "door.edge", "")) == "update door.edge: checking"


def test_a_status_is_whole_whenever_the_process_is_killed(tmp_path: Path) -> None:
    old, new = (UpdateChange(state, "1", "door.edge", "ab") for state in (CHECKING, KEPT))
    for step in range(1, 20):
        changes.write_status(tmp_path, old)
        is_killed = killed_at(step, lambda: changes.write_status(tmp_path, new))
        assert changes.read_status(tmp_path) in ((old, new) if is_killed else (new,))
        if not is_killed:
            break
    changes.remove_partial(tmp_path)
    assert 1 < step < 19 and [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_file_of_the_settings_that_failed_is_remembered_by_later_updates() -> None:
    base = UpdateChange("", "", "door.edge", "bad")
    failed = base.to(CHECKING).to(BROUGHT_BACK, "NaN")
    assert failed.refused_base == "bad"
    later = UpdateChange("", "1", "door.edge", "other", refused_base=failed.refused_base)
    assert later.to(REFUSED, "slow").refused_base == later.to(KEPT).refused_base == "bad"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def in_thread(work: "object") -> tuple[threading.Thread, list]:
    """What it gives or raises, once it has ended."""
    results: list = []

    def run() -> None:
        try:
            results.append(work())  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


def turn_until_over(loop: LoopThread, thread: threading.Thread, clock: Clock) -> None:
    for _ in range(10_000):
        clock.now += 0.25
        loop.on_turn()
        thread.join(0.001)
        if not thread.is_alive():
            return
    raise AssertionError("it never ended")


def test_calls_are_made_in_the_loop_s_thread() -> None:
    clock = Clock()
    loop, threads = LoopThread(clock), list[int]()
    loop.follow("run")
    thread, results = in_thread(
        lambda: loop.call("run", lambda: threads.append(threading.get_ident()))
    )
    turn_until_over(loop, thread, clock)
    assert threads == [threading.get_ident()] and results == [None]


def test_an_error_there_is_raised_here_and_a_run_that_ended_is_left_alone() -> None:
    clock = Clock()
    loop, calls = LoopThread(clock), list[int]()
    loop.follow("run")

    def fail() -> None:
        raise EngineError("no such part")

    thread, results = in_thread(lambda: loop.call("run", fail))
    turn_until_over(loop, thread, clock)
    assert str(results[0]) == "no such part"
    loop.follow("another run")
    thread, results = in_thread(lambda: loop.call("run", lambda: calls.append(1)))
    thread.join(5.0)
    loop.on_turn()
    assert isinstance(results[0], Interrupted) and not calls
    loop.close()
    thread, results = in_thread(lambda: loop.watch("another run", lambda s: None, bool, bool))
    thread.join(5.0)
    assert isinstance(results[0], Interrupted)


def test_a_watch_looks_once_a_second_or_at_once_and_undoes_before_the_next_frame() -> None:
    clock = Clock()
    loop, seen, undone, has_failed = LoopThread(clock), list[float](), list[float](), list[int]()
    loop.follow("run")

    def problem_of(passed_s: float) -> str | None:
        seen.append(passed_s)
        return "it failed" if has_failed else "late" if passed_s > 50 else None

    thread, results = in_thread(
        lambda: loop.watch(
            "run", problem_of, lambda: bool(has_failed), lambda: undone.append(clock.now)
        )
    )
    while not seen:
        clock.now += 0.25
        loop.on_turn()
    begun, clock.now = len(seen), clock.now + 0.5
    loop.on_turn()
    assert len(seen) == begun
    has_failed.append(1)
    loop.on_turn()
    assert undone == [clock.now] and len(seen) == begun + 1
    loop.on_turn()  # once is enough
    thread.join(5.0)
    assert results == ["it failed"] and undone == [clock.now]
