"""Figures that need no clock, each checked against its baseline."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from edge.tasks import is_share
from edge_benchmarks.cells import BYTES, COUNT, NOT_MEASURED, amount, cell, total, value
from edge_benchmarks.judge.facts import UNSURE, Facts, GoldenFacts, golden_text
from edge_benchmarks.record import TaskFigure
from edge_devices.emulation.counting import Counts

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"


@dataclass(frozen=True)
class Check:
    """outcome: pass, fail or inconclusive.  allowed: the limit, in words."""

    figure: str
    before: str
    after: str
    change: str
    allowed: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class Allowances:
    """What may get worse.

    slower, larger, more_instructions: as shares.  drop: of accuracy, in points of 100.
    deterministic: what the clock says is left out.
    """

    slower: float = 0.05
    larger: float = 0.01
    drop: float = 0.5
    more_instructions: float = 0.01
    deterministic: bool = False


def outcome(checks: Sequence[Check], strict: bool = False) -> str:
    """Of all checks: one failure fails; what is inconclusive fails if `strict`."""
    outcomes = {check.outcome for check in checks}
    if FAIL in outcomes or (strict and INCONCLUSIVE in outcomes):
        return FAIL
    return INCONCLUSIVE if INCONCLUSIVE in outcomes else PASS


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
    for name, size in _amounts(baseline).items():
        before = size.of(baseline)
        if before is not None:
            allowed = allowances.larger if size.bounded else 0.0
            yield _check_growth(name, size.unit, before, size.of(new), allowed)
    for figure in baseline.accuracy:
        if figure.value is not None:
            yield _check_accuracy(figure, figure.value, baseline, new, allowances)
    if baseline.golden is not None:
        yield _check_golden(baseline.golden, new.golden)


def _amounts(baseline: Facts) -> dict[str, _Amount]:
    parts = {
        f"{role} invocations a frame": _Amount(COUNT, False, partial(_invocations, role))
        for role in baseline.invocations
    }
    return {**_AMOUNTS, **parts}


def _invocations(role: str, facts: Facts) -> float | None:
    return facts.invocations.get(role)


def _check_growth(
    name: str, unit: str, before: float, after: float | None, allowed: float
) -> Check:
    cells = cell(unit, before), cell(unit, after)
    limit = f"+{100 * allowed:g} %" if allowed else "no more"
    if after is None:
        return Check(name, *cells, "", limit, INCONCLUSIVE, "the new file does not tell it")
    change = SAME
    if after != before:
        change = f"{100 * (after - before) / before:+.2f} %" if before else f"{after - before:+g}"
    within = after <= before * (1 + allowed) + _ROUNDING  # false of NaN
    return Check(name, *cells, change, limit, PASS if within else FAIL)


def _check_accuracy(
    old: TaskFigure, before: float, baseline: Facts, new: Facts, allowances: Allowances
) -> Check:
    figure = next((f for f in new.accuracy if f.task == old.task), None)
    higher_is_better = is_share(old.metric)
    name = f"{old.metric.replace('_', ' ')} of {old.task}"
    allowed = (
        f"-{allowances.drop:g} points" if higher_is_better else f"+{100 * allowances.larger:g} %"
    )
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
    if not higher_is_better:
        return _check_growth(name, old.unit, before, figure.value, allowances.larger)
    points = 100 * (figure.value - before)
    outcome = PASS if -points <= allowances.drop + _ROUNDING else FAIL  # NaN fails
    change = f"{points:+.2f} points" if points else SAME
    return Check(name, value(old), value(figure), change, allowed, outcome)


def _check_golden(old: GoldenFacts, new: GoldenFacts | None) -> Check:
    name, allowed = "golden decisions", "the same"
    if new is None:
        return Check(name, "", NOT_MEASURED, "", allowed, INCONCLUSIVE, "the new file has none")
    cells = _golden_cell(old), _golden_cell(new)
    if not new.passed:
        return Check(name, *cells, "", allowed, FAIL, golden_text(new))
    if old.frames_sha256 != new.frames_sha256:
        return Check(name, *cells, "", allowed, PASS, "on other golden frames than the baseline's")
    changed = _changed_labels(old, new)
    change = f"{changed} changed" if changed else SAME
    return Check(name, *cells, change, allowed, FAIL if changed else PASS)


def _golden_cell(golden: GoldenFacts) -> str:
    return "as expected" if golden.passed else "other"


def _changed_labels(old: GoldenFacts, new: GoldenFacts) -> int:
    """Labels that differ although both were sure of theirs, tasks that are gone among them."""
    pairs = [
        (before, after)
        for task, labels in old.decisions.items()
        for before, after in zip(labels, new.decisions.get(task, (None,) * len(labels)))
    ]
    return sum(before != after for before, after in pairs if UNSURE not in (before, after))


def _sum_of_parts(operators: dict[str, dict[str, int]] | None) -> int | None:
    return None if operators is None else sum(sum(ops.values()) for ops in operators.values())


_AMOUNTS = {
    "size": _Amount(BYTES, True, lambda f: f.bundle.size_bytes),
    "parameters": _Amount(COUNT, True, lambda f: total([p.parameters for p in f.bundle.parts])),
    "multiply-adds": _Amount(
        COUNT, True, lambda f: total([p.multiply_adds for p in f.bundle.parts])
    ),
    "operators": _Amount(COUNT, True, lambda f: _sum_of_parts(f.operators)),
    "operators outside XNNPACK": _Amount(
        COUNT, False, lambda f: _sum_of_parts(f.left_to_other_kernels)
    ),
}
NOT_COMPARED = "not compared"
_COUNT_ROUNDING = 1e-6  # of an instruction
_Parts = Mapping[str, Counts]


def check_instructions(baseline: Facts, new: Facts, allowance: float) -> Iterator[Check]:
    """Of each board that one of the two was counted for. allowance: by which share more."""
    allowed = f"+{100 * allowance:g} %"
    for board in dict.fromkeys([*baseline.instructions, *new.instructions]):
        before, after = (facts.instructions.get(board, {}) for facts in (baseline, new))
        if reason := _not_compared(board, before, after):
            name, cells = f"instructions, {board}", (_cell(before), _cell(after))
            yield Check(name, *cells, "", allowed, INCONCLUSIVE, f"{NOT_COMPARED}: {reason}")
        else:
            for role, counts in before.items():
                name = f"{role} instructions, {board}"
                yield _check_count(name, counts.instructions, after[role].instructions, allowance)


def _not_compared(board: str, before: _Parts, after: _Parts) -> str:
    """Why a board's counts cannot be held against each other; "" if they can."""
    for side, parts in (("the baseline", before), ("the new file", after)):
        if not parts:
            return f"{side} was made without --count {board}"
    if before.keys() != after.keys():
        return f"the parts were {', '.join(before)} and are {', '.join(after)}"
    versions = [
        f"{counts.runtime} {counts.runtime_version}" for counts in _any_counts(before, after)
    ]
    if versions[0] != versions[1]:
        return (
            f"the baseline was counted with {versions[0]}, the new file with {versions[1]}, and "
            "each version has kernels of its own: make the baseline again with the new one"
        )
    return ""


def _any_counts(*sides: _Parts) -> Iterator[Counts]:
    for parts in sides:
        yield next(iter(parts.values()))


def _cell(parts: _Parts) -> str:
    """All parts together."""
    return amount(sum(counts.instructions for counts in parts.values())) if parts else ""


def _check_count(name: str, before: int, after: int, allowance: float) -> Check:
    change = f"{100 * (after / before - 1):+.2f} %" if after != before else "same"
    outcome = PASS if after <= before * (1 + allowance) + _COUNT_ROUNDING else FAIL
    return Check(name, amount(before), amount(after), change, f"+{100 * allowance:g} %", outcome)
