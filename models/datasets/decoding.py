"""Files decoded once into one file of frames, which is mapped."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from edge_common import ClipError, EdgeError, whole_file
from edge_models.datasets import perceptual
from edge_models.datasets.dataset import Skipped


@dataclass(frozen=True)
class ClipWindow:
    """Frames, uint8 RGB (T, H, W, 3), and how many of them were a second; 0: unknown."""

    pixels: np.ndarray
    rate_hz: float = 0.0


# of a file, and of what is lacking, why
Reader = Callable[[Path], Iterable["ClipWindow | Skipped"]]


@dataclass(frozen=True)
class Decoded:
    """Windows of all files that gave any.

    Attributes:
        windows: uint8 (N, T, H, W, 3), memory-mapped.
        file: int64 (N,), the index of the file that each window came from.
        rates_hz: float64 (N,), frames a second of each; 0: unknown.
        hashes: bool (files that gave any, bits), what the first window of each shows.
    """

    windows: np.ndarray
    file: np.ndarray
    rates_hz: np.ndarray
    hashes: np.ndarray
    skipped: tuple[Skipped, ...]


DECODED_VERSION = 1  # to be raised when the same files give other frames

FILES_AHEAD = 8


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
    rates_hz = np.array(content.get("rates_hz", [0.0] * len(files)))  # older ones have none
    firsts = np.unique(files, return_index=True)[1]
    hashes = _kept(
        folder / "hashes.npy", lambda: np.stack([perceptual.clip_hash(windows[i]) for i in firsts])
    )
    return Decoded(windows, files, rates_hz, hashes, skipped)


def file_hashes(paths: Sequence[Path], cache: Path) -> np.ndarray:
    """What image files show, bool (N, bits), or what an earlier run found of the same ones.

    Raises OSError if the folder cannot be written.
    """
    path = cache / f"hashes-{_fingerprint(paths, (0, 0, 0), 'hashes')}.npy"
    return _kept(path, lambda: perceptual.file_hashes(paths))


def _kept(path: Path, compute: Callable[[], np.ndarray]) -> np.ndarray:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            np.save(file, compute(), allow_pickle=False)
    return np.load(path)


def _write(paths: Sequence[Path], read: Reader, shape: tuple[int, int, int], folder: Path) -> None:
    of_window: list[int] = []
    rates_hz: list[float] = []
    skipped: list[Skipped] = []
    # Written, not mapped: a full disk is then an error and not a crash.
    bar = click.progressbar(length=len(paths), label="decoding")
    with whole_file(folder / "frames.u8") as frames, bar as progress:
        for number, windows in enumerate(_ahead(paths, read)):
            for window in windows:
                if isinstance(window, Skipped):
                    skipped.append(window)
                else:
                    frames.write(_checked(window.pixels, shape).data)
                    of_window.append(number)
                    rates_hz.append(window.rate_hz)
            progress.update(1)
    listed = [[item.name, item.reason] for item in skipped]
    content = {"file": of_window, "rates_hz": rates_hz, "skipped": listed}
    with whole_file(folder / "index.json") as file:
        file.write(json.dumps(content).encode())


def _checked(window: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The window, its bytes in order; a reader that breaks its promise is a bug."""
    if window.shape != (*shape, 3) or window.dtype != np.uint8:
        raise ValueError(f"a reader gave {window.dtype} {window.shape}, not uint8 {(*shape, 3)}")
    return np.ascontiguousarray(window)


def _ahead(paths: Sequence[Path], read: Reader) -> Iterator[list["ClipWindow | Skipped"]]:
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


def _read_one(path: Path, read: Reader) -> list["ClipWindow | Skipped"]:
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
