"""The user's command line as the board gets it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from edge_benchmarks.remote.bootstrap import shell_command
from edge_benchmarks.remote.files import Outgoing, bundle_files, path_files, source_files

_GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


@dataclass(frozen=True)
class CommandLine:
    """arguments: for edge-bench on the board.  files: what they speak of, to be sent."""

    arguments: tuple[str, ...]
    files: tuple[Outgoing, ...] = ()


def command_line(context: click.Context, local: Collection[str]) -> CommandLine:
    """All that the user gave to this command, but for the parameters named in `local`.

    The bundle, the source and each path that has to exist (`click.Path(exists=True)`) are
    sent where they are files here; every other value goes as it is. Raises BundleError or
    SourceError for a bundle or a source that is not there.
    """
    options: list[str] = []
    positional: list[str] = []
    files: list[Outgoing] = []
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name) in _GIVEN
        if not given or parameter.name in local:
            continue
        for values in _occurrences(parameter, context.params[parameter.name]):
            texts = []
            for value in values:
                text, found = _there(parameter, str(value), f"{len(files)}")
                texts.append(text)
                files += found
            if isinstance(parameter, click.Option):
                options += [*_name(parameter, context.params[parameter.name]), *texts]
            else:
                positional += texts
    return CommandLine((*options, "--", *positional), tuple(files))


def _there(parameter: click.Parameter, value: str, place: str) -> tuple[str, list[Outgoing]]:
    """A value as the board reads it, and the files that have to be sent for it to `place`."""
    if parameter.name == "bundle":
        return bundle_files(value, place)
    if parameter.name == "source":
        return source_files(value, place)
    if isinstance(parameter.type, click.Path) and parameter.type.exists:
        return path_files(value, place)
    return value, []


def _occurrences(parameter: click.Parameter, value: Any) -> Iterator[tuple[object, ...]]:
    """The values of each time that it was given."""
    if getattr(parameter, "is_flag", False):
        yield ()
        return
    repeated = getattr(parameter, "multiple", False) or parameter.nargs == -1
    for each in value if repeated else [value]:
        yield tuple(each) if parameter.nargs > 1 else (each,)


def _name(option: click.Option, value: object) -> list[str]:
    """Its longest name, that for "off" included; none where another of its flags was given."""
    names = option.opts
    if option.is_flag and not (value if option.is_bool_flag else value == option.flag_value):
        names = option.secondary_opts
    return [max(names, key=len)] if names else []


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
