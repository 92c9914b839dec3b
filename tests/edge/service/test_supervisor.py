"""What is told to systemd, and when: not once more than a run gives signs of life."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from edge.service import supervisor as notify
from edge.service.supervisor import Life, Liveness, Supervisor
from edge.sources import Source
from edge.summary import RunSummary, SourceSummary
from tests.edge.service.processes import SETTINGS, Manager, camera, started, wait_for


class Yard(Source):
    """A live source that says of itself what a test wants."""

    live = True

    def __init__(self) -> None:
        super().__init__("yard")
        self.silence = self.gap = 0.0

    def silence_s(self) -> float:
        return self.silence

    def gap_s(self) -> float:
        return self.gap

    def stall_after_s(self) -> float:
        return 2.0

    def __iter__(self) -> Iterator[object]:  # type: ignore[override]
        return iter(())


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def run() -> tuple[RunSummary, Yard]:
    yard = Yard()
    return RunSummary("b", [SourceSummary(yard)], "litert"), yard


def test_a_loop_that_turns_lives_and_one_that_hangs_does_not(clock, run) -> None:
    summary, yard = run
    liveness = Liveness(15.0, clock)
    liveness.follow(summary)
    for _ in range(20):
        clock.now += 10
        summary.turns += 1
        assert liveness.progress() == Life("", has_begun=False)
    clock.now += 15
    assert not liveness.progress().problem
    clock.now += 1
    yard.gap = 60.0  # also if its source says that it has nothing
    assert liveness.progress() == Life("no turn of the loop for 16 s", has_begun=True)
    summary.turns += 1
    assert not liveness.progress().problem


def test_a_silence_must_be_announced(clock, run) -> None:
    summary, yard = run
    liveness = Liveness(15.0, clock)
    liveness.follow(summary)
    summary.sources[0].frames = summary.turns = 1
    yard.silence = 12.0
    assert liveness.progress() == Life("", has_begun=True)
    yard.silence = 12.1
    assert liveness.progress().problem == "yard: no frame for 12 s, and nothing tries to get one"
    yard.gap = 12.1
    assert not liveness.progress().problem


def test_opening_and_closing_may_take_a_while_and_no_longer(clock, run) -> None:
    summary, _ = run
    liveness = Liveness(15.0, clock)
    liveness.follow(None)
    clock.now += 90
    assert liveness.progress() == Life("", has_begun=False)
    clock.now += 1
    assert liveness.progress().problem == "opening or closing takes longer than 90 s"
    liveness.follow(summary)
    summary.sources[0].ended = True
    clock.now += 90
    assert not liveness.progress().problem


@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_speaks_to_sockets_at_paths_and_abstract_ones(tmp_path: Path, is_abstract: bool) -> None:
    address = f"{'@' if is_abstract else ''}{tmp_path}/notify"
    manager = Manager(address)
    notifier = notify.from_environment({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"})
    assert notifier and notifier.watchdog_s == 30.0
    with notifier:
        notifier.send(notify.READY, notify.status_of("two\nlines"))
    assert manager.receive() == ("READY=1", "STATUS=two lines")


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "many"}, 0.0),
        ({}, 0.0),
    ],
)
def test_a_watchdog_of_another_process_is_not_ours(environment, watchdog_s) -> None:
    notifier = notify.from_environment({"NOTIFY_SOCKET": "/nowhere", **environment})
    assert notifier and notifier.watchdog_s == watchdog_s
    with notifier:
        notifier.send(notify.READY)  # nobody listens, and nothing happens


@pytest.mark.parametrize("address", [None, "", "relative", "vsock:2:1234"])
def test_without_a_manager_nothing_is_told(address: str | None) -> None:
    environment = {} if address is None else {"NOTIFY_SOCKET": address}
    assert notify.from_environment(environment) is None


STEPS = st.lists(
    st.sampled_from(["turn", "wait", "reload", "keep", "say", "change", "frame", "look"])
)


@given(STEPS)
def test_laws_of_what_is_sent(steps: list[str]) -> None:
    """READY follows each RELOADING once at most; none before a frame; no sign while nothing turns."""
    clock, states = Clock(), list[str]()

    class Log(notify.Notifier):
        def send(self, *news: str) -> None:
            states.extend(news)

    summary = RunSummary("b", [SourceSummary(Yard())], "litert")
    with Log("/nowhere", 30.0) as log:
        supervisor = Supervisor(log, Liveness(15.0, clock))
        supervisor.follow(summary, lambda: "fine")
        turned_at = clock.now
        for step in steps:
            if step == "turn":
                summary.turns, turned_at = summary.turns + 1, clock.now
            elif step == "frame":
                summary.sources[0].frames += 1
            elif step == "wait":
                clock.now += 10
            elif step == "keep":
                supervisor.keep("a problem")
            elif step == "say":
                supervisor.say("update door 2: refused")
            elif step == "change":
                supervisor.change()
                supervisor.follow(summary, lambda: "fine")
                turned_at = clock.now
            else:
                states.clear()
                getattr(supervisor, step)()
                if step == "look" and "WATCHDOG=1" in states:
                    assert clock.now - turned_at <= 45
                if step == "look" and summary.frames == 0:
                    assert notify.READY not in states
        supervisor.stop()
        supervisor.look()
        assert states[-2:] == ["STOPPING=1", "STATUS=completing the outputs"]


def test_a_refusal_is_answered_at_once(tmp_path: Path, run) -> None:
    """`systemctl reload` waits for it, also if the next look is ten seconds away."""
    summary, _ = run
    summary.sources[0].frames = 1
    manager = Manager(f"{tmp_path}/notify")
    with Supervisor(notify.Notifier(manager.address)).start() as supervisor:
        supervisor.follow(summary, lambda: "fine")
        manager.expect("READY=1")
        assert supervisor.interval_s == 10.0
        supervisor.reload()
        began = time.monotonic()
        supervisor.keep("line 3: no such task")
        manager.expect("READY=1")
        assert time.monotonic() - began < 5.0
        assert "STATUS=settings not changed: line 3: no such task; fine" in manager.states[-1]
    assert manager.expect("STOPPING=1")


def test_a_camera_that_comes_later_holds_no_service_back(tmp_path: Path) -> None:
    """As one on the network that starts more slowly than this machine does."""
    pytest.importorskip("msgspec")  # the extra `config`
    manager, absent = Manager(f"@{tmp_path}/notify"), "http://127.0.0.1:9/video.mjpg"
    with camera() as yard:
        settings = SETTINGS.format(url=yard.url, name="a")
        (tmp_path / "run.toml").write_text(f'{settings}\n[[camera]]\nsource = "{absent}"\n')
        watchdog = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "4000000"}
        with started(tmp_path, "--config", "run.toml", **watchdog) as service:
            manager.expect("READY=1")
            wait_for(service.has_said("Connection refused"))
            wait_for(service.has_said("waiting for it"))
            wait_for(lambda: '"tasks"' in (tmp_path / "a.jsonl").read_text())
            assert manager.watchdogs(4.0) >= 2
            assert service.process.poll() is None
            assert "no frame for" in manager.expect("STATUS=.*")
        alone = started(tmp_path, "--config", "run.toml", "--no-wait-for-camera", **watchdog)
        with alone as service:
            assert service.process.wait(60) == 2
            assert service.has_said(f"{absent} gives no picture")()


def test_a_camera_that_is_gone_and_says_so_is_no_hung_service(tmp_path: Path) -> None:
    pytest.importorskip("msgspec")  # the extra `config`
    manager = Manager(f"@{tmp_path}/notify")
    with camera() as yard:
        (tmp_path / "run.toml").write_text(SETTINGS.format(url=yard.url, name="a"))
        watchdog = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "4000000"}
        with started(tmp_path, "--config", "run.toml", **watchdog) as service:
            manager.expect("READY=1")
            manager.expect("WATCHDOG=1")
            yard.is_silent.set()
            manager.expect("STATUS=.*no frame for .*")
            assert manager.watchdogs(4.0) >= 2
            assert service.process.poll() is None
