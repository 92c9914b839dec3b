"""The options of `edge-bench --host`."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_benchmarks.remote.board import Board

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--host",
        metavar="[USER@]BOARD",
        help="Measure on this board, over ssh; needs sshd, your key and Python with venv there.",
    ),
    click.option(
        "-p", "--port", type=click.IntRange(1, 65535), help="With --host: the port of its sshd."
    ),
    click.option(
        "--ssh-option",
        multiple=True,
        metavar="NAME=VALUE",
        help="With --host: an option of ssh_config, such as IdentityFile=~/.ssh/board.",
    ),
    click.option(
        "--wheelhouse",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="With --host: send these wheels, for a board without internet.",
    ),
    click.option(
        "--board-python",
        metavar="PATH",
        help="With --host: the Python to use there. [default: python3]",
    ),
    click.option(
        "--no-install",
        is_flag=True,
        help="With --host: --board-python has edge-run already; send no wheel, install nothing.",
    ),
)
NAMES = frozenset({"host", "port", "ssh_option", "wheelhouse", "board_python", "no_install"})


def board_options(command: F) -> F:
    """Add the options; `command` gets `board`: a Board, or None without --host."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        values = {name: kwargs.pop(name) for name in NAMES}
        return command(*args, board=_board(**values), **kwargs)

    for option in reversed(_OPTIONS):
        option(wrapped)
    return wrapped  # type: ignore[return-value]


def _board(
    host: str | None,
    port: int | None,
    ssh_option: tuple[str, ...],
    wheelhouse: Path | None,
    board_python: str | None,
    no_install: bool,
) -> Board | None:
    if host is None:
        if port or ssh_option or wheelhouse or board_python or no_install:
            raise click.UsageError(
                "--port, --ssh-option, --wheelhouse, --board-python and --no-install go with --host"
            )
        return None
    if not host or host.startswith("-"):
        raise click.UsageError(f"--host takes a board as ssh does (pi@board), not {host!r}")
    if wheelhouse and no_install:
        raise click.UsageError("--wheelhouse is for installing: leave out one of the two")
    if wheelhouse and not any(wheelhouse.glob("*.whl")):
        raise click.UsageError(f"--wheelhouse {wheelhouse} holds no wheels (*.whl)")
    return Board(host, port, ssh_option, board_python or "python3", not no_install, wheelhouse)
