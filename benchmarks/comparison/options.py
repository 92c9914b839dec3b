"""What the user may allow for when records are compared."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

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
