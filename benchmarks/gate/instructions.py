"""Instructions of each part on each board, against their baseline."""

from collections.abc import Iterator, Mapping

from benchmarks.cells import amount
from benchmarks.facts.facts import Facts
from benchmarks.gate.check import FAIL, INCONCLUSIVE, PASS, Check
from devices.emulation.counts import Counts

NOT_COMPARED = "not compared"
_ROUNDING = 1e-6  # of an instruction
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
                yield _judged(name, counts.instructions, after[role].instructions, allowance)


def _not_compared(board: str, before: _Parts, after: _Parts) -> str:
    """Why a board's counts cannot be held against each other; "" where they can."""
    for side, parts in (("the baseline", before), ("the new file", after)):
        if not parts:
            return f"{side} was made without --count {board}"
    if before.keys() != after.keys():
        return f"the parts were {', '.join(before)} and are {', '.join(after)}"
    versions = [f"{counts.runtime} {counts.runtime_version}" for counts in _firsts(before, after)]
    if versions[0] != versions[1]:
        return (
            f"the baseline was counted with {versions[0]}, the new file with {versions[1]}, and "
            "each version has kernels of its own: make the baseline again with the new one"
        )
    return ""


def _firsts(*sides: _Parts) -> Iterator[Counts]:
    for parts in sides:
        yield next(iter(parts.values()))


def _cell(parts: _Parts) -> str:
    """All parts together."""
    return amount(sum(counts.instructions for counts in parts.values())) if parts else ""


def _judged(name: str, before: int, after: int, allowance: float) -> Check:
    change = f"{100 * (after / before - 1):+.2f} %" if after != before else "same"
    outcome = FAIL if after > before * (1 + allowance) + _ROUNDING else PASS
    return Check(name, amount(before), amount(after), change, f"+{100 * allowance:g} %", outcome)
