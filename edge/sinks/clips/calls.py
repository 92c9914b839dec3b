"""Calls of what makes clips, in a process of its own: how they wait, and how they come there."""

import pickle
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable

from edge.sinks.clips.files import EventClipFiles
from edge_common import Closable, SinkError, children

_END_S = 5.0


class CallThread:
    """Makes the calls that are put into it, and keeps the first error until it is asked.

    most_bytes: of what waits.  waits: whether `has_room` waits for it.  One thread puts, asks and closes.
    """

    def __init__(self, name: str, waits: bool, most_bytes: int = 128 << 20) -> None:
        self._waits, self._most_bytes = waits, most_bytes
        self._calls: deque[tuple[Callable[[], None], int]] = deque()
        self._bytes, self._finished = 0, 0
        self._changed, self._closing, self._has_ended = threading.Condition(), False, False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def has_room(self, size: int) -> bool:
        """For so many bytes more; for whatever, if nothing waits."""
        with self._changed:
            if self._waits:
                self._changed.wait_for(lambda: self._fits(size) or self._has_ended)
            return self._fits(size)

    def _fits(self, size: int) -> bool:
        return not self._bytes or self._bytes + size <= self._most_bytes

    def put(self, call: Callable[[], None], size: int = 0) -> None:
        """call: may raise SinkError, which `check` raises then.  size: bytes that it holds."""
        with self._changed:
            self._calls.append((call, size))
            self._bytes += size
            self._changed.notify_all()

    def check(self) -> None:
        """Raise what a call raised, once."""
        error, self._error = self._error, None
        if error:
            raise error
        if self._has_ended and not self._closing:
            raise SinkError(f"{self._thread.name} ended by the error above")

    def close(self, drain_s: float) -> bool:
        """Whether all is done: in this time, or with `waits` as long as something gets done in it."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        finished = -1
        while self._thread.is_alive() and finished != self._finished:
            finished = self._finished
            self._thread.join(drain_s)
            if not self._waits:
                break
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while self._call_next():
                pass
        finally:
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _call_next(self) -> bool:
        """Whether to go on."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._calls) or self._closing)
            if not self._calls:
                return False
            call, size = self._calls.popleft()
        try:
            call()
        except SinkError as error:
            self._error = self._error or error
        with self._changed:
            self._bytes -= size
            self._finished += 1
            self._changed.notify_all()
        return True


class MakerProcess(Closable):
    """A ClipMaker in a process of its own, which begins with the first call, and again if it crashed."""

    def __init__(self, folder: EventClipFiles, covers_faces: bool = False) -> None:
        self._settings = folder, covers_faces
        self._is_idle, self._is_closed = True, False
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, method: str, *arguments: object) -> None:
        """One of ClipMaker, with picklable arguments, to its end. Raises SinkError."""
        if self._is_closed:
            raise SinkError("the run ended before the clip was made")
        process = self._process = self._process or self._start()
        assert process.stdin and process.stdout
        self._is_idle = False
        try:
            pickle.dump((method, arguments), process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            problem = pickle.load(process.stdout)
            self._is_idle = True
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            code, self._process = process.wait(), None
            reason = children.signal_name(-code) if code < 0 else f"code {code}"
            raise SinkError(f"the process that makes clips ended ({reason})") from error
        if problem:
            raise SinkError(problem)

    def _start(self) -> "subprocess.Popen[bytes]":
        settings = pickle.dumps(self._settings).hex()
        command = children.module_command("edge.sinks.clips.maker", settings)
        try:  # in a session of its own, as Ctrl-C is for the runner
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            raise SinkError(f"{command[0]} cannot be started: {error.strerror}") from error

    def close(self) -> None:
        """From any thread; a clip that it is at is given up."""
        is_idle = self._is_idle
        self._is_closed = True
        process, self._process = self._process, None
        if process and process.stdin and process.stdout:
            if is_idle:
                process.stdin.close()
            else:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
