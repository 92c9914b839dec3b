"""Folders that are built once and kept: each is there whole, or not at all."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from devices.emulation.unavailable import BuildFailed

Say = Callable[[str], None]
_LOCK = ".lock"


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/edge-run/arm`, else `~/.cache/edge-run/arm`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~"), ".cache")
    return folder / "edge-run" / "arm"


def key(*made_from: str) -> str:
    """Short name of what a folder was made from: another one is built where that changes."""
    return hashlib.sha256("\n".join(made_from).encode()).hexdigest()[:10]


def kept(name: str, build: Callable[[Path], None], step: str, say: Say) -> Path:
    """The folder `name` of the cache; where it is missing, `build` fills it first.

    It is filled beside, as NAME.part, and renamed when whole; what an interrupted build left
    is removed. One process builds, others wait for it. Raises BuildFailed.
    """
    path = cache_folder() / name
    if path.is_dir():
        return path
    with _only_builder(say):
        if not path.is_dir():
            say(step)
            _build(path, build)
    return path


def _build(path: Path, build: Callable[[Path], None]) -> None:
    part = path.with_name(f"{path.name}.part")
    _remove(path.parent.glob(f"{path.name}.part*"))
    try:
        part.mkdir()
        build(part)
        part.rename(path)
    except OSError as error:
        raise BuildFailed(
            f"{error.filename or path.parent}: {error.strerror or error}; "
            "check the cache folder's rights and free space"
        ) from error


def _remove(leftovers: Iterable[Path]) -> None:
    for leftover in leftovers:
        shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _only_builder(say: Say) -> Iterator[None]:
    """Hold the cache's lock, which the system lets go when this process ends in any way."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise BuildFailed(
            f"{error.filename or folder}: {error.strerror or error}; "
            "give a folder that can be written in XDG_CACHE_HOME"
        ) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that builds the same")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
