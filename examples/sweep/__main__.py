"""`python -m examples.sweep`: train members of the family alike, and picture what accuracy costs."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_common.command_line import one_line_errors
from edge_common.console import captured_stderr
from edge_common.errors import ConfigError
from edge_common.files import write_whole
from edge_models.evaluation.measure import ANSWERS, read_answers
from edge_models.evaluation.report import report_folder
from edge_models.evaluation.results import TaskResult
from examples.sweep.figures import MemberFigures, figures_of
from examples.sweep.measuring import PREDICTED, convert_and_answer, is_newer, time_all
from examples.sweep.pareto import plot
from examples.sweep.plan import Member, Sweep
from examples.sweep.table import as_json, as_markdown
from examples.sweep.training import MODEL, is_trained, trained

EPILOG = """\b
Examples:
  python -m examples.sweep examples/sweep/fashion.toml -o out/sweeps/fashion
  python -m examples.sweep examples/sweep/orl.toml -o out/sweeps/orl --members b3,lite0
"""


@click.command(epilog=EPILOG)
@click.argument("path", metavar="SWEEP.toml", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True,
    metavar="FOLDER", help="Where members are trained, and sweep.md, .json and .png go.",
)  # fmt: skip
@click.option("--members", default="", metavar="NAME,...", help="Only these.  [default: all]")
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False), metavar="FOLDER",
    help="Where the data set lies, instead of the file's data.path.",
)  # fmt: skip
@click.option("--train-only", is_flag=True, help="Leave converting and measuring for later.")
@click.option(
    "--processes", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
    help="Fresh processes a bundle, whose shortest frames are its latency.",
)  # fmt: skip
@click.option("--time-again", is_flag=True, help="Time all bundles, also those that were.")
@one_line_errors
def main(
    path: Path, output: Path, members: str, data: str | None,
    train_only: bool, processes: int, time_again: bool,
) -> None:  # fmt: skip
    """Train, convert and measure every network that SWEEP.toml names, and compare them.

    What was done before is not done again: call it again after an interruption, or with
    more members.
    """
    from examples.sweep.plan import read_sweep

    sweep = read_sweep(path, data)
    names = members.split(",") if members else [member.name for member in sweep.members]
    chosen = [sweep.member(name) for name in names]
    with captured_stderr():  # tensorflow's start-up notes would bury the progress
        pass

    train_and_convert(chosen, output, convert=not train_only)
    if not train_only:
        compare(sweep, output, processes=processes, again=time_again)
        click.echo(f"wrote {output}/sweep.md, sweep.json and sweep.png")


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


if __name__ == "__main__":
    main()
