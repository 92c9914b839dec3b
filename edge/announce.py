"""What a user has to know although the run goes on: one line on stderr, said once."""

import functools
import sys

import click


@functools.cache
def announce(text: str) -> None:
    """Write `warning: TEXT`; the same text again says nothing new and is left out."""
    over_a_bar = "\r\033[K" if sys.stderr.isatty() else ""
    click.echo(f"{over_a_bar}warning: {' '.join(text.split())}", err=True)
