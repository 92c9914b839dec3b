"""Folders that are built once and kept: each is there whole, or not at all."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from edge_common.errors import BuildFailed
from edge_common.files import cache_folder

Say = Callable[[str], None]
_LOCK = ".lock"
_KEPT_S = 30 * 86400  # after its last use


def arm_folder() -> Path:
    """`arm` in the user's cache."""
    return cache_folder() / "arm"


def key(*made_from: str) -> str:
    """Short name of what a folder was made from: another one is built where that changes."""
    return hashlib.sha256("\n".join(made_from).encode()).hexdigest()[:10]


def kept(name: str, build: Callable[[Path], None], step: str, say: Say) -> Path:
    """The folder `name` of the cache; where it is missing, `build` fills it first.

    It is filled beside, as NAME.part, and renamed when whole; what an interrupted build left,
    and what nobody used for 30 days, is removed then. One process builds, others wait for it.
    Raises BuildFailed.
    """
    path = arm_folder() / name
    if not path.is_dir():
        with _only_builder(say):
            if not path.is_dir():
                say(step)
                _build(path, build)
    with contextlib.suppress(OSError):  # a cache that is only read is never tidied up either
        os.utime(path)
    return path


def _build(path: Path, build: Callable[[Path], None]) -> None:
    part = path.with_name(f"{path.name}.part")
    _remove([*path.parent.glob("*.part*"), *_unused(path.parent)])
    try:
        part.mkdir()
        build(part)
        part.rename(path)
    except OSError as error:
        raise BuildFailed(
            f"{error.filename or path.parent}: {error.strerror or error}; "
            "check the cache folder's rights and free space"
        ) from error


def _unused(folder: Path) -> Iterator[Path]:
    oldest = time.time() - _KEPT_S
    for path in folder.iterdir():
        if path.is_dir() and path.stat().st_mtime < oldest:
            yield path


def _remove(leftovers: Iterable[Path]) -> None:
    for leftover in leftovers:
        shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _only_builder(say: Say) -> Iterator[None]:
    """Hold the cache's lock, which the system lets go when this process ends in any way."""
    folder = arm_folder()
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
