"""Two networks on the same frames, of which one is heard: the new one as a shadow, then on probation."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakSet

import numpy as np

from edge import agreement, stream
from edge.bundle import Bundle
from edge.tasks import Task
from edge.updates.aside import Aside, settled_after
from edge.updates.bounds import percentile
from edge_common import EdgeError

SHADOW, PROBATION, KEPT, FAILED = "shadow", "probation", "kept", "failed"
_NEWEST = 4096
_MOST_WAIT_S = 60.0  # for windows that are to be full again; a camera may be away


@dataclass
class Trial:
    """What is known of the new network by now; one for all windows that it watches.

    All of it lives in the thread that pushes frames; each push looks at `phase` once.
    tasks: of both.  tolerance: of each that answers with a number, in its unit.
    has_time: whether the run has so many seconds for another pass of the frame that it works on.
    frames: that the old one answered meanwhile, each window's.  skipped: of them those that the shadow
    left out, as the run was late.  warming: that filled a window, or that no decision was due at.
    compared: decisions of both as a shadow: all other frames.  missed: decisions of the old one alone,
    since the shadow first stepped aside.  decisions: those compared, or on probation the new one's.
    costs_ms: of its passes as a shadow.  ages_ms: of frames on probation.  problem: why it failed.
    behind: whose shadows left frames out, and whose windows are not yet full again.  ready_s: seconds
    after which all else was found to be well.
    """

    tasks: Sequence[Task]
    tolerance: Mapping[str, float] = field(default_factory=dict)
    has_time: Callable[[float], bool] = lambda seconds: True
    phase: str = SHADOW
    problem: str = ""
    frames: int = 0
    skipped: int = 0
    warming: int = 0
    missed: int = 0
    compared: int = 0
    decisions: int = 0
    agreements: dict[str, agreement.TaskAgreement] = field(default_factory=dict)
    costs_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_NEWEST))
    ages_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_NEWEST))
    behind: "WeakSet[StreamPair]" = field(default_factory=WeakSet)
    ready_s: float = math.inf

    def __post_init__(self) -> None:
        comparable = filter(agreement.is_comparable, self.tasks)
        self.agreements = {task.name: agreement.TaskAgreement() for task in comparable}

    def fail(self, problem: str) -> None:
        """From the next push on the old one alone is asked; the first problem counts."""
        self.problem = self.problem or problem
        self.phase = FAILED

    def begin_probation(self) -> None:
        """From the next push on the new one is heard."""
        self.decisions = 0
        if self.phase == SHADOW:
            self.phase = PROBATION

    def skip(self, old: stream.Decision | None) -> None:
        """Of one frame that the shadow leaves out; that is no disagreement."""
        self.frames += 1
        self.skipped += 1
        self.missed += old is not None

    def compare(self, old: stream.Decision | None, new: stream.Decision | None) -> None:
        """Of one frame; windows of other lengths are full at other times."""
        self.frames += 1
        if old is None or new is None:
            self.warming += 1
            self.missed += old is not None and self.skipped > 0
            return
        self.compared += 1
        self.decisions += 1
        for name, counts in self.agreements.items():
            before, after = (agreement.answer_of(each.tasks[name]) for each in (old, new))
            counts.add(before, after, self.tolerance.get(name, 0.0))

    def waits(self, passed_s: float) -> bool:
        """Whether the new one, which is well by now, is not to be heard yet, as a window is not full.

        It would have to be filled beside the old one's decisions, by a run that was late.
        """
        self.ready_s = min(self.ready_s, passed_s)
        return bool(self.behind) and passed_s - self.ready_s < _MOST_WAIT_S

    @property
    def cost_ms(self) -> float:
        """The median of its passes as a shadow; NaN before the first one."""
        return percentile(self.costs_ms, 50)

    def __str__(self) -> str:
        """What was seen as a shadow, a task after the other."""
        parts = [f"{self.compared} decisions compared{self._skips()}"]
        for name, counts in self.agreements.items():
            most = [f"{a} → {b} {n}" for (a, b), n in counts.changes.most_common(2)]
            words = f" ({', '.join(most)})" if most else ""
            parts.append(f"{name} differs in {counts.share * 100:.1f} %{words}")
        return "; ".join(parts)

    def _skips(self) -> str:
        if not self.skipped:
            return ""
        return f", {self.skipped} of {self.frames} frames left out as the run was late"


class StreamPair:
    """What a Stream is to those who push frames: two of them, of which one is heard.

    The new one begins so that it decides on the same frames, if they decide on some of them alone.
    If the run has no time for both, it leaves frames out, and begins anew behind them. It is heard from
    where its window is as full as the old one's.
    clock: seconds, that passes are measured by.
    """

    def __init__(
        self,
        old: stream.Stream,
        new: stream.Stream,
        trial: Trial,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.old, self.new, self._trial, self._clock = old, new, trial, clock
        self._is_old_late = False  # whether frames passed that the old one did not see
        self._is_begun = False
        self._aside, self._settled_after = Aside(trial.has_time), settled_after(new.bundle.manifest)

    @property
    def heard(self) -> stream.Stream:
        return self.new if self._trial.phase in (PROBATION, KEPT) else self.old

    @property
    def bundle(self) -> Bundle:
        return self.heard.bundle

    @property
    def hop(self) -> int:
        return self.heard.hop

    @property
    def is_saved(self) -> bool:
        return self.heard.is_saved

    def old_again(self) -> stream.Stream:
        """The old one alone, which may have missed frames."""
        if self._is_old_late:
            self.old.reset()
        return self.old

    def reset(self) -> None:
        self.old.reset()
        self.new.reset()
        self._trial.behind.discard(self)

    def pause(self) -> None:
        self.old.pause()
        self.new.pause()
        self._trial.behind.discard(self)

    def give(self, inputs: stream.Numbers) -> None:
        """As Stream.give, to both: whichever is heard later has it."""
        self.old.give(inputs)
        self.new.give(inputs)

    def push(
        self,
        frame: stream.Frame,
        region: stream.Region | None = None,
        track: stream.TrackInfo | None = None,
    ) -> stream.Decision | None:
        """As Stream.push, of the one that is heard. Raises EdgeError if the old one does."""
        phase = self._trial.phase
        if phase == KEPT:
            return self.new.push(frame, region, track)
        if phase == PROBATION and not self._is_behind:
            return self._push_new(frame, region, track)
        decision = self._push_old(frame, region, track)
        if phase == SHADOW and not self._aside.takes(self._newest_pass_s):
            self._leave_out(frame, decision)
        elif phase != FAILED:
            candidate, problem = self._follow(frame, region, track)
            if problem:
                self._trial.fail(problem)
            elif phase == SHADOW:
                self._trial.compare(decision, candidate)
            if not self._is_behind:
                self._trial.behind.discard(self)
        return decision

    def decisions(self, frame: stream.Frame) -> Sequence[stream.Decision]:
        """What `push` gives, as the loop takes it: none or one."""
        decision = self.push(frame)
        return (decision,) if decision else ()

    @property
    def _newest_pass_s(self) -> float:
        return self._trial.costs_ms[-1] / 1e3 if self._trial.costs_ms else 0.0

    @property
    def _is_behind(self) -> bool:
        """Whether it left out frames as a shadow, and its window is not yet full again."""
        is_settled = self.new.pushed >= min(self._settled_after, self.old.pushed)
        return not (is_settled or self._is_old_late)

    def _leave_out(self, frame: stream.Frame, decision: stream.Decision | None) -> None:
        """The run has no time for the new one, whose window must not jump."""
        self._trial.skip(decision)
        self._trial.behind.add(self)
        self._is_begun = False
        if frame.restart:
            self.new.reset()
        else:
            self.new.pause()

    def _follow(
        self, frame: stream.Frame, region: stream.Region | None, track: stream.TrackInfo | None
    ) -> tuple[stream.Decision | None, str]:
        """As `_attempt`, and without an answer before it can be compared with the old one's."""
        if not self._begins():
            return None, ""
        started = self._clock()
        candidate, problem = self._attempt(frame, region, track)
        self._trial.costs_ms.append((self._clock() - started) * 1e3)
        return candidate if self.new.pushed >= self._settled_after else None, problem

    def _begins(self) -> bool:
        """Whether the new one takes the frame that the old one just took."""
        windows = [each.bundle.manifest.window for each in (self.old, self.new)]
        ahead = self.old.pushed + windows[1] - 1 - windows[0]  # at its first decision
        self._is_begun = self._is_begun or ahead % self.old.hop == 0
        return self._is_begun

    def _push_new(
        self, frame: stream.Frame, region: stream.Region | None, track: stream.TrackInfo | None
    ) -> stream.Decision | None:
        """If it fails at this frame, the old one is asked: its own error is the frame's."""
        decision, problem = self._attempt(frame, region, track)
        self._is_old_late = True
        if problem:
            decision = self._push_old(frame, region, track)
            self._trial.fail(problem)
            return decision
        if decision:
            self._trial.decisions += 1
            self._trial.ages_ms.append(decision.age_ms)
        return decision

    def _push_old(
        self, frame: stream.Frame, region: stream.Region | None, track: stream.TrackInfo | None
    ) -> stream.Decision | None:
        if self._is_old_late:  # its window would jump
            self.old.reset()
            self._is_old_late = False
        return self.old.push(frame, region, track)

    def _attempt(
        self, frame: stream.Frame, region: stream.Region | None, track: stream.TrackInfo | None
    ) -> tuple[stream.Decision | None, str]:
        """What the new one answers, and what is wrong with it; "": nothing."""
        try:
            decision = self.new.push(frame, region, track)
        except EdgeError as error:
            return None, f"it failed at frame {frame.number}: {error}"
        for name, each in decision.tasks.items() if decision else ():
            if not np.isfinite(each.scores).all():
                return None, f"task {name} answered NaN or infinity at frame {frame.number}"
        return decision, ""
