"""Files that are sent along, each with the path under which the board reads it.

Every input gets a folder of its own below the run's, so that two of one name do not
meet and a record still says `clip.mp4`.
"""

import glob
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from edge.bundle.shipped import find_bundle
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
    there = PurePosixPath(place, path.resolve().name)
    if path.is_file():
        return str(there), [_outgoing(path, there)]
    inside = sorted(p for p in path.rglob("*") if p.is_file())
    return str(there), [_outgoing(p, there / p.relative_to(path).as_posix()) for p in inside]


def bundle_files(value: str, place: str) -> tuple[str, list[Outgoing]]:
    """A bundle's file; a shipped name stands for the one that the board's wheel holds.

    Raises BundleError where it is neither.
    """
    if Path(value).is_file():
        return path_files(value, place)
    find_bundle(value)
    return value, []


def source_files(value: str, place: str) -> tuple[str, list[Outgoing]]:
    """A video, a folder or a glob of images; what has a URL, the board reads itself.

    Raises SourceError where nothing is there.
    """
    if Path(value).exists():
        return path_files(value, place)
    if len(urlsplit(value).scheme) > 1:
        return value, []
    matches = [path for path in map(Path, sorted(glob.glob(value))) if path.is_file()]
    if not matches:
        raise SourceError(f"there is no source {value}: give a video, an image folder or a glob")
    fixed, pattern = _split(value)
    there = PurePosixPath(place)
    return str(there / pattern), [
        _outgoing(path, there / path.relative_to(fixed).as_posix()) for path in matches
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
