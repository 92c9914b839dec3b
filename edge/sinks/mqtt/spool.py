"""Messages on disk until somebody has them: in order, whole, over kills and restarts, within a bound."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.sinks.on_disk import OnDisk
from edge_common import SinkError, only_writer, sync_folder

_SEGMENTS = 16  # of a full spool; the oldest of them goes if there are more
_DIGITS = 10


class Spool(OnDisk):
    """A queue of lines of bytes in a folder: files of lines, and how far they were taken.

    A line is appended with one write, so that a killed process leaves all lines whole but the
    last, which is cut off. `read` gives what comes next; `confirm` says that it is not needed any
    more. What was read and not confirmed is read again by the next run. Not for several threads.
    most_bytes: on disk; the oldest lines go if there are more.
    on_open: called when it was opened again, as its disk was gone: what is not confirmed is read again.
    Raises SinkError if another run has it, or it cannot be written.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        super().__init__(folder)
        self._folder, self._most_bytes = folder, most_bytes
        self.waiting = 0  # lines that nobody confirmed
        self.dropped = 0
        self.on_open: Callable[[], object] = lambda: None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
            self._disk = folder.stat().st_dev
            self._open()
        except OSError as error:
            raise SinkError(
                f"{folder} cannot be written ({error.strerror}): give another folder as spool="
            ) from error

    def _open_files(self) -> None:
        if self._folder.parent.stat().st_dev == self._disk:  # else its disk is not mounted
            self._folder.mkdir(exist_ok=True)
        self._stack.enter_context(only_writer(self._folder / "spool"))
        handle = os.open(self._folder / "confirmed", os.O_RDWR | os.O_CREAT, 0o600)
        self._stack.callback(os.close, handle)
        self._confirmed = handle
        text = os.pread(handle, 2 * _DIGITS + 1, 0).decode("ascii", "replace").split()
        first, offset = map(int, text) if len(text) == 2 and all(map(str.isdigit, text)) else (0, 0)
        numbers = self._numbers()
        for number in [each for each in numbers if each < first]:
            self._segment(number).unlink()
        numbers = [each for each in numbers if each >= first]
        self._first = numbers[0] if numbers else first
        self._last = numbers[-1] if numbers else self._first
        self._cut()
        offset = offset if first in numbers else 0
        self._read_at = (self._first, offset)
        self.waiting = sum(self._lines(each, offset * (each == self._first)) for each in numbers)
        self._writer = self._open_segment(self._last)
        self._stack.callback(lambda: os.close(self._writer))
        self.on_open()

    def _numbers(self) -> list[int]:
        return sorted(
            int(path.stem) for path in self._folder.glob("*.lines") if path.stem.isdigit()
        )

    def _segment(self, number: int) -> Path:
        return self._folder / f"{number:0{_DIGITS}}.lines"

    def _open_segment(self, number: int) -> int:
        return os.open(self._segment(number), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def _cut(self) -> None:
        """Half a line at the end is left by a process that was killed in the middle of it."""
        path = self._segment(self._last)
        if path.exists() and not (content := path.read_bytes()).endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)

    def _lines(self, number: int, offset: int = 0) -> int:
        return self._segment(number).read_bytes()[offset:].count(b"\n")

    def append(self, line: bytes) -> None:
        """line: without a newline in it. Raises SinkError, and then holds nothing of it."""
        with self._in_use():
            size = os.fstat(self._writer).st_size
            if size and size + len(line) >= self._most_bytes // _SEGMENTS:
                self._begin_segment()
            self._write(line + b"\n")
        self.waiting += 1

    def _write(self, line: bytes) -> None:
        """All of it or nothing. Raises OSError."""
        size, rest = os.fstat(self._writer).st_size, memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._writer, rest) :]
        except OSError:
            os.ftruncate(self._writer, size)
            raise

    def _begin_segment(self) -> None:
        handle = self._open_segment(self._last + 1)
        os.close(self._writer)
        self._writer, self._last = handle, self._last + 1
        while self._last - self._first >= _SEGMENTS:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        offset = self._read_at[1] if self._read_at[0] == self._first else 0
        count = self._lines(self._first, offset) if self._read_at[0] <= self._first else 0
        self.dropped += count
        self.waiting -= count
        self._segment(self._first).unlink(missing_ok=True)
        self._first += 1
        self._read_at = max(self._read_at, (self._first, 0))

    def read(self) -> Iterator[tuple[bytes, tuple[int, int]]]:
        """Lines that were not read yet, with what `confirm` is told of each. Raises SinkError."""
        while line := self._next_line():
            yield line[:-1], self._read_at

    def _next_line(self) -> bytes:
        """With its end; b"" if there is none."""
        with self._in_use():
            while self._read_at[0] <= self._last:
                number, offset = self._read_at
                with open(self._segment(number), "rb") as file:
                    file.seek(offset)
                    line = file.readline()
                if line.endswith(b"\n"):
                    self._read_at = (number, offset + len(line))
                    return line
                if number == self._last:
                    break
                self._read_at = (number + 1, 0)
        return b""

    def confirm(self, position: tuple[int, int], count: int = 1) -> None:
        """Everything up to this is not needed any more.  count: of lines since the last one.

        What was read before it was opened again does not count. Raises SinkError.
        """
        with self._in_use():
            if position <= self._read_at:
                self._confirm(position, count)

    def _confirm(self, position: tuple[int, int], count: int) -> None:
        self.waiting = max(0, self.waiting - count)
        number, offset = max(position, (self._first, 0))
        while self._first < number:
            self._segment(self._first).unlink(missing_ok=True)
            self._first += 1
        if not self.waiting and self._read_at == (self._last, offset) and self._is_worth_it():
            self._begin_anew()
            number, offset = self._first, 0
        text = f"{number:0{_DIGITS}} {offset:0{_DIGITS}}"
        os.pwrite(self._confirmed, text.encode(), 0)

    def _is_worth_it(self) -> bool:
        return os.fstat(self._writer).st_size >= self._most_bytes // _SEGMENTS // 2

    def _begin_anew(self) -> None:
        """Nothing waits: the disk is given back."""
        handle = self._open_segment(self._last + 1)
        os.close(self._writer)
        self._segment(self._last).unlink(missing_ok=True)
        self._writer, self._last = handle, self._last + 1
        self._first, self._read_at = self._last, (self._last, 0)

    def sync(self) -> None:
        """Put it on disk: also a power cut leaves it then. Raises SinkError."""
        with self._in_use():
            os.fdatasync(self._writer)
