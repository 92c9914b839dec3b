"""Options that several commands of `edge-bench` share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

SCENARIOS = ("camera", "offline", "multi-stream", "capacity", "cold", "soak", "pipeline")

_OPTIONS = (
    click.option(
        "--scenario",
        "scenarios",
        type=click.Choice(SCENARIOS),
        multiple=True,
        default=("cold",),
        show_default=True,
        help="Run this as well, after single-stream; repeatable. camera: frames at a fixed rate. "
        "offline: throughput. multi-stream: several sources. capacity: how many of them. "
        "cold: process start to first decision. soak: for --soak-minutes. pipeline: --source to file.",
    ),
    click.option(
        "--rate",
        "rate_hz",
        type=click.FloatRange(0),
        metavar="HZ",
        help="Frames a second of camera, capacity, soak (0: soak flat out). [default: the bundle's or 30]",
    ),
    click.option(
        "--deadline",
        "deadline_ms",
        type=click.FloatRange(0, min_open=True),
        metavar="MS",
        help="camera: how old a frame may be at its decision. [default: one period]",
    ),
    click.option(
        "--streams",
        type=click.IntRange(1),
        default=4,
        show_default=True,
        metavar="N",
        help="multi-stream: how many sources.",
    ),
    click.option(
        "--stream-threads",
        is_flag=True,
        help="multi-stream, capacity: a thread a source instead of serving them in turn.",
    ),
    click.option(
        "--soak-minutes",
        type=click.FloatRange(0, min_open=True),
        default=10.0,
        show_default=True,
        metavar="MIN",
        help="soak: how long.",
    ),
)


def scenario_options(command: F) -> F:
    """Add the options, in the order in which they stand here."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


F = TypeVar("F", bound=Callable[..., Any])

_INSIGHT_OPTIONS = (
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
        help="Time the first part in OpenVINO and ONNX Runtime as well, where they are installed.",
    ),
    click.option(
        "--cross-check",
        is_flag=True,
        help="Hold our timing of the first part against LiteRT's own benchmark script.",
    ),
)


def insight_options(command: F) -> F:
    """Add the options, in the order in which they stand here."""
    for option in reversed(_INSIGHT_OPTIONS):
        command = option(command)
    return command


F = TypeVar("F", bound=Callable[..., Any])

BOARDS = "BOARD[,BOARD...]|all"
if_possible_option = click.option(
    "--if-possible",
    is_flag=True,
    help="With --count: where this machine cannot count, say so and go on without.",
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
        help="The boards to count for; or emulated:BOARD, to play one at its *predicted* latency.",
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


F = TypeVar("F", bound=Callable[..., Any])

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
