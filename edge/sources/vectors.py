"""The source `vectors:PATH`: features in place of images, of an `.npz`, CSV or JSON lines."""

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from edge import sources, stream
from edge_common import SourceError, archives

_STDIN = "-"
_TIME = "time_s"
Row = tuple[np.ndarray, float | None, bool]  # a vector, its time, whether a clip begins


def open_source(
    target: str, needs: sources.FrameNeeds = sources.WHOLE, *, rate: float = 0.0
) -> sources.Source:
    """rate: vectors a second, if they hold no times. Raises SourceError if there are none."""
    if target != _STDIN and not Path(target).is_file():
        raise SourceError(f"there is no file {target}: give an .npz, .csv or .jsonl of vectors")
    return VectorSource(target, rate)


class VectorSource(sources.Source):
    """Vectors in their order; one that holds NaN or infinity is counted, and the window begins again.

    `.npz`: `clips` (N, T, F), each of which begins a window, or `vectors` (N, F).  `.csv`: a vector a
    row, with a header or without.  `.jsonl` and standard input: a list of numbers a line, or
    {"features": [...], "time_s": seconds}.
    """

    def __init__(self, target: str, rate_hz: float = 0.0) -> None:
        super().__init__(target)
        self._target, self.rate_hz = target, rate_hz
        self._rows = self._opened()

    def _opened(self) -> Iterable[Row]:
        if self._target == _STDIN:
            return self._of_lines(sys.stdin)
        suffix = Path(self._target).suffix.lower()
        if suffix == ".npz":
            return self._of_arrays()
        return self._of_file(suffix == ".csv")

    def __iter__(self) -> Iterator[stream.Frame]:
        lost, number = False, -1
        for number, (vector, time_s, begins) in enumerate(self._rows):
            if not np.isfinite(vector).all():
                self.skipped += 1
                lost = True
                continue
            if time_s is None and self.rate_hz:
                time_s = number / self.rate_hz
            restart = lost or (begins and number > 0)
            yield stream.Frame(vector, number, restart=restart, time_s=time_s)
            lost = False
        if self.skipped == number + 1:
            raise SourceError(
                f"{self.name} holds no vector without NaN: {self.skipped} were skipped"
                if self.skipped
                else f"{self.name} holds no vectors"
            )

    def _of_arrays(self) -> Iterable[Row]:
        try:
            arrays = archives.read_arrays(Path(self._target), ("clips", "vectors"))
        except (ValueError, OSError) as error:
            raise SourceError(f"{self.name} is no readable .npz ({error})") from error
        clips = arrays["vectors"][None] if "vectors" in arrays else arrays.get("clips")
        if clips is None or clips.ndim != 3 or clips.dtype.kind not in "fiu":
            form = "neither" if clips is None else f"{clips.dtype} {clips.shape}"
            raise SourceError(
                f"{self.name} needs numbers `clips` (N, T, F) or `vectors` (N, F), and holds {form}"
            )
        self.total = clips.shape[0] * clips.shape[1]
        return ((row, None, not i) for clip in clips for i, row in enumerate(clip))

    def _of_file(self, is_csv: bool) -> Iterator[Row]:
        try:
            with open(self._target, encoding="utf-8", newline="") as file:
                yield from self._of_table(file) if is_csv else self._of_lines(file)
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{self.name} cannot be read as text: {error}") from error

    def _of_table(self, file: TextIO) -> Iterator[Row]:
        time_column, width = -1, 0
        for line, cells in enumerate(csv.reader(file), 1):
            if not cells:
                continue
            if line == 1 and not all(map(_is_number, cells)):
                time_column = cells.index(_TIME) if _TIME in cells else -1
                width = len(cells)
                continue
            width = width or len(cells)
            if len(cells) != width:
                raise self._wrong(line, f"{len(cells)} columns, and {width} before")
            try:
                numbers = [float(cell) if cell.strip() else math.nan for cell in cells]
            except ValueError as error:
                raise self._wrong(line, str(error)) from error
            time_s = numbers.pop(time_column) if time_column >= 0 else None
            yield np.array(numbers, np.float32), time_s, False

    def _of_lines(self, file: Iterable[str]) -> Iterator[Row]:
        for line, text in enumerate(file, 1):
            if text.strip():
                yield self._of_line(line, text)

    def _of_line(self, line: int, text: str) -> Row:
        try:
            content: Any = json.loads(text)
            time_s = None
            if isinstance(content, dict):
                content, time_s = content["features"], content.get(_TIME)
            numbers = [math.nan if value is None else value for value in content]
            if not all(isinstance(n, int | float) for n in [*numbers, time_s or 0]):
                raise TypeError("what is no number")
            return np.array(numbers, np.float32), time_s, False
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise self._wrong(
                line, f'no list of numbers, nor {{"features": [...]}} ({error})'
            ) from error

    def _wrong(self, line: int, what: str) -> SourceError:
        return SourceError(f"{self.name}, line {line}: {what}")


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True
