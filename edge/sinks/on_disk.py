"""What is held open on a disk, and opened again by its next use if that disk was mounted anew."""

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

from edge.sinks.quota import DISK_FULL
from edge_common import Closable, SinkError


class OnDisk(Closable):
    """Closed by an error of its disk, but not by a full one; its next use opens it again.

    path: for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._is_open = path, False
        self._stack = contextlib.ExitStack()

    @abstractmethod
    def _open_files(self) -> None:
        """Open what is used, and put its closing on the stack. Raises OSError."""

    def _open(self) -> None:
        """Raises OSError, and then nothing is open."""
        with self._stack:
            self._open_files()
            self._stack = self._stack.pop_all()
        self._is_open = True

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """It is open in this block. Raises SinkError for OSErrors, and BrokenPipeError."""
        try:
            if not self._is_open:
                self._open()
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.errno not in DISK_FULL:
                self._give_up()
            raise SinkError(self._full(error)) from error

    def _give_up(self) -> None:
        self._is_open = False
        with contextlib.suppress(OSError):  # of a disk that is gone
            self._stack.close()

    def _full(self, error: OSError) -> str:
        hint = ": free some space" if error.errno in DISK_FULL else ""
        return f"{self._path} cannot be written ({error.strerror}){hint}"

    def close(self) -> None:
        self._give_up()
