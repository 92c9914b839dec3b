"""`python -m examples.miracl`: what lips say, and whose they are, of people that nobody trained on."""

from pathlib import Path

import click

from edge_common import command_line, console

EPILOG = """\b
Examples:
  python -m examples.miracl examples/miracl/miracl.toml --data miracl_vc1 -o out/miracl
  python -m examples.miracl examples/miracl/miracl.toml --data miracl_vc1 -o out/miracl \\
    --members grid --questions utterance,person --fold 0
"""


@click.command(epilog=EPILOG)
@click.argument("path", metavar="FILE.toml", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
    metavar="FOLDER", help="MIRACL-VC1, unpacked: index.csv and clips/.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True,
    metavar="FOLDER", help="Where all is trained, and miracl.md and .json go.",
)  # fmt: skip
@click.option("--members", default="", metavar="NAME,...", help="Train only these.  [default: all]")
@click.option("--questions", default="", metavar="NAME,...", help="Only these.  [default: all]")
@click.option(
    "--fold",
    "folds",
    type=click.IntRange(0),
    multiple=True,
    metavar="K",
    help="Only this; repeatable.",
)
@click.option("--table-only", is_flag=True, help="Train nothing: write the table of what is there.")
@click.option(
    "--processes", type=click.IntRange(min=1), default=5, show_default=True, metavar="N",
    help="Fresh processes a member, whose shortest frames are its latency.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.md",
    help="Also put the table between its marks in this document.",
)  # fmt: skip
@command_line.one_line_errors
def main(
    path: Path, data: Path, output: Path, members: str, questions: str, folds: tuple[int, ...],
    table_only: bool, processes: int, results: Path | None,
) -> None:  # fmt: skip
    """Train, convert and ask every member that FILE.toml names, fold by fold, and write a table.

    What was done before is not done again: call it again after an interruption. The table
    says what is missing.
    """
    from examples.miracl.plan import read_plan

    plan = read_plan(path, str(data))
    runs = plan.select(_names(members), _names(questions), folds)
    with console.captured_stderr():  # tensorflow's start-up notes would bury the progress
        from examples.document_figures import replace_marked
        from examples.miracl import answers, figures, table
        from examples.sweep import training

    figures.read_index(data)  # raises before hours of training
    output.mkdir(parents=True, exist_ok=True)
    for run in [] if table_only else runs:
        training.trained(run.training, output, output / ".cache")
        answers.answer(run, output)
    text = table.write(plan, output, data, processes)
    if results:
        replace_marked(results, *table.MARKS, text)
    click.echo(text)
    click.echo(f"wrote {output}/miracl.md and miracl.json")


def _names(text: str) -> list[str]:
    return text.split(",") if text else []


if __name__ == "__main__":
    main()
