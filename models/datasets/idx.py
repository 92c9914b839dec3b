"""The idx format of MNIST and its kin, mapped from disk.

Big-endian: two zero bytes, a type code, the number of dimensions, a 32-bit size for
each, then the values (Y. LeCun, C. Cortes, C. Burges, "The MNIST database").
"""

import gzip
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np

from edge.errors import ClipError
from edge.whole_file import whole_file

_UINT8 = 0x08


def map_idx(path: Path, cache: Path) -> np.ndarray:
    """Map the bytes of `path`, or of `path`.gz, which is unpacked into `cache` once.

    Returns:
        uint8, of the shape that the file tells.

    Raises:
        ClipError: the file is missing, damaged or cut short, or holds no bytes.
        OSError: the disk is full, or `cache` cannot be written.
    """
    if not path.exists():
        path = _unpacked(path.with_name(f"{path.name}.gz"), cache)
    with path.open("rb") as file:
        shape = _shape(file.read(4 + 4 * 255), path)
    offset = 4 + 4 * len(shape)
    if path.stat().st_size != offset + int(np.prod(shape)) or not np.prod(shape):
        raise ClipError(f"{path} is cut short or empty: fetch the file again")
    return np.memmap(path, np.uint8, "r", offset, shape)


def _shape(head: bytes, path: Path) -> tuple[int, ...]:
    dimensions = head[3] if len(head) >= 4 else 0
    if head[:2] != b"\0\0" or not dimensions or len(head) < 4 + 4 * dimensions:
        raise ClipError(f"{path} is no idx file: fetch the file again")
    if head[2] != _UINT8:
        raise ClipError(f"{path} holds values of type {head[2]:#04x}: only bytes (0x08) are read")
    return struct.unpack(f">{dimensions}I", head[4 : 4 + 4 * dimensions])


def _unpacked(packed: Path, cache: Path) -> Path:
    if not packed.is_file():
        raise ClipError(f"neither {packed.with_suffix('')} nor {packed.name} is there")
    state = packed.stat()
    plain = cache / f"{packed.stem}-{state.st_size}-{state.st_mtime_ns}"
    if not plain.exists():
        cache.mkdir(parents=True, exist_ok=True)
        try:
            with gzip.open(packed) as source, whole_file(plain) as target:
                shutil.copyfileobj(source, target)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ClipError(f"{packed} cannot be unpacked ({error}): fetch it again") from error
    return plain
