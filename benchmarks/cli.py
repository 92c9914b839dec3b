"""edge-bench: what a bundle costs on this machine and how right it is."""

import click

from benchmarks.compare_command import compare
from benchmarks.default_group import DefaultCommandGroup
from benchmarks.facts_command import facts
from benchmarks.gate_command import gate
from benchmarks.history_command import history
from benchmarks.predict_command import predict
from benchmarks.report_command import report
from benchmarks.run_command import run
from benchmarks.score_command import score
from benchmarks.suite_command import suite
from benchmarks.table_command import table
from benchmarks.versus_command import versus
from edge import __version__

EXAMPLES = """\b
Examples:
  edge-bench mine.edge
  edge-bench mine.edge --data test.npz --baselines -o record.json
  edge-bench versus old.edge new.edge
  edge-bench table utkface -o table.html
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
main.add_command(table)
