"""The options of `edge-bench run` that look deeper than the clock."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
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
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
