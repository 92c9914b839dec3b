"""The facts of a bundle as a person reads them."""

from collections.abc import Iterator

from benchmarks.cells import NOT_MEASURED, amount, megabytes, value
from benchmarks.facts.facts import UNSURE, Facts, GoldenFacts
from edge.text_table import text_table

_PARTS = ("part", "precision", "parameters", "multiply-adds", "operators", "not XNNPACK", "size")


def facts_table(facts: Facts) -> str:
    """All of them, for a terminal."""
    bundle = facts.bundle
    heading = (
        f"{bundle.name}: {bundle.streaming}, window of {bundle.window}, "
        f"{megabytes(bundle.size_bytes)} (sha256 {bundle.sha256[:12]}), "
        f"on {facts.runtime} {facts.runtime_version}"
    )
    return "\n\n".join([heading, _parts(facts), "\n".join(_lines(facts))])


def _parts(facts: Facts) -> str:
    rows = [
        [
            part.role,
            part.precision,
            amount(part.parameters),
            amount(part.multiply_adds),
            _count(facts.operators, part.role),
            _count(facts.left_to_other_kernels, part.role),
            megabytes(part.size_bytes),
        ]
        for part in facts.bundle.parts
    ]
    return text_table(_PARTS, rows)


def _count(counted: dict[str, dict[str, int]] | None, role: str) -> str:
    return "unknown" if counted is None else str(sum(counted[role].values()))


def _lines(facts: Facts) -> Iterator[str]:
    for role, count in facts.invocations.items():
        yield f"{role} invocations a frame: {count:g}"
    where = f"measured on {facts.data}" if facts.measured else f"as converted, on {facts.data}"
    for figure in facts.accuracy:
        known = f", n = {figure.n}, {where}" if figure.value is not None else ""
        yield f"{figure.metric.replace('_', ' ')} of {figure.task}: {value(figure)}{known}"
    yield f"golden decisions: {golden_text(facts.golden)}"
    for board, parts in facts.instructions.items():
        counted = ", ".join(f"{role} {amount(c.instructions)}" for role, c in parts.items())
        yield f"instructions of one inference, {board}: {counted}"


def golden_text(golden: GoldenFacts | None) -> str:
    """How the self-test went."""
    if golden is None:
        return NOT_MEASURED
    if not golden.passed:
        return f"other than expected, {golden.failure}"
    labels = [label for found in golden.decisions.values() for label in found]
    return f"as expected, {len(labels) - labels.count(UNSURE)} of {len(labels)} labels sure"
