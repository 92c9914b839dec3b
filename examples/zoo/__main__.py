"""`python -m examples.zoo`: networks as people publish them, and what edge-convert makes of each."""

from collections import Counter
from pathlib import Path

import click

from edge_common import command_line, console

EPILOG = """\b
Examples:
  python -m examples.zoo -o out/zoo
  python -m examples.zoo -o out/zoo --only ucf50_lrcn,c3d --again
"""
MARKS = ("<!-- zoo: make zoo -->", "<!-- end of zoo -->")


@click.command(epilog=EPILOG)
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True,
    metavar="FOLDER", help="Where networks, bundles and outcomes go.",
)  # fmt: skip
@click.option("--only", default="", metavar="NAME,...", help="Only these.  [default: all]")
@click.option("--again", is_flag=True, help="Also what was converted before.")
@click.option(
    "--table-only", is_flag=True, help="Convert nothing: write the table of what is there."
)
@click.option(
    "--results", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.md",
    help="Also put the table between its marks in this document.",
)  # fmt: skip
@command_line.one_line_errors
def main(output: Path, only: str, again: bool, table_only: bool, results: Path | None) -> None:
    """Build each network, convert it by the command, and compare the bundle with the network.

    What was done before is not done again: call it again after an interruption.
    """
    output.mkdir(parents=True, exist_ok=True)
    with console.captured_stderr():  # tensorflow's start-up notes would bury the progress
        from edge_common import ConfigError, nearest_or_all, write_whole
        from examples.document_figures import replace_marked
        from examples.zoo import outcomes, table, worker
        from examples.zoo.members import ZOO

        missing = worker.load_zoo()
    for name in missing:
        click.echo(f"networks that need {name} are left out: it is not installed")
    names = only.split(",") if only else list(ZOO)
    for name in names:
        if name not in ZOO:
            raise ConfigError(f"no network is called {name}{nearest_or_all(name, ZOO)}")
    outcomes_by_name = {}
    for number, name in enumerate(names):
        outcome = outcomes.read(output / name)
        if not table_only and (again or not outcome):
            click.echo(f"{number + 1} of {len(names)}, {name}: ", nl=False)
            outcome = outcomes.convert(ZOO[name], output / name)
            click.echo(table.line(outcome))
        if outcome:
            outcomes_by_name[name] = outcome
    text = table.written(ZOO, outcomes_by_name)
    write_whole(output / "zoo.md", f"{text}\n".encode())
    if results:
        replace_marked(results, *MARKS, text)
    click.echo(text)
    if Counter(each.status for each in outcomes_by_name.values())["failed"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
