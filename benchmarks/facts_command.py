"""`edge-bench facts`: what a bundle is and does that needs no clock."""

from pathlib import Path

import click

from edge.options import engine_options, json_option, one_line_errors
from edge.shipped import DEFAULT_BUNDLE

EXAMPLES = """\b
Examples:
  edge-bench facts faces-in-motion -o new.facts.json
  edge-bench facts mine.edge --data test.npz -o mine.facts.json
  edge-bench gate new.facts.json --baseline old.facts.json
"""


@click.command(epilog=EXAMPLES)
@click.argument("bundle", default=DEFAULT_BUNDLE)
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    metavar="CLIPS",
    help="Labelled clips, for accuracy. [default: what the bundle says of itself]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FACTS.json",
    help="Write the facts, for edge-bench gate.",
)
@engine_options
@json_option
@one_line_errors
def facts(
    bundle: str,
    data: Path | None,
    output: Path | None,
    runtime: str,
    threads: int,
    delegate: str | None,
    as_json: bool,
) -> None:
    """Find out what of BUNDLE is the same on every day and needs no timing, in seconds.

    Size, parameters, multiply-adds, operators and those that XNNPACK leaves to slower
    kernels, invocations of each part a frame, accuracy, and what is decided on the golden
    frames. The file is the same for the same bundle: fit to be committed as a baseline.
    """
    from benchmarks.facts.facts_file import facts_to_json, write_facts
    from benchmarks.facts.gather import gather
    from benchmarks.facts.shown import facts_table
    from edge.progress import Progress
    from edge.stream import EngineOptions

    found = gather(bundle, EngineOptions(runtime, threads, delegate), data, Progress())
    if output:
        write_facts(output, found)
    click.echo(facts_to_json(found).rstrip() if as_json else facts_table(found))
