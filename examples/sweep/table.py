"""A sweep as tables in Markdown, and as JSON for whoever goes on with the figures."""

import dataclasses
import json
from collections.abc import Sequence

from edge_models.evaluation.intervals import Estimate
from examples.sweep.figures import MemberFigures


def as_json(title: str, reference: str, figures: Sequence[MemberFigures]) -> str:
    """All figures, unrounded."""
    rows = [dataclasses.asdict(found) for found in figures]
    return json.dumps({"name": title, "reference": reference, "members": rows}, indent=2) + "\n"


def as_markdown(title: str, reference: str, figures: Sequence[MemberFigures]) -> str:
    """What each member is; float accuracy and what it costs; what became of it in int8."""
    base = next(found for found in figures if found.name == reference)
    members = [f"* {found.name}: {found.about}" for found in figures]
    parts = [f"**{title}**", "\n".join(members), _float(figures, base), _int8(figures, base)]
    return "\n\n".join(parts) + "\n"


def _float(figures: Sequence[MemberFigures], base: MemberFigures) -> str:
    head = ["network", "parameters", f"ms a frame, int8, {base.timed_on}", f"of {base.name}'s"]
    head += [f"{task}, float (n = {found.n:,})" for task, found in base.accuracy.items()]
    head += [f"{task}, points behind {base.name}" for task in base.accuracy]
    rows = [
        [found.name, f"{found.parameters / 1e6:.2f} M", f"{found.shortest_ms:.3f}",
         f"1/{base.shortest_ms / found.shortest_ms:.1f}", *map(str, found.accuracy.values()),
         *map(_points, found.behind.values())]
        for found in figures
    ]  # fmt: skip
    return _table(head, rows)


def _int8(figures: Sequence[MemberFigures], base: MemberFigures) -> str:
    head = ["network", "multiply-adds a frame", "file, int8"]
    head += [f"ms a frame, {board}, predicted" for board in base.predicted_ms]
    head += [f"{task}, int8 (n = {found.n:,})" for task, found in base.int8_accuracy.items()]
    rows = [
        [found.name, f"{found.multiply_adds / 1e6:.1f} M", f"{found.bundle_bytes / 1e6:.2f} MB",
         *(f"{ms:.1f}" for ms in found.predicted_ms.values()),
         *map(str, found.int8_accuracy.values())]
        for found in figures
    ]  # fmt: skip
    return _table(head, rows)


def _points(share: Estimate) -> str:
    return f"{share.value * 100:+.2f} [{share.low * 100:+.2f}, {share.high * 100:+.2f}]"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
