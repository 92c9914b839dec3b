"""Whether a new network stays within bounds: what was before, and what is seen by now."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.updates.rules import UpdateRules

if TYPE_CHECKING:
    from edge.updates.trial import Trial

_FREE_EVENTS = 5.0  # that may come or stay away, whatever was before
_ENOUGH_AGES = 50
_CHANCES = (
    10  # times as many decisions as are to be compared: the run is busy rather than the yard empty
)


def percentile(values: Collection[float], share: float) -> float:
    """Of values that another thread may add to; NaN of none.  share: 0 to 100."""
    sample = np.array(list(values), np.float64)
    return float(np.percentile(sample, share)) if len(sample) else math.nan


@dataclass(frozen=True)
class Before:
    """How the old network ran.

    age_ms: of frames, 90 % are younger; NaN: not known.
    budget_ms: of a frame; infinite: recordings wait.
    events: that began in so many `seconds`.
    """

    age_ms: float = math.nan
    budget_ms: float = math.inf
    events: int = 0
    seconds: float = 0.0

    def expected_events(self, passed_s: float) -> tuple[float, float]:
        """How many may begin in that time if all stays as it is, at least and at most.

        Two standard deviations of a Poisson process around what was counted, and three more at
        most: of none that is the rule of three (J. A. Hanley and A. Lippman-Hand, 1983).
        """
        if self.seconds <= 0:
            return 0.0, math.inf
        spread = 2 * math.sqrt(self.events)
        share = passed_s / self.seconds
        return max(0.0, self.events - spread) * share, (self.events + spread + 3) * share


def latency_problem(frame_ms: float, limit_ms: float) -> str:
    """Why it is too slow; "": it is not.  limit_ms: infinite if anything goes."""
    if math.isinf(limit_ms) or frame_ms <= limit_ms:
        return ""
    return (
        f"it takes {frame_ms:.1f} ms a frame, and {limit_ms:.1f} ms are allowed: make it smaller, or "
        "set latency_ms in [update]"
    )


def shadow_problem(
    trial: "Trial", passed_s: float, limit_ms: float, rules: UpdateRules
) -> str | None:
    """Why it is refused; "": it has passed; None: it is too early to tell."""
    if trial.problem:
        return trial.problem
    if trial.decisions < rules.decisions:
        is_busy = trial.missed >= _CHANCES * rules.decisions and passed_s >= rules.shadow_s
        if passed_s <= max(rules.wait_s, rules.shadow_s) and not is_busy:
            return None
        return _too_few(trial, passed_s, rules)
    if passed_s < rules.shadow_s:
        return None
    for name, counts in trial.agreements.items():
        if not counts.share <= rules.disagreement:
            return f"it disagrees: {trial}; more than {rules.disagreement * 100:g} % in {name}"
    problem = latency_problem(trial.cost_ms, limit_ms)
    return None if not problem and trial.waits(passed_s) else problem


def _too_few(trial: "Trial", passed_s: float, rules: UpdateRules) -> str:
    counts = f"{trial.decisions} of {rules.decisions} decisions in {passed_s:.0f} s: "
    if not trial.skipped:
        return f"{counts}there was too little to compare; give it again when there is more to see"
    return (
        f"{counts}too few were compared, as the run was late, and {trial.skipped} of {trial.frames} frames "
        "were left out; free the processor, or set a longer shadow_s in [update]"
    )


def probation_problem(
    trial: "Trial", passed_s: float, events: int, before: Before, rules: UpdateRules
) -> str | None:
    """Why the old one comes back; "": the new one is kept; None: it is too early to tell.

    events: that began on probation.
    """
    if trial.problem:
        return trial.problem
    if problem := _age_problem(trial, before, rules):
        return problem
    least, most = before.expected_events(passed_s)
    expected = f"{least:.0f} to {most:.0f} were to be expected"
    if events > _FREE_EVENTS + rules.event_factor * most:
        return f"{events} events began in {passed_s:.0f} s, and {expected}"
    if passed_s < rules.probation_s or not trial.decisions:
        return None if passed_s <= rules.probation_s + rules.wait_s else "it made no decision"
    if events < least / rules.event_factor - _FREE_EVENTS:
        return f"{events} events began in {passed_s:.0f} s, and {expected}"
    return ""


def _age_problem(trial: "Trial", before: Before, rules: UpdateRules) -> str:
    if len(trial.ages_ms) < _ENOUGH_AGES or math.isinf(before.budget_ms):
        return ""
    age_ms = percentile(trial.ages_ms, 90)
    known = [each for each in (rules.age_factor * before.age_ms, before.budget_ms) if each == each]
    limit_ms = max(known)
    if age_ms <= limit_ms:
        return ""
    return f"frames are {age_ms:.0f} ms old, and {limit_ms:.0f} ms are allowed (90 % are younger)"
