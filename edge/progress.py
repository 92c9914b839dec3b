"""What a long command is doing, on stderr, so that stdout holds results only."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click


class Progress:
    """Steps with the time since the start, and a bar for what can be counted."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet, self._began = quiet, time.perf_counter()

    def say(self, step: str) -> None:
        if not self._quiet:
            click.echo(f"{time.perf_counter() - self._began:6.1f} s  {step}", err=True)

    @contextlib.contextmanager
    def count(self, step: str, total: int) -> Iterator[Callable[[], None]]:
        """Yield a function to call after each of `total` things; a bar if stderr is a terminal."""
        self.say(f"{step} ({total})")
        if self._quiet:
            yield lambda: None
            return
        with bar(total) as on_each:
            yield on_each

    @contextlib.contextmanager
    def steps(self) -> Iterator[Callable[[int, int], None]]:
        """Yield a function that is told how many things are done, and of how many."""
        if self._quiet or not sys.stderr.isatty():
            yield lambda done, total: None
            return
        with click.progressbar(length=1, file=sys.stderr) as shown:

            def tell(done: int, total: int) -> None:
                shown.length = total
                shown.update(done - shown.pos)

            yield tell


@contextlib.contextmanager
def bar(total: int, label: str = "") -> Iterator[Callable[[], None]]:
    """Yield a function to call after each of `total` things; a bar if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as shown:
        yield lambda: shown.update(1)
