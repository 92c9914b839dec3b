"""What another thread wants done, or looked at, between two frames of a run."""

import queue
import threading
import time
from collections.abc import Callable

from edge_common import EdgeError

_LOOK_S, _PATIENCE_S = 1.0, 0.2


class Interrupted(EdgeError):
    """The run ended, or another one by other settings has begun."""


class LoopThread:
    """The loop of one run after the other, as the thread of updates sees it.

    run: that goes on; None: none does.  run_s: seconds that it goes on for.
    clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.run: object = None
        self._clock, self._since_s, self._looked_s = clock, clock(), clock()
        self._calls = queue.SimpleQueue[Callable[[], object]]()
        self._look: Callable[[], object] | None = None
        self._is_urgent: Callable[[], bool] = lambda: False
        self._is_closed = False

    @property
    def run_s(self) -> float:
        return self._clock() - self._since_s

    def follow(self, run: object) -> None:
        """This one begins; None: one ends. Whoever waits for another one is interrupted."""
        self.run, self._since_s, self._look = run, self._clock(), None

    def close(self) -> None:
        """Whoever waits is interrupted."""
        self._is_closed = True

    def on_turn(self) -> None:
        """In the loop's thread, between two frames."""
        while not self._calls.empty():
            self._calls.get()()
        now_s, look = self._clock(), self._look
        if look and (now_s - self._looked_s >= _LOOK_S or self._is_urgent()):
            self._looked_s = now_s
            look()

    def call(self, run: object, work: Callable[[], object]) -> None:
        """Let it be done there, and wait for that. Raises what it raises, Interrupted if the run ends."""
        done, errors = threading.Event(), list[EdgeError]()

        def work_there() -> None:
            try:
                if self.run is run:
                    work()
            except EdgeError as error:
                errors.append(error)
            done.set()

        self._calls.put(work_there)
        self._wait(run, done)
        if errors:
            raise errors[0]

    def watch(
        self,
        run: object,
        problem_of: Callable[[float], str | None],
        is_urgent: Callable[[], bool],
        on_problem: Callable[[], object],
    ) -> str:
        """Ask there about once a second, until the answer is not None; that one.

        problem_of: takes the seconds that passed; "" is no problem.  is_urgent: whether to ask at once.
        on_problem: called there, before the next frame. Raises Interrupted if the run ends.
        """
        began_s, is_over, problems = self._clock(), threading.Event(), list[str]()

        def look() -> None:
            problem = problem_of(self._clock() - began_s)
            if problem is None or is_over.is_set():
                return
            if problem:
                on_problem()
            problems.append(problem)
            is_over.set()

        self._is_urgent, self._look = is_urgent, look
        try:
            self._wait(run, is_over)
        finally:
            self._look = None
        return problems[0]

    def _wait(self, run: object, event: threading.Event) -> None:
        while not event.wait(_PATIENCE_S):
            if self.run is not run or self._is_closed:
                raise Interrupted("the run ended, or has other settings: give it again")
