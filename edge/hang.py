"""What is said and done, and after how long, where a frame does not come to its end."""

import sys

import click

from edge.delegates import Delegate
from edge.errors import EngineHung
from edge.watchdog import Watchdog

LIBRARY_TIMEOUT_S = 60.0  # a first frame may compile kernels


def default_timeout_s(delegate: Delegate) -> float:
    """Seconds that a frame may take; 0: any. Libraries of others are not trusted to come back."""
    return LIBRARY_TIMEOUT_S if delegate.is_library else 0.0


def guard(delegate: Delegate, timeout_s: float | None = None) -> Watchdog | None:
    """What ends the process with code 4 where a block takes longer; None where it may.

    timeout_s: 0: any time; None: as `default_timeout_s` says.
    """
    limit_s = default_timeout_s(delegate) if timeout_s is None else timeout_s

    def give_up() -> int:
        say_hang(limit_s, delegate)
        return EngineHung.exit_code

    return Watchdog(limit_s, give_up).start() if limit_s else None


def say_hang(timeout_s: float, delegate: Delegate) -> None:
    """The one line of an error, from a thread that has nobody to raise it to."""
    who = f"the delegate {delegate.label}" if delegate.is_library else "the runtime"
    click.echo(
        f"Error: {who} did not come back from a frame in {timeout_s:g} s and cannot be "
        "interrupted: start again, or with --delegate auto",
        err=True,
    )
    sys.stdout.flush()
    sys.stderr.flush()
