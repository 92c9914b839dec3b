"""A board that is too hot: fewer decisions of live sources until it has cooled down.

The board says itself that it slows down (a Raspberry Pi's firmware, a cooling driver of Linux), or it is
hotter than its user wants. A thread looks each second; frames and outputs wait for nothing.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from edge import events, stream
from edge_common import Closable, console
from edge_devices.telemetry import clocks, temperature

FACTORS = (1, 2, 4, 8)  # by which less is decided
STEP_S, CALM_S = 10.0, 60.0  # from one step to the next, and of calm before one back
HYSTERESIS_C = 5.0
NEVER = 0.0
_MOST_NEWS = 64
_LOOK_S, _MOST_SHARE = 1.0, 0.01  # between two looks, and of the time, that looking may take


@dataclass(frozen=True)
class BoardHeat:
    """One look at a board.  reasons: why it is slowed down, in words; none: it is not.

    temperature_c: of the processor, degrees Celsius; None: not told.
    """

    reasons: tuple[str, ...] = ()
    temperature_c: float | None = None


def read_heat(
    root: Path = Path("/"), vcgencmd: temperature.Vcgencmd = temperature.run_vcgencmd
) -> BoardHeat:
    """What firmware and cooling drivers say now.  root: of kernel files."""
    throttling = temperature.read_throttling(root, vcgencmd)
    reasons = throttling.now if throttling else ()
    if not reasons and (cooling := clocks.read_cooling(root)):
        reasons = tuple(f"{each.name} {each.state}" for each in cooling)
    return BoardHeat(reasons, temperature.read_temperature_c(root))


class HeatPolicy:
    """Which factor holds, look by look.  limit_c: hot from there on, too; None: if the board says so.

    One step up at once and each 10 s that it stays hot; one down behind each minute in which it was
    never hot, and 5 degrees below the limit. What nobody can tell is not hot.
    """

    def __init__(self, limit_c: float | None = None) -> None:
        self._limit_c, self._step = limit_c, 0
        self._changed_s, self._calm_since_s = -math.inf, math.inf

    @property
    def factor(self) -> int:
        return FACTORS[self._step]

    def is_hot(self, heat: BoardHeat) -> bool:
        return bool(heat.reasons) or self._is_above(heat, self._limit_c)

    def take(self, heat: BoardHeat, now_s: float) -> bool:
        """Take one look, at a time in seconds that only grows; whether the factor has changed."""
        if self.is_hot(heat):
            self._calm_since_s = math.inf
            is_due = now_s - self._changed_s >= STEP_S
            return is_due and self._move(self._step + 1, now_s)
        if self._limit_c is not None and self._is_above(heat, self._limit_c - HYSTERESIS_C):
            self._calm_since_s = math.inf
            return False
        self._calm_since_s = min(self._calm_since_s, now_s)
        is_calm = now_s - max(self._calm_since_s, self._changed_s) >= CALM_S
        return is_calm and self._move(self._step - 1, now_s)

    def _is_above(self, heat: BoardHeat, limit_c: float | None) -> bool:
        return limit_c is not None and (heat.temperature_c or -math.inf) >= limit_c

    def _move(self, step: int, now_s: float) -> bool:
        if not 0 <= step < len(FACTORS):
            return False
        self._step, self._changed_s = step, now_s
        return True


@dataclass(frozen=True)
class BoardChange:
    """From now on another part of the work is done.

    state: `hot`, `cooler` or `cool`, when all of it is done.  factor: by which less is decided.
    at: RFC 3339, UTC.  reduced_s: seconds in which less was decided, once that is over.
    """

    state: str
    factor: int
    heat: BoardHeat
    at: str
    reduced_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The promised JSON fields."""
        reduced = {} if self.reduced_s is None else {"reduced_s": round(self.reduced_s, 1)}
        return {
            "board": self.state,
            "factor": self.factor,
            "temperature_c": self.heat.temperature_c,
            "reasons": list(self.heat.reasons),
            "at": self.at,
            **reduced,
        }


@dataclass
class BoardState:
    """How hot the board of a run is and was.  factor: by which less is decided now.

    news: changes that no output was told yet.

    hot_s, reduced_s: seconds in which it was hot, and less was decided.  reasons: newest.
    highest_c: degrees Celsius; None: nobody told.
    """

    factor: int = 1
    hot_s: float = 0.0
    reduced_s: float = 0.0
    reductions: int = 0
    highest_c: float | None = None
    temperature_c: float | None = None
    reasons: tuple[str, ...] = ()
    news: deque[BoardChange] = field(default_factory=lambda: deque(maxlen=_MOST_NEWS))

    def to_json(self) -> dict[str, Any]:
        return {
            "hot_s": round(self.hot_s, 1),
            "reduced_s": round(self.reduced_s, 1),
            "reductions": self.reductions,
            "factor": self.factor,
            "highest_c": self.highest_c,
        }

    @property
    def text(self) -> str:
        """For a status line; "" while everything is decided."""
        return f"hot{_degrees(self.temperature_c)}: 1/{self.factor} of the work" * (self.factor > 1)

    def lines(self) -> Sequence[str]:
        """For the summary; none if it was never hot."""
        if not (self.hot_s or self.reduced_s):
            return ()
        highest = f", at most{_degrees(self.highest_c)}" if self.highest_c is not None else ""
        return [
            f"board: hot for {self.hot_s:.0f} s{highest}; less decided for {self.reduced_s:.0f} s"
        ]


