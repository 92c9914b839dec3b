"""The facts of a bundle as a person reads them."""

from collections.abc import Iterator, Mapping

from edge_benchmarks.inside.instructions import Instructions, instructions_per_frame
from edge_benchmarks.judge.cells import amount, megabytes, value
from edge_benchmarks.judge.facts import Facts, golden_text
from edge_common.console import text_table
from edge_devices.emulation.counting import Counts

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


_MEMORY = {"bytes loaded": "loaded_bytes", "bytes stored": "stored_bytes"}


def instructions_table(instructions: Instructions, invocations: Mapping[str, float]) -> str:
    """Parts and their classes down, boards across. invocations: of each part for a frame."""
    boards = list(instructions)
    whole = [
        "whole frame",
        *(amount(round(instructions_per_frame(instructions[b], invocations))) for b in boards),
    ]
    rows = [row for role in instructions[boards[0]] for row in _counts_of_part(role, instructions)]
    first = next(iter(instructions[boards[0]].values()))
    return (
        text_table(["instructions", *boards], [*rows, whole])
        + f"\ncounted under qemu with {first.runtime} {first.runtime_version}, one thread, "
        "one inference of each part: no time follows from them alone"
    )


def _counts_of_part(role: str, instructions: Instructions) -> Iterator[list[str]]:
    counts = [parts[role] for parts in instructions.values()]
    yield [role, *(amount(each.instructions) for each in counts)]
    for name in _classes(counts):
        cells = (amount(each.classes[name]) if name in each.classes else "-" for each in counts)
        yield [f"  {name.replace('_', ' ')}", *cells]
    for label, field in _MEMORY.items():
        yield [f"  {label}", *(megabytes(getattr(each, field)) for each in counts)]


def _classes(counts: list[Counts]) -> list[str]:
    """Those that were met, the most frequent of any board first."""
    most: dict[str, int] = {}
    for each in counts:
        for name, count in each.classes.items():
            most[name] = max(most.get(name, 0), count)
    return sorted(most, key=lambda name: -most[name])
