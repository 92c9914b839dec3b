"""The facts of a bundle as a person reads them."""

from collections.abc import Iterator

from edge_benchmarks.judge.cells import amount, megabytes, value
from edge_benchmarks.judge.facts import Facts, golden_text
from edge_common.console import text_table

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


def _count(operators: dict[str, dict[str, int]] | None, role: str) -> str:
    return "unknown" if operators is None else str(sum(operators[role].values()))


def _lines(facts: Facts) -> Iterator[str]:
    for role, count in facts.invocations.items():
        yield f"{role} invocations a frame: {count:g}"
    origin = f"measured on {facts.data}" if facts.measured else f"as converted, on {facts.data}"
    for figure in facts.accuracy:
        sample = f", n = {figure.n}, {origin}" if figure.value is not None else ""
        yield f"{figure.metric.replace('_', ' ')} of {figure.task}: {value(figure)}{sample}"
    yield f"golden decisions: {golden_text(facts.golden)}"
    for board, parts in facts.instructions.items():
        counts = ", ".join(f"{role} {amount(c.instructions)}" for role, c in parts.items())
        yield f"instructions of one inference, {board}: {counts}"
