"""`edge-bench suite`, `history` and `report`: many records, made and read."""

import json
from contextlib import ExitStack
from pathlib import Path

import click

from edge_common import cluster, command_line, console, encode

EXAMPLES = """\b
Examples:
  edge-bench suite -o records
  edge-bench suite mine.toml -o records
  edge-bench suite mine.toml -o records --scheduler tcp://10.0.0.5:8786
  edge-bench history records
\b
A suite, of which only `bundles` is needed:
  bundles = ["faces-in-motion", { bundle = "mine.edge", data = "test.npz" }]
  threads = [1, 2]
  runtimes = ["auto"]
  delegates = ["auto", "none"]
  hosts = ["pi@kitchen", "pi@hall"]
  [options]
  baselines = true
"""


@click.command(epilog=EXAMPLES)
@click.argument(
    "suite_file",
    metavar="[SUITE.toml]",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where records and report.html go; made if missing.",
)
@command_line.scheduler_option
@command_line.one_line_errors
def suite(suite_file: Path | None, output: Path, scheduler: str) -> None:
    """Measure every combination of SUITE.toml, each in a fresh process, into FOLDER.

    Without SUITE.toml faces-in-motion is measured on one and two threads. Any option of
    `edge-bench run` may stand in it by name; paths are relative to the current folder.

    Boards of `hosts` are measured over ssh side by side; with --scheduler the machines of a Dask
    cluster are, those of one kind sharing the runs. Each measures one run at a time.

    Call it again to go on after an interruption: finished records of the same bundle,
    options and machine are kept. A run that fails does not end the others; the exit code
    is 1 then.
    """
    from edge_benchmarks.commands.run import run
    from edge_benchmarks.suite import machines, running
    from edge_benchmarks.suite.suite_file import SuiteOptions, default_suite, read_suite

    options = SuiteOptions(run)
    combinations = read_suite(suite_file or default_suite(), options).combinations()
    say = console.Progress().say
    with ExitStack() as stack:
        if scheduler:
            client = stack.enter_context(cluster.connected(scheduler))
            groups = machines.cluster_groups(combinations, options, client)
        else:
            groups = machines.local_groups(combinations, options)
        output.mkdir(parents=True, exist_ok=True)
        outcomes = running.SuiteRun(groups, output, say).run()
    console.echo(running.outcomes_table(outcomes))
    console.echo("\n" + running.make_report(outcomes, output / "report.html"))
    if any(outcome.outcome == running.FAILED for outcome in outcomes):
        raise SystemExit(1)


HISTORY_EXAMPLES = """\b
Examples:
  mkdir -p records
  edge-bench faces-in-motion -o records/$(date +%F-%H%M).json
  edge-bench history records
"""


@click.command(epilog=HISTORY_EXAMPLES)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@command_line.json_option
@command_line.one_line_errors
def history(folder: Path, as_json: bool) -> None:
    """Show all records of FOLDER over time, a table for each network, machine and setting.

    Each record is compared with the one before it: faster, slower or no difference at
    95 %, if both hold the shortest frames of enough processes.
    """
    from edge_benchmarks.judge.history import read_history
    from edge_benchmarks.show.verdicts import history_tables

    records = read_history(folder)
    console.echo(json.dumps(encode(records), indent=1) if as_json else history_tables(records))


REPORT_EXAMPLES = """\b
Examples:
  edge-bench report record.json -o report.html
  edge-bench report records/*.json -o report.md
  edge-bench report pi5.json jetson.json -o figures.csv
"""

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=REPORT_EXAMPLES)
@click.argument("records", nargs=-1, required=True, metavar="RECORD.json...", type=_file)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="FILE.html for one page with plots, FILE.md for Markdown, FILE.csv for rows.",
)
@command_line.one_line_errors
def report(records: tuple[Path, ...], output: Path) -> None:
    """Make one report of one or more records of edge-bench.

    The page needs no network and no other file; its plots need matplotlib:
    pip install '.[report]'. A row of CSV is a record and a way of running it;
    empty cells were not measured.
    """
    from edge_benchmarks.record import read_record
    from edge_benchmarks.show.writing import check_output, write_report

    check_output(output)
    write_report(output, [read_record(path) for path in records])
    console.echo(f"Wrote {output}")
