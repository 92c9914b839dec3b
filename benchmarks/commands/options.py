"""Options that several commands of `edge-bench` share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from edge_benchmarks.scenarios import catalogue

F = TypeVar("F", bound=Callable[..., Any])


def scenario_options(command: click.Command) -> click.Command:
    """Add --scenario and the options of all scenarios, before those of the analyses."""
    names = [each.name for each in catalogue.SCENARIOS]
    summaries = " ".join(f"{each.name}: {each.summary}." for each in catalogue.SCENARIOS)
    choice = click.Option(
        ["--scenario", "scenarios"],
        type=click.Choice(names),
        multiple=True,
        default=("cold",),
        show_default=True,
        help=f"Run this as well, after single-stream; repeatable. {summaries}",
    )
    place = [parameter.name for parameter in command.params].index("profile")
    command.params[place:place] = [choice, *catalogue.options()]
    return command


_ANALYSIS_OPTIONS = (
    click.option(
        "--profile", is_flag=True, help="The time of each operator (LiteRT 2.2 or later)."
    ),
    click.option(
        "--roofline",
        is_flag=True,
        help="How near each part comes to the int8 peak and memory bandwidth measured here.",
    ),
    click.option(
        "--engines",
        is_flag=True,
        help="Time the first part in OpenVINO and ONNX Runtime as well, if they are installed.",
    ),
    click.option(
        "--cross-check",
        is_flag=True,
        help="Hold our timing of the first part against LiteRT's own benchmark script.",
    ),
)


def analysis_options(command: F) -> F:
    """Add the options, in the order in which they stand here."""
    for option in reversed(_ANALYSIS_OPTIONS):
        command = option(command)
    return command


BOARDS = "BOARD[,BOARD...]|all"
if_possible_option = click.option(
    "--if-possible",
    is_flag=True,
    help="With --count: if this machine cannot count, say so and go on without.",
)
_RUN = (
    click.option(
        "--count",
        is_flag=True,
        help="Count the instructions of each part, under qemu; with --device.",
    ),
    click.option(
        "--device",
        metavar=f"{BOARDS}|emulated:BOARD",
        default="",
        help="The boards to count for; or emulated:BOARD, to emulate one at its *predicted* latency.",
    ),
)
count_boards_option = click.option(
    "--count",
    "boards",
    metavar=BOARDS,
    help="Also count the instructions of each part on these boards, under qemu.",
)


def counting_options(command: F) -> F:
    """Add --count and --device."""
    for option in reversed(_RUN):
        command = option(command)
    return command


_across_machines = click.option(
    "--across-machines", is_flag=True, help="Compare though the machines differ."
)
_across_settings = click.option(
    "--across-settings",
    is_flag=True,
    help="Compare though runtime, threads, delegate or frames differ.",
)


def across_options(command: F) -> F:
    """Add --across-machines and --across-settings."""
    return _across_machines(_across_settings(command))
