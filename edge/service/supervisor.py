"""What tells systemd how a run goes by sd_notify(3): ready, alive, its status, reloading, stopping."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge import health
from edge.summary import RunSummary
from edge_common import Closable, console

READY, STOPPING, WATCHDOG = "READY=1", "STOPPING=1", "WATCHDOG=1"
_LONGEST_STATUS = 400  # characters: `systemctl status` shows one line


def reloading_now() -> str:
    """That settings are read again, with the time that systemd wants with it."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def status_of(text: str) -> str:
    """One line for `systemctl status`."""
    return f"STATUS={console.visible(' '.join(text.split()))[:_LONGEST_STATUS]}"


class Notifier(Closable):
    """Sends to `$NOTIFY_SOCKET`: a path, or with a leading @ a name in the abstract namespace.

    watchdog_s: within which a WATCHDOG=1 is expected of this process; 0: none is.
    A manager that does not listen loses what is sent, and no run.
    """

    def __init__(self, address: str, watchdog_s: float = 0.0) -> None:
        self.watchdog_s = watchdog_s
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def send(self, *states: str) -> None:
        """All of them in one datagram."""
        with contextlib.suppress(OSError):
            self._socket.sendto("\n".join(states).encode(errors="replace"), self._address)

    def close(self) -> None:
        self._socket.close()


def from_environment(environment: Mapping[str, str] = os.environ) -> Notifier | None:
    """None if no manager waits for a word of this process."""
    address = environment.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return None
    is_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    interval_us = environment.get("WATCHDOG_USEC", "")
    has_watchdog = is_for_us and interval_us.isascii() and interval_us.isdecimal()
    return Notifier(address, int(interval_us) / 1e6 if has_watchdog else 0.0)


OPENING_S = 90.0  # for bundles and sources to be opened, and for outputs to be completed


@dataclass(frozen=True)
class Life:
    """What is known of a run at one time.

    problem: why it does not go on; "": it does.  has_begun: a frame came, or a gap was announced.
    """

    problem: str = ""
    has_begun: bool = False


class Liveness:
    """Looks at a run from outside, now and then.

    patience_s: how long the loop may take for one turn, which without frames takes a second.
    clock: monotonic seconds.
    """

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s, self._clock = patience_s, clock
        self._summary: RunSummary | None = None
        self._turns, self._since = 0, clock()

    def follow(self, summary: RunSummary | None) -> None:
        """A run begins; None: one ends, or is being opened, which may take `OPENING_S`."""
        self._summary, self._turns, self._since = summary, 0, self._clock()

    def progress(self) -> Life:
        """Since it was asked before."""
        now, summary = self._clock(), self._summary
        if summary is not None and summary.turns != self._turns:
            self._turns, self._since = summary.turns, now
        waited_s = now - self._since
        if summary is None or health.has_ended(summary):
            late = waited_s > OPENING_S
            return Life(f"opening or closing takes longer than {OPENING_S:g} s" if late else "")
        text, source = health.trouble(summary, waited_s, self._patience_s)
        return Life(f"{source}: {text}" if source else text, health.has_begun(summary))


_UNTIL_READY_S, _USUAL_S = 0.1, 10.0
_SIGNS = 4  # of life, in the time within which one is expected
_DEFAULT_PATIENCE_S = 15.0  # if nobody expects any


class Supervisor(Closable):
    """A thread that sends signs of life as long as the run gives them.

    It costs a run nothing: it reads a summary every few seconds. A loop that hangs, also in native
    code that holds Python's lock, gives no sign, and systemd ends and restarts the service.
    """

    def __init__(self, notifier: Notifier, liveness: Liveness | None = None) -> None:
        self._notifier = notifier
        patience_s = notifier.watchdog_s / 2 or _DEFAULT_PATIENCE_S
        self._liveness = liveness or Liveness(patience_s)
        self._status: Callable[[], str] = lambda: "opening"
        self._is_ready = self._is_reading = self._is_stopping = False
        self._problem = self._remark = ""
        self._lock, self._news = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="supervisor", daemon=True)

    @property
    def interval_s(self) -> float:
        """Between two looks."""
        if not self._is_ready:
            return _UNTIL_READY_S
        return min(self._notifier.watchdog_s / _SIGNS or _USUAL_S, _USUAL_S)

    def start(self) -> "Supervisor":
        self._thread.start()
        return self

    def follow(self, summary: RunSummary, status: Callable[[], str]) -> None:
        """This run begins.  status: how it goes, in a line."""
        with self._lock:
            self._status = status
            self._liveness.follow(summary)

    def reload(self) -> None:
        """Settings are read again."""
        with self._lock:
            self._is_ready, self._is_reading = False, True
            self._notifier.send(reloading_now(), status_of("reading the settings again"))

    def keep(self, problem: str) -> None:
        """The new settings do not hold, those from before do.  problem: ""; they are the same."""
        with self._lock:
            self._is_reading = False
        self.say(f"settings not changed: {problem}" if problem else "")

    def say(self, remark: str) -> None:
        """In front of how it goes, from now on."""
        with self._lock:
            self._remark = remark
            self._news.set()

    def change(self) -> None:
        """The run ends, as another one takes its place."""
        with self._lock:
            self._is_reading, self._remark = False, ""
            self._status = lambda: "opening"
            self._liveness.follow(None)
            self._news.set()

    def stop(self) -> None:
        """The run ends, and no other one comes."""
        with self._lock:
            self._is_stopping = True
            self._notifier.send(STOPPING, status_of("completing the outputs"))

    @contextlib.contextmanager
    def by_signal(self) -> Iterator[None]:
        """In this block SIGTERM stops it as well, as outputs may take a while to be completed."""
        before = signal.getsignal(signal.SIGTERM)

        def stop(number: int, stack: Any) -> None:
            # in a thread, since the main one may hold the lock in which it was interrupted
            threading.Thread(target=self.stop, daemon=True).start()
            if callable(before):
                before(number, stack)

        signal.signal(signal.SIGTERM, stop)
        yield

    def close(self) -> None:
        if not self._is_stopping:
            self.stop()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()
        self._notifier.close()

    def look(self) -> None:
        """Send what is to be said of the run by now."""
        with self._lock:
            if self._is_stopping:
                return
            progress, states = self._liveness.progress(), list[str]()
            if progress.has_begun and not (self._is_ready or self._is_reading):
                self._is_ready = True
                states.append(READY)
            if not progress.problem:
                states.append(WATCHDOG)
            elif progress.problem != self._problem:
                console.note(f"{progress.problem}: no sign of life is sent any more", console.ERROR)
            self._problem = progress.problem
            texts = (self._remark, self._problem or self._status())
            self._notifier.send(*states, status_of("; ".join(filter(None, texts))))

    def _work(self) -> None:
        while not self._is_stopping:
            self._news.wait(self.interval_s)
            self._news.clear()
            self.look()
