"""What is sent to the board: the user's command line as it gets it, the files along, this project.

Every input gets a folder of its own below the run's, so that two of one name do not
meet and a record still says `clip.mp4`.

The project goes as a wheel, packed from the files that are running. Not built: `pip wheel`
needs a source tree, and setuptools from the internet. An installed package and an editable one
alike know their metadata and where their packages lie, and a wheel is no more than these in a
zip with a list of hashes (PEP 427). So there is one way for both, it works offline, and the
board gets exactly the code that asks it. In an editable installation the dependencies are those
of the last `pip install -e`.
"""

import base64
import glob
import hashlib
import io
import re
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib import metadata, resources, util
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import click

from edge.shipped import find_bundle
from edge_benchmarks.remote.agent.job import CONSTRAINTS
from edge_benchmarks.remote.board import RemoteError
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


def tested_versions() -> Outgoing:
    """The versions that a board's pip takes if it has a package index."""
    path = Path(str(resources.files("edge_benchmarks") / CONSTRAINTS))
    return _outgoing(path, PurePosixPath(CONSTRAINTS))


def _outgoing(path: Path, name: PurePosixPath) -> Outgoing:
    return Outgoing(path, str(name), path.stat().st_size)


def _split(pattern: str) -> tuple[Path, str]:
    """The folder in front of the first wildcard, and the rest."""
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first]), "/".join(parts[first:])


_SET_BY_USER = (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)


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


PROJECT = "edge-run"
_WHEEL = "Wheel-Version: 1.0\nGenerator: edge-bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_SAME_TIME = (1980, 1, 1, 0, 0, 0)  # the same files give the same bytes


@dataclass(frozen=True)
class Wheel:
    """name: of the file.  content: its bytes."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def project_wheel() -> Wheel:
    """Pack the running project. Raises RemoteError if it is not installed."""
    project = distribution()
    stem = f"{PROJECT.replace('-', '_')}-{project.version}"
    members = dict(_packages(project))
    for name, content in _metadata(project):
        members[f"{stem}.dist-info/{name}"] = content
    return Wheel(f"{stem}-py3-none-any.whl", zip_wheel(members, f"{stem}.dist-info/RECORD"))


def distribution() -> metadata.Distribution:
    """The installed project. Raises RemoteError if there is none."""
    try:
        return metadata.distribution(PROJECT)
    except metadata.PackageNotFoundError as error:
        raise RemoteError(
            f"{PROJECT} is not installed here, so that it cannot be sent: pip install ."
        ) from error


def supports(version: tuple[int, int]) -> bool:
    """Whether the project runs on this Python (major, minor)."""
    specifier = distribution().metadata["Requires-Python"] or ""
    bounds = re.findall(r"(>=|<)\s*(\d+)\.(\d+)", specifier)
    limits = [(kind, (int(major), int(minor))) for kind, major, minor in bounds]
    return all(version >= bound if kind == ">=" else version < bound for kind, bound in limits)


def _packages(project: metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    """Each file of each package, by its name in the wheel."""
    for package in (project.read_text("top_level.txt") or "").split():
        spec = util.find_spec(package)
        for folder in spec.submodule_search_locations or [] if spec else []:
            root = Path(folder)
            for path in sorted(root.rglob("*")):
                inside = path.relative_to(root)
                if path.is_file() and _belongs(inside):
                    yield f"{package}/{inside.as_posix()}", path.read_bytes()


def _belongs(path: Path) -> bool:
    """Neither compiled nor hidden."""
    return path.suffix != ".pyc" and not any(part.startswith(".") for part in path.parts)


def _metadata(project: metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    # a source tree's egg-info has METADATA under another name
    yield (
        "METADATA",
        (project.read_text("METADATA") or project.read_text("PKG-INFO") or "").encode(),
    )
    yield "WHEEL", _WHEEL.encode()
    for name in ("entry_points.txt", "top_level.txt"):
        yield name, (project.read_text(name) or "").encode()
    for name in project.metadata.get_all("License-File") or []:
        text = project.read_text(f"licenses/{name}")
        if text is not None:
            yield f"licenses/{name}", text.encode()


def zip_wheel(members: dict[str, bytes], record: str) -> bytes:
    """A wheel's bytes: the members, and their list of hashes under the name `record`."""
    lines = [f"{name},sha256={_hash(content)},{len(content)}" for name, content in members.items()]
    members = {**members, record: "\n".join([*lines, f"{record},,", ""]).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _SAME_TIME)
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
