"""The user's command line as the board gets it, and the files that are sent along.

Every input gets a folder of its own below the run's, so that two of one name do not
meet and a record still says `clip.mp4`.
"""

import glob
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from edge.shipped import find_bundle
from edge_common.errors import SourceError


@dataclass(frozen=True)
class Outgoing:
    """A file here, and its name in the folder of the run on the board."""

    path: Path
    name: str
    size_bytes: int


def path_files(value: str, place: str) -> tuple[str, list[Outgoing]]:
    """A file, or a folder with all that is in it."""
    path = Path(value)
    remote_path = PurePosixPath(place, path.resolve().name)
    if path.is_file():
        return str(remote_path), [_outgoing(path, remote_path)]
    inside = sorted(p for p in path.rglob("*") if p.is_file())
    return str(remote_path), [
        _outgoing(p, remote_path / p.relative_to(path).as_posix()) for p in inside
    ]


def bundle_files(value: str, place: str) -> tuple[str, list[Outgoing]]:
    """A bundle's file; a shipped name stands for the one that the board's wheel holds.

    Raises BundleError if it is neither.
    """
    if Path(value).is_file():
        return path_files(value, place)
    find_bundle(value)
    return value, []


def source_files(value: str, place: str) -> tuple[str, list[Outgoing]]:
    """A video, a folder or a glob of images; what has a URL, the board reads itself.

    Raises SourceError if nothing is there.
    """
    if Path(value).exists():
        return path_files(value, place)
    if len(urlsplit(value).scheme) > 1:
        return value, []
    matches = [path for path in map(Path, sorted(glob.glob(value))) if path.is_file()]
    if not matches:
        raise SourceError(f"there is no source {value}: give a video, an image folder or a glob")
    fixed, pattern = _split(value)
    remote_path = PurePosixPath(place)
    return str(remote_path / pattern), [
        _outgoing(path, remote_path / path.relative_to(fixed).as_posix()) for path in matches
    ]


def wheel_files(folder: Path, place: str) -> list[Outgoing]:
    """The wheels in a folder."""
    return [_outgoing(path, PurePosixPath(place, path.name)) for path in folder.glob("*.whl")]


def _outgoing(path: Path, name: PurePosixPath) -> Outgoing:
    return Outgoing(path, str(name), path.stat().st_size)


def _split(pattern: str) -> tuple[Path, str]:
    """The folder in front of the first wildcard, and the rest."""
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first]), "/".join(parts[first:])


_SET_BY_USER = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


@dataclass(frozen=True)
class CommandLine:
    """arguments: for edge-bench on the board.  files: what they speak of, to be sent."""

    arguments: tuple[str, ...]
    files: tuple[Outgoing, ...] = ()


def command_line(context: click.Context, local: Collection[str]) -> CommandLine:
    """All that the user gave to this command, but for the parameters named in `local`.

    The bundle, the source and each path that has to exist (`click.Path(exists=True)`) are
    sent if they are files here; every other value goes as it is. Raises BundleError or
    SourceError for a bundle or a source that is not there.
    """
    options: list[str] = []
    positional: list[str] = []
    files: list[Outgoing] = []
    for parameter in context.command.params:
        is_given = context.get_parameter_source(parameter.name) in _SET_BY_USER
        if not is_given or parameter.name in local:
            continue
        for values in _occurrences(parameter, context.params[parameter.name]):
            texts = []
            for value in values:
                text, file_group = _remote_value(parameter, str(value), f"{len(files)}")
                texts.append(text)
                files += file_group
            if isinstance(parameter, click.Option):
                options += [*_name(parameter, context.params[parameter.name]), *texts]
            else:
                positional += texts
    return CommandLine((*options, "--", *positional), tuple(files))


def _remote_value(parameter: click.Parameter, value: str, place: str) -> tuple[str, list[Outgoing]]:
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
    """Its longest name, that for "off" included; none if another of its flags was given."""
    names = option.opts
    if option.is_flag and not (value if option.is_bool_flag else value == option.flag_value):
        names = option.secondary_opts
    return [max(names, key=len)] if names else []
