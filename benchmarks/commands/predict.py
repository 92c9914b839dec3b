"""`edge-bench predict`: milliseconds a frame on boards that are not here."""

import click

from edge.commands.options import threads_option
from edge.shipped import DEFAULT_BUNDLE
from edge_common.command_line import json_option, one_line_errors

EXAMPLES = """\b
Examples:
  edge-bench predict
  edge-bench predict mine.edge --device pi-4,pi-5 --threads 4
  edge-bench predict mine.edge --count
  edge-bench predict --explain
"""


@click.command(epilog=EXAMPLES)
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
@json_option
@one_line_errors
def predict(
    bundle: str, device: str, threads: int, count: bool, explain: bool, as_json: bool
) -> None:
    """Predict what a frame of BUNDLE takes on boards, before you buy one.

    From the instructions that each part executes on the board's cores, the bytes that it moves
    and the board's profile, fitted to figures that others published. Nothing of it is measured;
    each figure has its 90 % interval. Records of edge-bench from real boards in
    ~/.config/edge/measurements/ improve it.
    """
    import json

    from edge_benchmarks.prediction import run_forecasts
    from edge_benchmarks.show.prediction import forecast_table, leave_one_out_table
    from edge_common.console import Progress
    from edge_common.data import encode

    if explain:
        click.echo(leave_one_out_table())
        return
    (prediction,) = run_forecasts(bundle, device, [threads], count, Progress())
    click.echo(json.dumps(encode(prediction), indent=2) if as_json else forecast_table(prediction))
