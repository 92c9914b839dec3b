"""`edge-bench suite`: several bundles, runtimes, delegates and thread counts in one go."""

from pathlib import Path

import click

from edge_common.command_line import one_line_errors

EXAMPLES = """\b
Examples:
  edge-bench suite -o records
  edge-bench suite mine.toml -o records
  edge-bench history records
\b
A suite, of which only `bundles` is needed:
  bundles = ["faces-in-motion", { bundle = "mine.edge", data = "test.npz" }]
  threads = [1, 2]
  runtimes = ["auto"]
  delegates = ["auto", "none"]
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
@one_line_errors
def suite(suite_file: Path | None, output: Path) -> None:
    """Measure every combination of SUITE.toml, each in a fresh process, into FOLDER.

    Without SUITE.toml the shipped network is measured on one and two threads. Any option of
    `edge-bench run` may stand in it by name; paths are relative to the current folder.

    Call it again to go on after an interruption: finished records of the same bundle,
    options and machine are kept. A run that fails does not end the others; the exit code
    is 1 then.
    """
    from edge_benchmarks.commands.run import run
    from edge_benchmarks.suite import running
    from edge_benchmarks.suite.suite_file import RunOptions, default_suite, read_suite
    from edge_common.console import Progress

    options = RunOptions(run)
    combinations = read_suite(suite_file or default_suite(), options).combinations()
    output.mkdir(parents=True, exist_ok=True)
    outcomes = running.run_all(
        combinations,
        output,
        Progress().say,
        lambda each, path: running.run_edge_bench(options.arguments(each), path),
    )
    click.echo(running.outcomes_table(outcomes))
    click.echo("\n" + running.make_report(outcomes, output / "report.html"))
    if any(outcome.outcome == running.FAILED for outcome in outcomes):
        raise SystemExit(1)
