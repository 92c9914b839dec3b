"""Figures that need no clock, against their baseline."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.cells import NOT_MEASURED, value
from benchmarks.comparison.changes import BYTES, COUNT, total
from benchmarks.comparison.shown import cell
from benchmarks.facts.facts import UNSURE, Facts, GoldenFacts
from benchmarks.facts.shown import golden_text
from benchmarks.gate.check import FAIL, INCONCLUSIVE, PASS, Allowances, Check
from benchmarks.record import TaskFigure

SAME = "same"
_ROUNDING = 1e-9


@dataclass(frozen=True)
class _Amount:
    """A figure of which less is better. bounded: more is allowed, by a share."""

    unit: str
    bounded: bool
    of: Callable[[Facts], float | None]


def check_facts(baseline: Facts, new: Facts, allowances: Allowances) -> Iterator[Check]:
    """Each figure that the baseline knows."""
    for name, amount in _amounts(baseline).items():
        if amount.of(baseline) is not None:
            allowed = allowances.larger if amount.bounded else 0.0
            yield _grown(name, amount.unit, amount.of(baseline), amount.of(new), allowed)
    for figure in baseline.accuracy:
        if figure.value is not None:
            yield _accuracy(figure, baseline, new, allowances)
    if baseline.golden is not None:
        yield _golden(baseline.golden, new.golden)


def _amounts(baseline: Facts) -> dict[str, _Amount]:
    parts = {
        f"{role} invocations a frame": _Amount(COUNT, False, lambda f, r=role: f.invocations.get(r))
        for role in baseline.invocations
    }
    return {**_AMOUNTS, **parts}


def _grown(name: str, unit: str, before: float, after: float | None, allowed: float) -> Check:
    cells = cell(unit, before), cell(unit, after)
    limit = f"+{100 * allowed:g} %" if allowed else "no more"
    if after is None:
        return Check(name, *cells, "", limit, INCONCLUSIVE, "the new file does not tell it")
    change = SAME
    if after != before:
        change = f"{100 * (after - before) / before:+.2f} %" if before else f"{after - before:+g}"
    failed = after > before * (1 + allowed) + _ROUNDING
    return Check(name, *cells, change, limit, FAIL if failed else PASS)


def _accuracy(old: TaskFigure, baseline: Facts, new: Facts, allowances: Allowances) -> Check:
    figure = next((f for f in new.accuracy if f.task == old.task), None)
    is_share = old.metric == "accuracy"
    name = f"{old.metric.replace('_', ' ')} of {old.task}"
    allowed = f"-{allowances.drop:g} points" if is_share else f"+{100 * allowances.larger:g} %"
    if figure is None or figure.value is None or figure.metric != old.metric:
        return Check(
            name,
            value(old),
            NOT_MEASURED,
            "",
            allowed,
            INCONCLUSIVE,
            "the new file does not tell it",
        )
    if (baseline.data, old.n) != (new.data, figure.n):
        other = f"other clips: {old.n} of {baseline.data} and {figure.n} of {new.data}"
        return Check(name, value(old), value(figure), "", allowed, INCONCLUSIVE, other)
    if not is_share:
        return _grown(name, old.unit, old.value, figure.value, allowances.larger)
    points = 100 * (figure.value - old.value)
    outcome = FAIL if -points > allowances.drop + _ROUNDING else PASS
    change = f"{points:+.2f} points" if points else SAME
    return Check(name, value(old), value(figure), change, allowed, outcome)


def _golden(old: GoldenFacts, new: GoldenFacts | None) -> Check:
    name, allowed = "golden decisions", "the same"
    if new is None:
        return Check(name, "", NOT_MEASURED, "", allowed, INCONCLUSIVE, "the new file has none")
    said = ("as expected" if golden.passed else "other" for golden in (old, new))
    if not new.passed:
        return Check(name, *said, "", allowed, FAIL, golden_text(new))
    if old.frames_sha256 != new.frames_sha256:
        return Check(name, *said, "", allowed, PASS, "on other golden frames than the baseline's")
    changed = _changed(old, new)
    change = f"{changed} changed" if changed else SAME
    return Check(name, *said, change, allowed, FAIL if changed else PASS)


def _changed(old: GoldenFacts, new: GoldenFacts) -> int:
    """Labels that differ although both were sure of theirs, tasks that are gone among them."""
    pairs = [
        (one, other)
        for task, labels in old.decisions.items()
        for one, other in zip(labels, new.decisions.get(task, (None,) * len(labels)))
    ]
    return sum(one != other for one, other in pairs if UNSURE not in (one, other))


def _summed(counted: dict[str, dict[str, int]] | None) -> int | None:
    return None if counted is None else sum(sum(ops.values()) for ops in counted.values())


_AMOUNTS = {
    "size": _Amount(BYTES, True, lambda f: f.bundle.size_bytes),
    "parameters": _Amount(COUNT, True, lambda f: total([p.parameters for p in f.bundle.parts])),
    "multiply-adds": _Amount(
        COUNT, True, lambda f: total([p.multiply_adds for p in f.bundle.parts])
    ),
    "operators": _Amount(COUNT, True, lambda f: _summed(f.operators)),
    "operators outside XNNPACK": _Amount(COUNT, False, lambda f: _summed(f.left_to_other_kernels)),
}
