"""The zoo as a table of Markdown, and what it comes to."""

from collections.abc import Mapping
from statistics import median

from examples.document_figures import markdown_table
from examples.zoo.members import ZooMember
from examples.zoo.outcomes import Outcome

ALIKE = 0.99
_HEADER = [
    "network",
    "as published by",
    "file",
    "window",
    "parts",
    "as its own float",
    "MB",
    "s",
    "GB",
]


def line(outcome: Outcome) -> str:
    """An outcome in a few words, while the others are still to come."""
    if outcome.status != "converted":
        return f"{outcome.status} after {outcome.seconds:.0f} s: {outcome.reason}"
    return f"{_parts(outcome)}, {_agreement(outcome)} alike, {outcome.seconds:.0f} s"


def written(zoo: Mapping[str, ZooMember], outcomes_by_name: Mapping[str, Outcome]) -> str:
    """What it comes to, then a row for each network that was tried."""
    rows = [_row(zoo[name], outcomes_by_name[name]) for name in zoo if name in outcomes_by_name]
    return f"{_summary(outcomes_by_name)}\n\n{markdown_table(_HEADER, rows)}"


def _summary(outcomes_by_name: Mapping[str, Outcome]) -> str:
    every = list(outcomes_by_name.values())
    converted = [each for each in every if each.status == "converted"]
    cut = [each for each in converted if each.is_cut]
    int8 = [each for each in converted if next(iter(each.precisions.values())) == "int8"]
    alike = [each for each in converted if min(each.agreement.values()) >= ALIKE]
    seconds = [each.seconds for each in converted] or [0.0]
    most = max((each.memory_gb for each in every), default=0.0)
    count = {s: sum(each.status == s for each in every) for s in ("refused", "failed", "not built")}
    return (
        f"Of {len(every)} networks {len(converted)} were converted and {len(cut)} of these cut; "
        f"{count['refused']} were refused in one line, {count['failed']} failed otherwise, "
        f"{count['not built']} could not be built. The first part is int8 in {len(int8)}. "
        f"{len(alike)} say what their float network says of at least {100 * ALIKE:.0f} % of clips "
        f"(of the variance, for numbers). A conversion took {median(seconds):.0f} s by the median, "
        f"{max(seconds):.0f} at most, and up to {most:.1f} GB."
    )


def _row(member: ZooMember, outcome: Outcome) -> list[str]:
    window = " x ".join(map(str, member.frames))
    start = [f"`{member.name}`", member.source, member.form, window]
    if outcome.status != "converted":
        return [*start, f"{outcome.status}: {outcome.reason}", "", "", f"{outcome.seconds:.0f}", ""]
    figures = [f"{outcome.size_mb:.2f}", f"{outcome.seconds:.0f}", f"{outcome.memory_gb:.1f}"]
    return [*start, _parts(outcome), _agreement(outcome), *figures]


def _parts(outcome: Outcome) -> str:
    return " + ".join(f"{role} {precision}" for role, precision in outcome.precisions.items())


def _agreement(outcome: Outcome) -> str:
    return ", ".join(f"{100 * share:.1f} %" for share in outcome.agreement.values())
