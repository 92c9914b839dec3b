"""`edge-bench facts` and `predict`: what is known of a bundle without a clock."""

import json
from pathlib import Path

import click

from edge.commands.options import engine_options, threads_option
from edge.engine import EngineOptions
from edge.shipped import DEFAULT_BUNDLE
from edge_benchmarks.commands.options import count_boards_option, if_possible_option
from edge_common import EngineError, command_line, console, encode

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
@command_line.json_option
@command_line.one_line_errors
def facts(
    bundle: str,
    data: Path | None,
    output: Path | None,
    boards: str | None,
    if_possible: bool,
    engine: EngineOptions,
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
    from edge_benchmarks.show.prediction import facts_table

    progress = console.Progress()
    try:
        ready = counters(boards_named(boards), progress) if boards else ()
    except EngineError as error:
        if not if_possible:
            raise
        progress.say(f"warning: not counted, {error}")
        ready = ()
    bundle_facts = gather(bundle, StreamOptions(**vars(engine)), data, progress, ready)
    if output:
        write_facts(output, bundle_facts)
    click.echo(facts_to_json(bundle_facts).rstrip() if as_json else facts_table(bundle_facts))


PREDICT_EXAMPLES = """\b
Examples:
  edge-bench predict
  edge-bench predict mine.edge --device pi-4,pi-5 --threads 4
  edge-bench predict mine.edge --count
  edge-bench predict --explain
"""


@click.command(epilog=PREDICT_EXAMPLES)
@click.argument("bundle", default=DEFAULT_BUNDLE)
@click.option(
    "--device",
    default="all",
    show_default=True,
    metavar="BOARD[,BOARD...]|all",
    help="Boards to predict for; `edge-devices list` shows them.",
)
@threads_option
@click.option(
    "--count",
    is_flag=True,
    help="Count the instructions under qemu; else they are estimated from the operators.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Show every published figure beside what the model says without it.",
)
@command_line.json_option
@command_line.one_line_errors
def predict(
    bundle: str, device: str, threads: int, count: bool, explain: bool, as_json: bool
) -> None:
    """Predict what a frame of BUNDLE takes on boards, before you buy one.

    From the instructions that each part executes on the board's cores, the bytes that it moves
    and the board's profile, fitted to figures that others published. Nothing of it is measured;
    each figure has its 90 % interval. Records of edge-bench from real boards in
    ~/.config/edge/measurements/ improve it.
    """
    from edge_benchmarks.prediction import run_forecasts
    from edge_benchmarks.show.prediction import forecast_table, leave_one_out_table

    if explain:
        click.echo(leave_one_out_table())
        return
    (prediction,) = run_forecasts(bundle, device, [threads], count, console.Progress())
    click.echo(json.dumps(encode(prediction), indent=2) if as_json else forecast_table(prediction))
