"""edge-bench: what a bundle costs on this machine and how right it is."""

import click

from edge_benchmarks.commands import compare, events, facts, run, suite
from edge_common import __version__, command_line

EXAMPLES = """\b
Examples:
  edge-bench mine.edge
  edge-bench mine.edge --data test.npz --baselines -o record.json
  edge-bench versus old.edge new.edge
  edge-bench score decisions.jsonl truth.jsonl --bundle mine.edge
  edge-bench run --help
"""


@click.group(cls=command_line.DefaultCommandGroup, default="run", epilog=EXAMPLES)
@click.version_option(__version__)
def main() -> None:
    """Measure bundles: cost, latency, accuracy, cold start, baselines.

    `edge-bench BUNDLE ...` is short for `edge-bench run BUNDLE ...`.
    """


for command in (
    run.run,
    suite.report,
    compare.score,
    compare.tracking,
    events.events,
    compare.versus,
    compare.compare,
    facts.facts,
    facts.gate,
    suite.history,
    suite.suite,
    facts.predict,
):
    main.add_command(command)


@main.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def table(arguments: tuple[str, ...]) -> None:
    """The thesis' table, which left this command."""
    raise click.UsageError(
        "the thesis' table is a program of the source tree now: "
        "python -m examples.thesis_table -o table.html"
    )


if __name__ == "__main__":
    main(prog_name="edge-bench")