class BoardWatch(Closable):
    """Looks at the board each second, or less often if that takes long, and says what changes.

    state: is kept up to date; one thread writes it, others read.
    """

    def __init__(
        self,
        policy: HeatPolicy,
        read: Callable[[], BoardHeat] = read_heat,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = BoardState()
        self._policy, self._read, self._clock = policy, read, clock
        self._newest_s = self._reduced_at_s = clock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="board", daemon=True)

    def start(self) -> "BoardWatch":
        self._thread.start()
        return self

    def look(self) -> float:
        """Once; seconds until the next time."""
        began_s, state = self._clock(), self.state
        heat = self._read()
        now_s = self._clock()
        passed_s, self._newest_s = now_s - self._newest_s, now_s
        state.reduced_s += passed_s if state.factor > 1 else 0.0
        state.hot_s += passed_s if self._policy.is_hot(heat) else 0.0
        state.reasons, state.temperature_c = heat.reasons, heat.temperature_c
        if heat.temperature_c is not None:
            state.highest_c = max(heat.temperature_c, state.highest_c or heat.temperature_c)
        if self._policy.take(heat, now_s):
            self._say(heat, now_s)
        return max(_LOOK_S, (now_s - began_s) / _MOST_SHARE)

    def _say(self, heat: BoardHeat, now_s: float) -> None:
        before, factor = self.state.factor, self._policy.factor
        self.state.factor = factor
        name = "hot" if factor > before else "cooler" if factor > 1 else "cool"
        reduced_s = now_s - self._reduced_at_s if factor == 1 else None
        self.state.news.append(BoardChange(name, factor, heat, events.now_text(), reduced_s))
        degrees, reasons = _degrees(heat.temperature_c), ", ".join(heat.reasons)
        if factor > before:
            self.state.reductions += before == 1
            self._reduced_at_s = now_s if before == 1 else self._reduced_at_s
            why = f"slows down ({reasons})" if reasons else "is hot"
            console.note(f"the board {why}{degrees}: 1/{factor} of the work from now on")
        elif factor > 1:
            console.note(f"the board cools down{degrees}: 1/{factor} of the work from now on")
        else:
            seconds = now_s - self._reduced_at_s
            console.note(
                f"the board is cool{degrees}: all of the work again, after {seconds:.0f} s"
            )

    def _work(self) -> None:
        while not self._closing.wait(self.look()):
            pass

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()


def _degrees(temperature_c: float | None) -> str:
    return "" if temperature_c is None else f" at {temperature_c:.0f} degrees"


class Pausable(Protocol):
    """A Stream, as far as it is thinned out."""

    def decisions(self, frame: stream.Frame) -> Sequence[stream.Decision]: ...

    def reset(self) -> None: ...

    def pause(self) -> None: ...

    def give(self, inputs: stream.Numbers) -> None: ...

    @property
    def bundle(self) -> Any: ...


class ThinnedStream:
    """Leaves out frames as long as a factor says so: those that no decision would see.

    Decisions come every factor x max(window, hop) frames, each of a window of consecutive ones, so
    that what moves looks as fast as before.  window, hop: frames.  factor: 1: nothing is left out.
    """

    def __init__(self, inner: Pausable, window: int, hop: int, factor: Callable[[], int]) -> None:
        self._inner, self._window, self._factor = inner, window, factor
        self._round = max(window, hop)
        self._place, self._has_gap = 0, False

    def exchange(self, change: Callable[[Any], Any], network: object = None) -> None:
        """Another stream takes the frames from now on.  change: gives it for the one before."""
        self._inner = change(self._inner)
        self._window = max(self._window, self._inner.bundle.manifest.window)
        self._round = max(self._round, self._window)

    def give(self, inputs: stream.Numbers) -> None:
        """As Stream.give."""
        self._inner.give(inputs)

    def decisions(self, frame: stream.Frame) -> Sequence[stream.Decision]:
        length = self._factor() * self._round
        if length == self._round:
            self._place = 0
        elif self._place < length - self._window:
            self._place += 1
            self._has_gap = True
            if frame.restart:
                self._inner.reset()
            return ()
        else:
            self._place = (self._place + 1) % length
        if self._has_gap:
            self._inner.pause()
            self._has_gap = False
        return self._inner.decisions(frame)
