"""The options of `edge-bench run` that ask for scenarios."""

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
