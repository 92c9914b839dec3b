"""A board, and how Python there becomes the agent: it is sent its own modules, nothing is installed."""

import functools
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_common.errors import EdgeError

# ssh takes the first value that it is given for an option: what must hold stands before
# the user's options, what they may change behind them
_FIRM = ("BatchMode=yes", "ClearAllForwardings=yes", "ControlMaster=no", "LogLevel=INFO")
_DEFAULTS = ("ConnectTimeout=10", "ServerAliveInterval=15", "ServerAliveCountMax=3")


@dataclass(frozen=True)
class Board:
    """Where to measure, and how to get there.

    host: as ssh takes it (`pi@board`, a name of ssh_config).  ssh_options: `NAME=VALUE` as in
    ssh_config.  python: the interpreter there.  install: into an environment of our own; else
    `python` has edge-run already.  wheelhouse: wheels for a board without internet.
    """

    host: str
    port: int | None = None
    ssh_options: tuple[str, ...] = ()
    python: str = "python3"
    install: bool = True
    wheelhouse: Path | None = None

    @property
    def port_option(self) -> str:
        return f" -p {self.port}" if self.port else ""

    @property
    def by_hand(self) -> str:
        """What a person types to get there."""
        return f"ssh{self.port_option} {self.host}"

    @property
    def known_as(self) -> str:
        """Its name in known_hosts."""
        name = self.host.rpartition("@")[2]
        return f"[{name}]:{self.port}" if self.port and self.port != 22 else name

    def ssh_command(self) -> list[str]:
        """Starts Python there, which waits for the agent's source on stdin."""
        command = ["ssh", "-T"]
        for option in (*_FIRM, *self.ssh_options, *_DEFAULTS):
            command += ["-o", option]
        if self.port:
            command += ["-p", str(self.port)]
        return [*command, "--", self.host, shell_command(self.python)]


_AGENT = "edge_benchmarks.remote.agent"
_MODULES = ("talk", "job")  # none imports one behind it

# greets with its version, so that an old Python is named and does not crash, then runs a JSON list
# of [name, source]; neither single quotes nor line breaks, as every login shell has to take it
_CODE = ";".join(
    (
        "import sys,json,types",
        r'sys.stdout.write("\nedge-run %d.%d\n"%sys.version_info[:2])',
        "sys.stdout.flush()",
        "i=sys.stdin.buffer",
        "sources=json.loads(i.read(int(i.readline())).decode())",
        "module=lambda name:sys.modules.setdefault(name,types.ModuleType(name))",
        '[exec(compile(code,name,"exec"),module(name).__dict__) for name,code in sources]',
        f'sys.modules["{_AGENT}.job"].main()',
    )
)


def shell_command(python: str) -> str:
    """What a board's shell runs; `python` may begin with `~/`."""
    home, path = ("~/", python[2:]) if python.startswith("~/") else ("", python)
    return f"exec {home}{shlex.quote(path)} -I -c '{_CODE}'"


def agent_source() -> bytes:
    """What that waits for: a length, and the modules."""
    folder = resources.files(_AGENT)
    sources = [
        (f"{_AGENT}.{name}", (folder / f"{name}.py").read_text(encoding="utf-8"))
        for name in _MODULES
    ]
    content = json.dumps(sources).encode()
    return b"%d\n" % len(content) + content


class RemoteError(EdgeError):
    """A board cannot be reached, lacks what is needed, or gave no record."""


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
