"""Files that stand under their name whole or not at all, the folders of a user, and what is closed."""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TypeVar

from edge_common.errors import SinkError

T = TypeVar("T", bound="Closable")


def can_be_written(path: Path) -> bool:
    """Whether a file can stand under this name, found out before the work for it is done."""
    folder = path.absolute().parent
    return folder.is_dir() and os.access(folder, os.W_OK) and not path.is_dir()


@contextlib.contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Write to a hidden file beside `path`, which takes its name when the block is done.

    It is on disk then, also if the power fails. mode: of a new file, less the umask; a replaced
    one keeps its own and its owner. If the block or the disk fails, nothing is left. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        put_in_place(partial, path, mode)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """The same name in a hidden folder beside `path`, for what writes files by name.

    What is written there becomes `path` when the block is done; if that fails, nothing is left.
    Raises OSError.
    """
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        partial = Path(folder, path.name)
        yield partial
        put_in_place(partial, path)


def put_in_place(partial: Path, path: Path, mode: int | None = None) -> None:
    """Give a finished file beside `path` its name, on disk before this returns. Raises OSError.

    mode: as `whole_file` has it; None: as it is.
    """
    handle = os.open(partial, os.O_RDONLY)
    try:
        _set_rights(handle, path, mode)
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(partial, path)
    sync_folder(path.parent)


def _set_rights(handle: int, path: Path, mode: int | None) -> None:
    """Those of the file that is replaced, or of a new one."""
    before = os.lstat(path) if os.path.lexists(path) else None
    if before is not None and stat.S_ISREG(before.st_mode):
        with contextlib.suppress(PermissionError):  # only root gives files away
            os.fchown(handle, before.st_uid, before.st_gid)
        os.fchmod(handle, stat.S_IMODE(before.st_mode))
    elif mode is not None:
        umask = os.umask(0o077)
        os.umask(umask)
        os.fchmod(handle, mode & ~umask)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on disk: those of new files are in memory alone for half a minute."""
    # a folder that cannot be read, or a file system that cannot do it
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Only one process at a time is in this block for the same file.

    By flock of a hidden file beside it, so that a killed process leaves no lock behind.
    wait: until it is free; else BlockingIOError is raised. Raises OSError.
    """
    place = Path(os.path.realpath(path))
    lock = place.with_name(f".{place.name}.lock")
    handle = _locked_handle(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # another user's, or its folder is gone
            lock.unlink()
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Whether a process is in `locked` for this file; who may not look sees none.

    For a moment, nobody else gets it without waiting.
    """
    place = Path(os.path.realpath(path))
    try:
        handle = os.open(place.with_name(f".{place.name}.lock"), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def only_writer(path: Path | None) -> Iterator[None]:
    """Hold an output's lock until the block is done; None: there is none.

    Raises SinkError if another run holds it, OSError.
    """
    with contextlib.ExitStack() as stack:
        try:
            if path is not None:
                stack.enter_context(locked(path, wait=False))
        except BlockingIOError as error:
            raise SinkError(
                f"{path} is being written by another run: give every run a name of its own"
            ) from error
        yield


def _locked_handle(lock: Path, operation: int) -> int:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(handle, operation)
            # whoever held it before has removed it: the name may be a newer file's
            if lock.exists() and os.path.samestat(os.fstat(handle), os.lstat(lock)):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write under the final name only when whole. Raises SinkError if it cannot."""
    try:
        with whole_file(path) as stream:
            stream.write(content)
    except OSError as error:
        raise SinkError(
            f"{path} cannot be written ({error.strerror}): choose another path"
        ) from error


def write_cached(path: Path, content: bytes) -> None:
    """Put a file into a cache, whole; its folder is made. Raises SinkError if it cannot."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as stream:
            stream.write(content)
    except OSError as error:
        raise SinkError(
            f"{path.parent} cannot be written ({error.strerror}): give another --cache"
        ) from error


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/edge-run`, else `~/.cache/edge-run`; a relative one is no setting."""
    return _desktop_folder("XDG_CACHE_HOME", ".cache", environment) / "edge-run"


def config_folder(name: str) -> Path:
    """`$XDG_CONFIG_HOME/edge/NAME`, else `~/.config/edge/NAME` (XDG Base Directory Specification)."""
    return _desktop_folder("XDG_CONFIG_HOME", ".config", os.environ) / "edge" / name


def slug(text: str) -> str:
    """Of letters, digits, _ and -, for names of files and topics; texts that differ stay different."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")
    if plain == text:
        return text
    return f"{plain}_{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:6]}".strip("_")


def state_folder() -> Path:
    """`$XDG_STATE_HOME/edge-run`, else `~/.local/state/edge-run`: what is to outlive a run."""
    return _desktop_folder("XDG_STATE_HOME", ".local/state", os.environ) / "edge-run"


def _desktop_folder(variable: str, usual: str, environment: Mapping[str, str]) -> Path:
    """A relative path is no setting (XDG Base Directory Specification)."""
    base = environment.get(variable, "")
    return Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~"), usual)


class Closable:
    """What is closed when its `with` block is left: sources and sinks, connections."""

    def close(self) -> None:
        """Nothing to close, unless a subclass says so."""

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
