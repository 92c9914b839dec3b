"""`edge-bench history`: the records of a folder over time."""

from pathlib import Path

import click

from edge_common.command_line import json_option, one_line_errors

EXAMPLES = """\b
Examples:
  mkdir -p records
  edge-bench faces-in-motion -o records/$(date +%F-%H%M).json
  edge-bench history records
"""


@click.command(epilog=EXAMPLES)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
@one_line_errors
def history(folder: Path, as_json: bool) -> None:
    """Show all records of FOLDER over time, a table for each network, machine and setting.

    Each record is compared with the one before it: faster, slower or no difference at
    95 %, if both hold the shortest frames of enough processes.
    """
    import json

    from edge_benchmarks.judge.history import read_history
    from edge_benchmarks.show.verdicts import history_tables
    from edge_common.data import encode

    records = read_history(folder)
    click.echo(json.dumps(encode(records), indent=1) if as_json else history_tables(records))
