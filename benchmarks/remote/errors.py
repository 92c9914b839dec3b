"""What goes wrong between here and a board, and the one place where ssh's words become ours."""

import re
from typing import NamedTuple

from edge_benchmarks.remote.board import Board
from edge_common.errors import EdgeError

_NO_PYTHON = (126, 127)  # what shells answer where a command cannot be run or is not there
_SSH_FAILED = 255


class RemoteError(EdgeError):
    """A board cannot be reached, lacks what is needed, or gave no record."""


class _Known(NamedTuple):
    pattern: str
    meaning: str


# the first that fits counts: ssh says more than one thing about a changed key
_KNOWN = (
    _Known(
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "{host} has another host key than it had: where the board was set up anew, forget the "
        "old key (ssh-keygen -R '{known_as}'); else somebody may stand in between",
    ),
    _Known(
        "Host key verification failed",
        "the host key of {host} is not known here: look at it once and accept it ({by_hand})",
    ),
    _Known(
        "Too many authentication failures",
        "{host} was offered too many keys: name one (--ssh-option IdentitiesOnly=yes "
        "--ssh-option IdentityFile=PATH)",
    ),
    _Known(
        "Permission denied",
        "{host} takes none of your keys, and no password is asked for here: give it one "
        "(ssh-copy-id{port} {host}), and unlock it in your agent (ssh-add)",
    ),
    _Known(
        "Could not resolve hostname",
        "there is no host {host}: check the name, or give its address",
    ),
    _Known(
        "Connection refused",
        "{host} refuses connections: is ssh enabled there (sudo systemctl enable --now ssh), and "
        "is the port right (-p PORT)?",
    ),
    _Known(
        "timed out|No route to host|Network is unreachable|Host is down",
        "{host} does not answer: is it on, and in this network?",
    ),
    _Known(
        "Bad configuration option|keyword .* extra arguments|unsupported option|missing argument"
        "|Bad .*argument|no argument after keyword",
        "ssh does not take the --ssh-option ({last}): write it as in ssh_config, NAME=VALUE",
    ),
)


def not_started(board: Board, status: int, said: str) -> RemoteError:
    """Why ssh, or the shell behind it, ended with `status` before Python answered.

    said: what stood on stderr.
    """
    last = _last_line(said)
    if status == _SSH_FAILED:
        return RemoteError(_meaning(board, said, last))
    if status in _NO_PYTHON:
        return RemoteError(
            f"{board.host} has no {board.python}: install it (sudo apt install python3-venv), or "
            "name another one with --board-python PATH"
        )
    return RemoteError(
        f"{board.host} did not start {board.python} (status {status}: {last}): does "
        f"`{board.by_hand} true` work?"
    )


def lost(board: Board, said: str) -> RemoteError:
    """The connection broke under way."""
    return RemoteError(
        f"the connection to {board.host} broke ({_last_line(said)}): what ran there is ended; "
        "check power and network, and run again"
    )


def _meaning(board: Board, said: str, last: str) -> str:
    for known in _KNOWN:
        if re.search(known.pattern, said):
            return known.meaning.format(
                host=board.host,
                port=board.port_option,
                known_as=board.known_as,
                by_hand=board.by_hand,
                last=last,
            )
    return f"ssh does not reach {board.host} ({last}): does `{board.by_hand} true` work?"


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing was said"
