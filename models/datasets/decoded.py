"""Files decoded once, into one file of raw frames that is mapped, not loaded."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from edge_common.errors import ClipError, EdgeError
from edge_common.files import whole_file
from edge_models.datasets.dataset import Skipped

DECODED_VERSION = 1  # to be raised when the same files give other frames
FILES_AHEAD = 8

# what a file gives: windows uint8 RGB (T, H, W, 3), and of what is lacking, why
Windows = Iterable["np.ndarray | Skipped"]
Reader = Callable[[Path], Windows]


@dataclass(frozen=True)
class Decoded:
    """Windows of all files that gave any.

    Attributes:
        windows: uint8 (N, T, H, W, 3), memory-mapped.
        file: int64 (N,), the index of the file that each window came from.
    """

    windows: np.ndarray
    file: np.ndarray
    skipped: tuple[Skipped, ...]


def decode(
    paths: Sequence[Path],
    read: Reader,
    shape: tuple[int, int, int],
    cache: Path,
    variant: str,
) -> Decoded:
    """Decode all files, or take what an earlier run made of the same ones.

    Args:
        read: may raise an EdgeError, which skips the file.
        shape: T, H, W of each window.
        cache: folder for folders of decoded frames.
        what: all else that decides the frames, in words.

    Raises:
        ClipError: no file gives a window.
        OSError: the disk is full, or the folder cannot be written.
    """
    folder = cache / f"clips-{_fingerprint(paths, shape, variant)}"
    index = folder / "index.json"
    if not index.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(paths, read, shape, folder)
    content = json.loads(index.read_text(encoding="utf-8"))
    skipped = tuple(Skipped(*pair) for pair in content["skipped"])
    files = np.array(content["file"], np.int64)
    if not len(files):
        first = f", for example {skipped[0].name} ({skipped[0].reason})" if skipped else ""
        raise ClipError(f"none of {len(paths)} files can be used{first}: check the folder")
    windows = np.memmap(folder / "frames.u8", np.uint8, "r", shape=(len(files), *shape, 3))
    return Decoded(windows, files, skipped)


def _write(paths: Sequence[Path], read: Reader, shape: tuple[int, int, int], folder: Path) -> None:
    of_window: list[int] = []
    skipped: list[Skipped] = []
    # Written, not mapped: a full disk is then an error and not a crash.
    bar = click.progressbar(length=len(paths), label="decoding")
    with whole_file(folder / "frames.u8") as frames, bar as progress:
        for number, windows in enumerate(_ahead(paths, read)):
            for window in windows:
                if isinstance(window, Skipped):
                    skipped.append(window)
                else:
                    frames.write(_checked(window, shape).data)
                    of_window.append(number)
            progress.update(1)
    content = {"file": of_window, "skipped": [[item.name, item.reason] for item in skipped]}
    with whole_file(folder / "index.json") as file:
        file.write(json.dumps(content).encode())


def _checked(window: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The window, its bytes in order; a reader that breaks its promise is a bug."""
    if window.shape != (*shape, 3) or window.dtype != np.uint8:
        raise ValueError(f"a reader gave {window.dtype} {window.shape}, not uint8 {(*shape, 3)}")
    return np.ascontiguousarray(window)


def _ahead(paths: Sequence[Path], read: Reader) -> Iterator[list["np.ndarray | Skipped"]]:
    """What each file gives, in order, a few of them read ahead."""
    with ThreadPoolExecutor(min(FILES_AHEAD, os.cpu_count() or 1)) as pool:
        coming: list[Future] = []
        try:
            for path in paths:
                coming.append(pool.submit(_read_one, path, read))
                if len(coming) >= FILES_AHEAD:
                    yield coming.pop(0).result()
            while coming:
                yield coming.pop(0).result()
        finally:
            for future in coming:
                future.cancel()


def _read_one(path: Path, read: Reader) -> list["np.ndarray | Skipped"]:
    try:
        return list(read(path))
    except EdgeError as error:
        return [Skipped(path.name, str(error))]


def _fingerprint(paths: Sequence[Path], shape: tuple[int, int, int], variant: str) -> str:
    """16 hex digits that change with the files (by name, size, time) and the windows."""
    digest = hashlib.sha256(f"{DECODED_VERSION} {shape} {variant}".encode())
    for path in paths:
        state = path.stat()
        digest.update(f"{path.absolute()} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
