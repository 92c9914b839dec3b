"""`edge-bench facts`, `predict` and `gate`: what is known without a clock, and what holds it."""

import json
import math
from pathlib import Path
from typing import Any

import click

from edge.commands.options import engine_options, threads_option
from edge.commands.plain import PlainOptions, plain_options
from edge.engine import EngineOptions
from edge.shipped import BENCHMARK_BUNDLE
from edge_benchmarks.commands.options import across_options, count_boards_option, if_possible_option
from edge_common import EngineError, command_line, console, encode

EXAMPLES = """\b
Examples:
  edge-bench facts faces-in-motion -o new.facts.json
  edge-bench facts mine.edge --data test.npz -o mine.facts.json
  edge-bench facts mine.edge --count pi-4,pi-5 -o mine.facts.json
  edge-bench gate new.facts.json --baseline old.facts.json
"""


@click.command(epilog=EXAMPLES)
@click.argument("bundle", default=BENCHMARK_BUNDLE)
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
@plain_options
@command_line.json_option
@command_line.one_line_errors
def facts(
    bundle: str,
    data: Path | None,
    output: Path | None,
    boards: str | None,
    if_possible: bool,
    engine: EngineOptions,
    plain: PlainOptions,
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
    from edge_benchmarks.judge.facts import facts_to_json, gather, write_facts
    from edge_benchmarks.prediction import boards_named, counters
    from edge_benchmarks.show.prediction import facts_table

    progress = console.Progress()
    try:
        ready = counters(boards_named(boards), progress) if boards else ()
    except EngineError as error:
        if not if_possible:
            raise
        progress.say(f"warning: not counted, {error}")
        ready = ()
    plain.refuse_for(bundle)
    with plain.as_bundle(bundle, engine.runtime) as name:
        bundle_facts = gather(
            name, StreamOptions(**vars(engine), gate=False), data, progress, ready
        )
    if output:
        write_facts(output, bundle_facts)
    console.echo(facts_to_json(bundle_facts).rstrip() if as_json else facts_table(bundle_facts))


PREDICT_EXAMPLES = """\b
Examples:
  edge-bench predict
  edge-bench predict mine.edge --device pi-4,pi-5 --threads 4
  edge-bench predict mine.edge --count
  edge-bench predict --explain
"""


@click.command(epilog=PREDICT_EXAMPLES)
@click.argument("bundle", default=BENCHMARK_BUNDLE)
@click.option(
    "--device",
    default="all",
    show_default=True,
    metavar="BOARD[,BOARD...]|all",
    help="Boards to predict for; `edge-devices list` shows them.",
)
@threads_option
@plain_options
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
    bundle: str,
    device: str,
    threads: int,
    count: bool,
    explain: bool,
    plain: PlainOptions,
    as_json: bool,
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
        console.echo(leave_one_out_table())
        return
    plain.refuse_for(bundle)
    with plain.as_bundle(bundle, "auto") as name:
        (prediction,) = run_forecasts(name, device, [threads], count, console.Progress())
    console.echo(
        json.dumps(encode(prediction), indent=2) if as_json else forecast_table(prediction)
    )


class _Allowance(click.ParamType):
    """A number that is not negative, its unit written or not."""

    def __init__(self, name: str, unit: str, scale: float) -> None:
        self.name, self._unit, self._scale = name, unit, scale

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            number = float(str(value).removesuffix(self._unit))
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            self.fail(f"{value!r} is no allowance: write it like 5{self._unit}", param, ctx)
        return number * self._scale


PERCENT = _Allowance("percent", "%", 0.01)  # as a share
POINTS = _Allowance("points", " points", 1.0)  # hundredths of an accuracy

GATE_EXAMPLES = """\b
Examples:
  edge-bench facts faces-in-motion -o baseline.facts.json
  edge-bench facts faces-in-motion -o new.facts.json
  edge-bench gate new.facts.json --baseline baseline.facts.json --max-larger 1%
\b
  edge-bench faces-in-motion -o old.json
  edge-bench faces-in-motion -o new.json
  edge-bench gate new.json --baseline old.json --max-slower 5%
\b
Exit codes:
  0  every figure is within its allowance, or inconclusive without --strict
  1  at least one is not
  2  a file is missing, unreadable, or of another machine or network
"""

_path = click.Path(path_type=Path)


@click.command(epilog=GATE_EXAMPLES)
@click.argument("new", type=_path)
@click.option(
    "--baseline", type=_path, required=True, metavar="FILE", help="What NEW is held against."
)
@click.option(
    "--max-slower",
    "slower",
    type=PERCENT,
    default="5%",
    show_default=True,
    help="For a frame's time.",
)
@click.option(
    "--max-larger",
    "larger",
    type=PERCENT,
    default="1%",
    show_default=True,
    help="For size, parameters, multiply-adds, operators and mean absolute errors.",
)
@click.option(
    "--max-drop",
    "drop",
    type=POINTS,
    default="0.5",
    show_default=True,
    help="For the accuracy of each task, on the same clips.",
)
@click.option(
    "--max-more-instructions",
    "more_instructions",
    type=PERCENT,
    default="1%",
    show_default=True,
    help="For the instructions of each part on each board.",
)
@click.option(
    "--deterministic", is_flag=True, help="Leave out the clock; always so if a file is facts."
)
@click.option("--strict", is_flag=True, help="Fail as well if a check is inconclusive.")
@across_options
@command_line.json_option
@command_line.one_line_errors
def gate(
    new: Path,
    baseline: Path,
    strict: bool,
    across_machines: bool,
    across_settings: bool,
    as_json: bool,
    **allowances: Any,
) -> None:
    """Hold NEW, a record or the facts of a bundle, against a baseline of either kind.

    Frames are too slow if that is certain at 95 % and the estimate is above the
    allowance. If the interval holds both no slow-down and too large a one, the check is
    inconclusive: it passes with a warning. All other figures need no statistics. Never
    allowed are more operators outside XNNPACK, more invocations a frame and other golden
    decisions. Instructions are held against each other if both files were made with
    --count, for the same board and with the same version of the runtime.
    """
    from edge_benchmarks.judge import checks, records
    from edge_benchmarks.judge.gate import read_baseline, read_figures, run_checks
    from edge_benchmarks.show.verdicts import checks_table

    results = run_checks(
        (str(baseline), str(new)),
        read_baseline(baseline),
        read_figures(new),
        checks.Allowances(**allowances),
        records.Across(across_machines, across_settings),
    )
    verdict = checks.outcome(results, strict)
    if as_json:
        console.echo(json.dumps({"outcome": verdict, "checks": encode(results)}, indent=1))
    else:
        console.echo(checks_table(results, strict))
    if verdict == checks.FAIL:
        raise SystemExit(1)
