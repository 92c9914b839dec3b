"""A sweep as a table in Markdown, and as JSON for whoever goes on with the figures."""

import dataclasses
import json
from collections.abc import Sequence

from ..evaluation.intervals import Estimate
from .figures import MemberFigures

HEAD = (
    "network", "parameters", "multiply-adds a frame", "int8 file",
    "ms a frame", "against reference",
)  # fmt: skip


def as_json(title: str, reference: str, figures: Sequence[MemberFigures]) -> str:
    """All figures, unrounded."""
    rows = [dataclasses.asdict(found) for found in figures]
    return json.dumps({"name": title, "reference": reference, "members": rows}, indent=2) + "\n"


def as_markdown(title: str, reference: str, figures: Sequence[MemberFigures]) -> str:
    """A row for each member; accuracy of the float network, int8 beside it."""
    tasks = list(figures[0].accuracy)
    clips = figures[0].accuracy[tasks[0]].n
    int8_clips = figures[0].int8_accuracy[tasks[0]].n
    base = next(found for found in figures if found.name == reference)
    heads = [*HEAD, *(f"{board}, predicted" for board in base.predicted_ms)]
    heads += [f"{task} (n = {clips:,})" for task in tasks]
    heads += [f"{task}, points behind {reference}" for task in tasks]
    heads += [f"{task}, int8 (n = {int8_clips:,})" for task in tasks]
    lines = [f"**{title}**", "", _row(heads), _row(["---"] * len(heads))]
    lines += [_row(_cells(found, base, tasks)) for found in figures]
    return "\n".join(lines) + "\n"


def _cells(found: MemberFigures, base: MemberFigures, tasks: Sequence[str]) -> list[str]:
    cells = [
        f"{found.name}: {found.about}",
        f"{found.parameters / 1e6:.2f} M", f"{found.multiply_adds / 1e6:.1f} M",
        f"{found.bundle_bytes / 1e6:.2f} MB", f"{found.shortest_ms:.3f}",
        f"1/{base.shortest_ms / found.shortest_ms:.1f}",
    ]  # fmt: skip
    cells += [f"{found.predicted_ms[board]:.1f} ms" for board in base.predicted_ms]
    cells += [str(found.accuracy[task]) for task in tasks]
    cells += ["" if found is base else _points(found.behind[task]) for task in tasks]
    return cells + [str(found.int8_accuracy[task]) for task in tasks]


def _points(share: Estimate) -> str:
    return f"{share.value * 100:+.2f} [{share.low * 100:+.2f}, {share.high * 100:+.2f}]"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
