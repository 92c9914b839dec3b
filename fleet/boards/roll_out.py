"""A roll-out, wave after wave: update, watch, go on; or bring the wave back, and stop.

Each step can be done again, and what is finished stands in the journal before the next one begins: whatever
ends this process, the same command goes on, and ends the same.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from edge_common import DataError
from edge_fleet.boards import health, journal as journals
from edge_fleet.boards.journal import BoardProgress, Journal, WaveState
from edge_fleet.boards.outcomes import BoardResult

Results = Mapping[str, BoardResult]
_TRIED = (journals.UPDATED, journals.UNWELL)
_WITH_WAVE = "was brought back with its wave"
_NO_REPORT = "its report cannot be read"
_PATIENCE, _PAUSE_S = 3, 10.0  # times that a board is asked; a connection fails now and then


class BoardRunner(Protocol):
    """What is done on boards, at once on several of them, each as often as need be."""

    def update(self, boards: Sequence[str]) -> Results:
        """Put the bundle there and let it run."""

    def health(self, boards: Sequence[str], with_self_test: bool) -> Results:
        """Ask how they are; reports as `health.sample` reads them."""

    def back(self, boards: Sequence[str]) -> Results:
        """Let the bundle of before run, if it is the new one that does."""


@dataclass(frozen=True)
class WatchTimes:
    """How long a wave is watched before the next one.  every_s: between two looks."""

    seconds: float = 600.0
    every_s: float = 60.0


@dataclass
class RollOut:
    """clock: seconds since 1970.  say: is told of each step."""

    path: Path
    journal: Journal
    runner: BoardRunner
    limits: health.HealthLimits = field(default_factory=health.HealthLimits)
    watch: WatchTimes = WatchTimes()
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = lambda step: None

    def run(self) -> bool:
        """Whether all boards have the bundle, and are well. Raises EdgeError, OSError."""
        self._retry()
        while wave := self._next_wave():
            self._run_wave(wave)
            if wave.step != journals.GOOD:
                return False
        return self.journal.is_done

    def _next_wave(self) -> WaveState | None:
        return next((wave for wave in self.journal.waves if wave.step != journals.GOOD), None)

    def _run_wave(self, wave: WaveState) -> None:
        title = f"wave {self.journal.waves.index(wave) + 1} of {len(self.journal.waves)}"
        if wave.step in (journals.WAITING, journals.UPDATING):
            self.say(f"{title}: {len(wave.boards)} boards")
            self._update_some(wave)
        if wave.step == journals.WATCHING:
            self.say(f"{title}: watched for {self.watch.seconds:g} s")
            self._watch(wave)
        if wave.step == journals.BAD:
            self.say(f"{title} is bad: it is brought back")
            self._bring_back(wave)

    def _retry(self) -> None:
        """Boards that could not be reached, in a wave of their own behind the last; those that are stuck."""
        journal = self.journal
        for wave in journal.waves:
            if wave.step == journals.BACK and journal.names(wave, journals.STUCK):
                self._enter(wave, journals.BAD)
        if any(wave.step != journals.GOOD for wave in journal.waves):
            return
        skipped = [name for wave in journal.waves for name in journal.names(wave, journals.SKIPPED)]
        if skipped:
            for wave in journal.waves:
                wave.boards = [name for name in wave.boards if name not in skipped]
            journal.boards |= {name: BoardProgress() for name in skipped}
            journal.waves = [wave for wave in journal.waves if wave.boards]
            journal.waves.append(WaveState(skipped))
            self._write()

    def _update_some(self, wave: WaveState) -> None:
        """A wave of which no board could be updated has tried nothing: others join it until one was."""
        while True:
            self._enter(wave, journals.UPDATING)
            self._look_before(wave)
            self._update(wave)
            if self.journal.names(wave, *_TRIED) or not self._widen(wave):
                break
        wave.watch_until = self.clock() + self.watch.seconds
        self._enter(wave, journals.WATCHING)

    def _widen(self, wave: WaveState) -> bool:
        """Let as many boards of later waves join as it has; whether there were any."""
        journal = self.journal
        later = journal.waves[journal.waves.index(wave) + 1 :]
        names = [name for each in later for name in each.boards][: len(wave.boards)]
        for each in later:
            each.boards = [name for name in each.boards if name not in names]
        wave.boards += names
        journal.waves = [each for each in journal.waves if each.boards]
        return bool(names)

    def _look_before(self, wave: WaveState) -> None:
        """How boards are without the bundle, and which cannot be reached."""
        boards = self.journal.boards
        names = [n for n in self.journal.names(wave, journals.WAITING) if not boards[n].before]
        for name, result in self.runner.health(names, False).items():
            if result.is_well and (sample := _sample(result)):
                boards[name].before = sample
            else:
                line = result.problem or _NO_REPORT
                boards[name] = BoardProgress(journals.SKIPPED, line)
        self._write()

    def _update(self, wave: WaveState) -> None:
        """Who refuses the bundle before anything was changed keeps what runs, and stops nobody else."""
        boards = self.journal.boards
        names = self.journal.names(wave, journals.WAITING)
        for name, result in self.runner.update(names).items():
            step = journals.UPDATED
            if not result.is_well:
                step = journals.UNWELL if result.is_touched else journals.SKIPPED
            boards[name] = replace(boards[name], step=step, line=result.problem)
        self._write()

    def _watch(self, wave: WaveState) -> None:
        """Until the time is over, no shadow and no probation goes on, and all are well; or one is not."""
        left_s = min(wave.watch_until - self.clock(), self.watch.seconds)
        misses = Counter[str]()
        while True:
            is_open = self._look(wave, misses)
            if self.journal.names(wave, journals.UNWELL):
                self._enter(wave, journals.BAD)
                return
            if (left_s <= 0 and not is_open) or not self.journal.names(wave, journals.UPDATED):
                self._enter(wave, journals.GOOD)
                return
            pause_s = min(left_s if left_s > 0 else math.inf, self.watch.every_s)
            self.sleep(pause_s)
            # a clock that is set back makes no wave longer
            left_s = min(left_s - pause_s, wave.watch_until - self.clock())

    def _look(self, wave: WaveState, misses: Counter[str]) -> bool:
        """Whether the next look has to be waited for.  misses: looks in a row that told too little."""
        boards, sha256, is_open = self.journal.boards, self.journal.sha256, False
        names = self.journal.names(wave, journals.UPDATED)
        for name, result in self.runner.health(names, True).items():
            sample, before = _sample(result) if result.is_well else None, boards[name].before
            if sample:
                line = health.problem(sample, before, self.limits, sha256)
                missing = health.missing_update(sample, before)
                is_open |= not sample.is_settled
            else:
                line, missing = "", result.problem or _NO_REPORT
            misses[name] = misses[name] + 1 if missing else 0
            if 0 < misses[name] < _PATIENCE:
                is_open = True
            else:
                line = line or missing
            if line:
                boards[name] = replace(boards[name], step=journals.UNWELL, line=line)
        return is_open

    def _bring_back(self, wave: WaveState) -> None:
        """Also boards that an update may have left in between, on most of which is nothing to do."""
        boards = self.journal.boards
        names = self.journal.names(wave, *_TRIED, journals.STUCK)
        names += [n for n in self.journal.names(wave, journals.SKIPPED) if boards[n].before]
        lines = {
            name: "" if boards[name].step == journals.STUCK else boards[name].line for name in names
        }
        for attempt in range(_PATIENCE):
            if attempt and names:
                self.sleep(min(self.watch.every_s, _PAUSE_S))
            for name, result in self.runner.back(names).items():
                step = journals.RETURNED if result.is_well else journals.STUCK
                line = f"could not be brought back: {result.problem}" if result.problem else ""
                boards[name] = replace(
                    boards[name], step=step, line=line or lines[name] or _WITH_WAVE
                )
            names = [name for name in names if boards[name].step == journals.STUCK]
        self._enter(wave, journals.BACK)

    def _enter(self, wave: WaveState, step: str) -> None:
        wave.step = step
        self._write()

    def _write(self) -> None:
        self.journal.write(self.path)


def _sample(result: BoardResult) -> health.HealthSample | None:
    try:
        return health.sample(result.report)
    except DataError:
        return None
