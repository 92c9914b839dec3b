"""Train, convert, time and compare the members of a sweep."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_common.errors import ConfigError
from edge_common.files import write_whole
from edge_models.evaluation.network import ANSWERS, read_answers
from edge_models.evaluation.report import report_folder
from edge_models.evaluation.results import TaskResult
from examples.sweep.figures import MemberFigures, as_json, as_markdown, figures_of
from examples.sweep.measuring import PREDICTED, convert_and_answer, is_newer, time_all
from examples.sweep.pareto import plot
from examples.sweep.plan import Member, Sweep
from examples.sweep.training import MODEL, is_trained, trained

TENTH, FIFTH = 0.1, 0.2  # of the reference's parameters and latency


def train_and_convert(members: Sequence[Member], folder: Path, *, convert: bool) -> None:
    """Train each, and make its bundle.

    Raises:
        ConfigError: one that takes a backbone comes before the one that trains it.
    """
    for member in members:
        if member.pretrained_from and not is_trained(
            member.pretrained_from, folder / member.pretrained_from.name
        ):
            raise ConfigError(
                f"{member.name} takes the backbone of {member.pretrained_from.name}, which is not trained "
                f"yet: name {member.pretrained_from.name} before it"
            )
        data = trained(member, folder)
        if convert:
            convert_and_answer(folder / member.name, data, member.training.seed)


def compare(
    sweep: Sweep, folder: Path, *, processes: int = 20, again: bool = False
) -> list[MemberFigures]:
    """Time all that are there, and write the table and the picture.

    Raises:
        ConfigError: the reference is not there yet.
    """
    there = [m for m in sweep.members if _is_measured(m, folder / m.name)]
    if sweep.reference not in [member.name for member in there]:
        raise ConfigError(f"{sweep.reference}, which all are compared with, is not trained yet")
    time_all([folder / member.name for member in there], processes, again)
    answers = {member.name: _answers(folder / member.name) for member in there}
    figures = [
        figures_of(
            m.name, m.about, folder / m.name, answers[m.name], answers[sweep.reference],
        )
        for m in there
    ]  # fmt: skip
    table = as_markdown(sweep.name, sweep.reference, figures)
    write_whole(folder / "sweep.md", table.encode())
    write_whole(folder / "sweep.json", as_json(sweep.name, sweep.reference, figures).encode())
    plot(folder / "sweep.png", sweep.name, figures, sweep.reference, (TENTH, FIFTH))
    click.echo(table)
    return figures


def _answers(own: Path) -> dict[str, TaskResult]:
    return read_answers(report_folder(own / MODEL) / ANSWERS)


def _is_measured(member: Member, own: Path) -> bool:
    return is_trained(member, own) and is_newer(own / PREDICTED, own / MODEL)
