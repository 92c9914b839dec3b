"""`edge-bench facts`: what a bundle is and does that needs no clock."""

from pathlib import Path

import click

from edge.commands.options import engine_options
from edge.engine.delegate import Delegate
from edge.shipped import DEFAULT_BUNDLE
from edge_benchmarks.commands.options import count_boards_option, if_possible_option
from edge_common.command_line import json_option, one_line_errors

EXAMPLES = """\b
Examples:
  edge-bench facts faces-in-motion -o new.facts.json
  edge-bench facts mine.edge --data test.npz -o mine.facts.json
  edge-bench facts mine.edge --count pi-4,pi-5 -o mine.facts.json
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
@count_boards_option
@if_possible_option
@engine_options
@json_option
@one_line_errors
def facts(
    bundle: str,
    data: Path | None,
    output: Path | None,
    boards: str | None,
    if_possible: bool,
    runtime: str,
    threads: int,
    delegate: Delegate,
    as_json: bool,
) -> None:
    """Find out what of BUNDLE is the same on every day and needs no timing, in seconds.

    Size, parameters, multiply-adds, operators and those that XNNPACK leaves to slower
    kernels, invocations of each part a frame, accuracy, and what is decided on the golden
    frames. With --count also the instructions that each part executes on a board, which
    depend on the runtime's version. The file is the same for the same bundle: fit to be
    committed as a baseline.
    """
    from edge.stream import StreamOptions
    from edge_benchmarks.inside.instructions import boards_named, counters
    from edge_benchmarks.judge.facts import facts_to_json, gather, write_facts
    from edge_benchmarks.show.facts import facts_table
    from edge_common.console import Progress
    from edge_common.errors import EngineError

    progress = Progress()
    try:
        ready = counters(boards_named(boards), progress) if boards else ()
    except EngineError as error:
        if not if_possible:
            raise
        progress.say(f"warning: not counted, {error}")
        ready = ()
    bundle_facts = gather(bundle, StreamOptions(runtime, threads, delegate), data, progress, ready)
    if output:
        write_facts(output, bundle_facts)
    click.echo(facts_to_json(bundle_facts).rstrip() if as_json else facts_table(bundle_facts))
