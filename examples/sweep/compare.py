"""Train, convert, time and compare the members of a sweep."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_common import ConfigError, write_whole
from edge_models.evaluation import network, report
from examples.sweep import pareto, plan, training
from examples.sweep.figures import Answers, MemberFigures, as_json, as_markdown, figures_of

TENTH, FIFTH = 0.1, 0.2  # of the reference's parameters and latency


def train_and_convert(
    members: Sequence[plan.SweepMember],
    folder: Path,
    *,
    convert: bool,
    int8_clips: int,
    part: str = "",
) -> None:
    """Train each, and make its bundle.

    part: names a cache of its own, if other parts of the sweep are trained meanwhile.

    Raises:
        ConfigError: one that takes a backbone comes before the one that trains it.
    """
    for member in members:
        if member.pretrained_from and not training.is_trained(
            member.pretrained_from, folder / member.pretrained_from.name
        ):
            raise ConfigError(
                f"{member.name} takes the backbone of {member.pretrained_from.name}, which is not trained "
                f"yet: name {member.pretrained_from.name} before it"
            )
        data = training.trained(member, folder, folder / ".cache" / part)
        if convert:
            training.convert_and_answer(
                folder / member.name, data, member.training.seed, int8_clips
            )


def compare(
    sweep: plan.Sweep, folder: Path, *, processes: int = 20, again: bool = False
) -> list[MemberFigures]:
    """Time all that are there, and write the table and the picture.

    Raises:
        ConfigError: the reference is not there yet.
    """
    members = [m for m in sweep.members if _is_measured(m, folder / m.name)]
    if sweep.reference not in [member.name for member in members]:
        raise ConfigError(f"{sweep.reference}, which all are compared with, is not trained yet")
    training.time_all([folder / member.name for member in members], processes, again)
    answers = {member.name: _answers(folder / member.name) for member in members}
    figures = [
        figures_of(
            m.name,
            m.about,
            folder / m.name,
            answers[m.name],
            answers[sweep.reference],
            m.training.seed,
        )
        for m in members
    ]  # fmt: skip
    table = as_markdown(sweep.name, sweep.reference, figures)
    absent = [member.name for member in sweep.members if member not in members]
    if absent:
        table += f"\nNot trained yet: {', '.join(absent)}.\n"
    write_whole(folder / "sweep.md", table.encode())
    write_whole(folder / "sweep.json", as_json(sweep.name, sweep.reference, figures).encode())
    pareto.plot(folder / "sweep.png", sweep.name, figures, sweep.reference, (TENTH, FIFTH))
    click.echo(table)
    return figures


def _answers(own: Path) -> Answers:
    return network.read_answers(report.report_folder(own / training.MODEL) / network.ANSWERS)


def _is_measured(member: plan.SweepMember, own: Path) -> bool:
    return training.is_trained(member, own) and training.is_measured(own)
