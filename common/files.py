"""Files that stand under their name whole or not at all, the folders of a user, and what is closed."""

import contextlib
import os
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
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write to a hidden file beside `path`, which takes its name when the block is done.

    If the block or the disk fails, nothing is left. Raises OSError.
    """
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        os.chmod(partial, 0o644)  # mkstemp lets only the owner read
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


@contextlib.contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """A hidden name beside `path`, with its suffix, for what writes files by name.

    It becomes `path` when the block is done; if that fails, nothing is left. Raises OSError.
    """
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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
