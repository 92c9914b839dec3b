"""edge-bench: what a bundle costs on this machine and how right it is."""

import click

from benchmarks.default_group import DefaultCommandGroup
from benchmarks.run_command import run
from benchmarks.score_command import score
from edge import __version__

EXAMPLES = """\b
Examples:
  edge-bench mine.edge
  edge-bench mine.edge --data test.npz --baselines -o record.json
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
main.add_command(score)
