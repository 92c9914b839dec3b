"""`edge-bench gate`: figures against a baseline, with an exit code for CI."""

import json
import math
from pathlib import Path
from typing import Any

import click

from edge_benchmarks.commands.options import across_options
from edge_common import command_line, encode


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

EXAMPLES = """\b
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


@click.command(epilog=EXAMPLES)
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
    from edge_benchmarks.judge.checks import FAIL, Allowances, outcome
    from edge_benchmarks.judge.gate import read_baseline, read_figures, run_checks
    from edge_benchmarks.judge.records import Across
    from edge_benchmarks.show.verdicts import checks_table

    checks = run_checks(
        (str(baseline), str(new)),
        read_baseline(baseline),
        read_figures(new),
        Allowances(**allowances),
        Across(across_machines, across_settings),
    )
    verdict = outcome(checks, strict)
    if as_json:
        click.echo(json.dumps({"outcome": verdict, "checks": encode(checks)}, indent=1))
    else:
        click.echo(checks_table(checks, strict))
    if verdict == FAIL:
        raise SystemExit(1)
