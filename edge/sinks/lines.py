"""A file of lines that is added to: whole lines, on disk soon, rotated, within a quota."""

import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge.sinks.on_disk import OnDisk
from edge.sinks.quota import Quota, Rotation
from edge_common import SinkError, only_writer, sync_folder

SYNC_INTERVAL_S = 2.0


class LineFile(OnDisk):
    """Lines, added to a file.

    Each line is written as a whole, so that a reader never sees half of one, and is on disk
    `SYNC_INTERVAL_S` later, also if the power fails. What the file held stays. A file that cannot be
    written is opened again by the next line: its disk may have been mounted anew.
    first: the first line of a new file.  again: the line between what was there and this run.
    rotation: when the file gets a name with its time, and another is begun.
    quota: of all of them; None: there is none.
    Raises SinkError if the file cannot be written, or another run writes it.
    """

    def __init__(
        self,
        path: str,
        first: bytes = b"",
        again: Callable[[], bytes] = lambda: b"",
        rotation: Rotation = Rotation(),
        quota: Quota | None = None,
    ) -> None:
        super().__init__(Path(path))
        self._first, self._again, self._problem = first, again, ""
        self._rotation, self._quota, self._began_at = rotation, quota, time.monotonic()
        self._room = 0  # bytes that the quota was asked for, and that are not written yet
        self._closing = threading.Event()
        try:
            self._open()
        except OSError as error:
            raise SinkError(
                f"{path} cannot be written ({error.strerror}): choose another path"
            ) from error

    def _open_files(self) -> None:
        self._is_file = not self._path.exists() or stat.S_ISREG(self._path.stat().st_mode)
        if self._is_file:  # a pipe and /dev/null have no content to lose
            self._stack.enter_context(only_writer(self._path))
        self._handle = self._open_path()
        self._stack.callback(os.close, self._handle)
        if not self._is_file:
            return
        if size := os.fstat(self._handle).st_size:
            cut = b"" if os.pread(self._handle, 1, size - 1) == b"\n" else b"\n"
            if self._quota and self._quota.has_age:  # how old it is, only a file of its own says
                self._rotate()
            else:
                self._write(cut + self._again())
        else:
            self._write(self._first)
        if self._quota:
            self._quota.remove_old(keep=self._path.stem)
        sync_folder(self._path.absolute().parent)
        self._closing.clear()
        syncing = threading.Thread(target=self._sync, name=f"sync {self._path}", daemon=True)
        syncing.start()
        self._stack.callback(syncing.join)
        self._stack.callback(self._closing.set)

    def _open_path(self) -> int:
        mode = os.O_RDWR if self._is_file else os.O_WRONLY
        return os.open(self._path, mode | os.O_CREAT | os.O_APPEND, 0o666)

    def put(self, line: bytes) -> None:
        """line: with its end. Raises SinkError, and then holds nothing of it."""
        if problem := self._problem:
            self._give_up()
            raise SinkError(problem)
        with self._in_use():
            size = os.fstat(self._handle).st_size
            if self._is_file and self._rotation.is_due(size + len(line), self._began_at):
                self._rotate()
            if self._quota and self._is_file:
                self._make_room(len(line), self._quota)
                self._quota.without_oldest(lambda: self._write(line), keep=self._path.stem)
            else:
                self._write(line)

    def _give_up(self) -> None:
        super()._give_up()
        self._problem = ""

    def tidy(self) -> None:
        """Begin another file if this one is old enough, and remove those that are too old.

        Raises SinkError.
        """
        if not (self._is_open and self._is_file and self._quota):
            return  # its handle may be another file's by now
        with self._in_use():
            size = os.fstat(self._handle).st_size
            if size > len(self._first) and self._rotation.is_due(size, self._began_at):
                self._rotate()
            self._quota.remove_old(keep=self._path.stem)

    def _make_room(self, size: int, quota: Quota) -> None:
        """For some lines at once."""
        if self._room < size:
            self._room = max(size, quota.step)
            quota.make_room(self._room, keep=self._path.stem)
        self._room -= size

    def _rotate(self) -> None:
        os.fdatasync(self._handle)
        os.rename(self._path, self._rotation.name_of(self._path))
        handle = self._open_path()
        os.dup2(handle, self._handle)  # at once, as another thread syncs it
        os.close(handle)
        self._began_at = time.monotonic()
        self._write(self._first)
        sync_folder(self._path.absolute().parent)

    def _write(self, line: bytes) -> None:
        """The whole line, or nothing of it. Raises OSError."""
        size = os.fstat(self._handle).st_size
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError:
            if self._is_file:
                os.ftruncate(self._handle, size)
            raise

    def _sync(self) -> None:
        """Put the lines on disk every few seconds, so that the frames need not wait for it."""
        while True:
            closing = self._closing.wait(SYNC_INTERVAL_S)
            try:
                os.fdatasync(self._handle)
            except OSError as error:
                self._problem = self._full(error)
            if closing:
                return

    def close(self) -> None:
        """Also raises SinkError if the last lines did not reach the disk."""
        self._stack.close()
        problem, self._problem = self._problem, ""
        if problem:
            raise SinkError(problem)
