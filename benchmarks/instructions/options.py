"""The options that count instructions on emulated boards."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

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
