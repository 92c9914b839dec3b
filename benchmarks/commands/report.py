"""`edge-bench report RECORD.json ...`: records as a page, as Markdown or as CSV."""

from pathlib import Path

import click

from edge_common.command_line import one_line_errors

EXAMPLES = """\b
Examples:
  edge-bench report record.json -o report.html
  edge-bench report records/*.json -o report.md
  edge-bench report pi5.json jetson.json -o figures.csv
"""

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=EXAMPLES)
@click.argument("records", nargs=-1, required=True, metavar="RECORD.json...", type=_file)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="FILE.html for one page with plots, FILE.md for Markdown, FILE.csv for rows.",
)
@one_line_errors
def report(records: tuple[Path, ...], output: Path) -> None:
    """Make one report of one or more records of edge-bench.

    The page needs no network and no other file; its plots need matplotlib:
    pip install 'edge-run[report]'. A row of CSV is a record and a way of running it;
    empty cells were not measured.
    """
    from edge_benchmarks.record.file import read_record
    from edge_benchmarks.show.writing import check_output, write_report

    check_output(output)
    write_report(output, [read_record(path) for path in records])
    click.echo(f"Wrote {output}")
