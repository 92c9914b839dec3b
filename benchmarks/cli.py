"""edge-bench: what a bundle costs on this machine and how right it is."""

import click

from edge_benchmarks.commands.compare import compare
from edge_benchmarks.commands.facts import facts
from edge_benchmarks.commands.gate import gate
from edge_benchmarks.commands.history import history
from edge_benchmarks.commands.predict import predict
from edge_benchmarks.commands.report import report
from edge_benchmarks.commands.run import run
from edge_benchmarks.commands.score import score
from edge_benchmarks.commands.suite import suite
from edge_benchmarks.commands.versus import versus
from edge_common import __version__
from edge_common.command_line import DefaultCommandGroup

EXAMPLES = """\b
Examples:
  edge-bench mine.edge
  edge-bench mine.edge --data test.npz --baselines -o record.json
  edge-bench versus old.edge new.edge
  edge-bench score decisions.jsonl truth.jsonl --bundle mine.edge
  edge-bench run --help
"""


@click.group(cls=DefaultCommandGroup, default="run", epilog=EXAMPLES)
@click.version_option(__version__)
def main() -> None:
    """Measure bundles: cost, latency, accuracy, cold start, baselines.

    `edge-bench BUNDLE ...` is short for `edge-bench run BUNDLE ...`.
    """


main.add_command(run)
main.add_command(report)
main.add_command(score)
main.add_command(versus)
main.add_command(compare)
main.add_command(facts)
main.add_command(gate)
main.add_command(history)
main.add_command(suite)
main.add_command(predict)


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
