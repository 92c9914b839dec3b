"""Zip files and the arrays of `.npz` files, read within what a file's own size allows.

Nothing is allocated that a few crafted bytes ask for: the directory, each member and each array's
header are checked before. Headers are compared with what numpy writes, and not evaluated.
"""

import math
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from edge_common.data import DataError

MOST_MEMBERS = 1000
_MOST_DIRECTORY_BYTES = 1 << 20
_MOST_INFLATION = 64  # times the file's size; pictures compress to a half, drawings to a tenth
_ALWAYS_ALLOWED_BYTES = 256 << 20
_ZIP64_BYTES = (1 << 31) - 1  # smaller files need no second kind of directory
_END = 22
_CHUNK_BYTES = 1 << 20
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NPY = b"\x93NUMPY"
_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?[biufUS]\d{1,9})', 'fortran_order': (False|True), "
    rb"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\), \} *\n"
)
_MOST_HEADER_BYTES = 10_000
_LONG_HEADER = 2  # the first version of .npy whose header's length takes four bytes


@dataclass(frozen=True)
class Archive:
    """A zip whose members are unlike in name, and together no larger than they can be."""

    archive: zipfile.ZipFile
    size_bytes: int

    @property
    def names(self) -> list[str]:
        return self.archive.namelist()

    def member_bytes(self, name: str) -> int:
        """Of a member that is there, unpacked."""
        return self.archive.getinfo(name).file_size

    def read(self, name: str) -> bytes:
        return self.archive.read(name)


@contextmanager
def open_zip(file: Path | BinaryIO, *, stored: bool = False) -> Iterator[Archive]:
    """stored: whether every member has to stand there uncompressed.

    Raises DataError, also of what goes wrong in the block with a member; OSError.
    """
    try:
        with file.open("rb") if isinstance(file, Path) else file as stream:
            size_bytes = _check_end(stream)
            with zipfile.ZipFile(stream) as archive:
                _check_members(archive.infolist(), size_bytes, stored)
                yield Archive(archive, size_bytes)
    # a broken name is a UnicodeDecodeError; what is encrypted a RuntimeError
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, UnicodeDecodeError) as error:
        raise DataError(str(error) or type(error).__name__) from error


def _check_end(stream: BinaryIO) -> int:
    """The file's size. Raises DataError for a directory that no writer of ours makes."""
    size_bytes = stream.seek(0, 2)
    stream.seek(max(0, size_bytes - (1 << 16) - _END))
    tail = stream.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) - end < _END:
        stream.seek(0)
        if stream.read(len(_NPY)) == _NPY:
            raise DataError("it is a single array, .npy")
        raise DataError("File is not a zip file")
    if size_bytes < _ZIP64_BYTES and b"PK\6\7" in tail[max(0, end - 20) :]:
        raise DataError("its directory is larger than the file")
    if int.from_bytes(tail[end + 12 : end + 16], "little") > _MOST_DIRECTORY_BYTES:
        raise DataError(f"it has more than {MOST_MEMBERS} members")
    return size_bytes


def _check_members(members: list[zipfile.ZipInfo], size_bytes: int, stored: bool) -> None:
    if len(members) > MOST_MEMBERS:
        raise DataError(f"it has more than {MOST_MEMBERS} members")
    if len({member.filename for member in members}) < len(members):
        raise DataError("it holds two members of one name")
    for member in members:
        if member.flag_bits & 1:
            raise DataError(f"{member.filename} is encrypted")
        if stored and member.compress_type != zipfile.ZIP_STORED:
            raise DataError(f"{member.filename} is compressed; members are stored as they are")
        if member.compress_type not in _READABLE:
            raise DataError(f"{member.filename} is compressed in a way that numpy does not write")
        if member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size:
            raise DataError(f"{member.filename} has two sizes")
    if sum(member.compress_size for member in members) > size_bytes:
        raise DataError("its members are larger than the file")
    most = max(_ALWAYS_ALLOWED_BYTES, _MOST_INFLATION * size_bytes)
    if sum(member.file_size for member in members) > most:
        raise DataError(f"unpacked it is more than {_MOST_INFLATION} times as large as the file")


def read_arrays(
    file: Path | BinaryIO, names: Collection[str] | None = None
) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` of numbers and text. names: only these, of those that are there.

    Raises DataError that says what is wrong, without the file's name; OSError.
    """
    arrays = {}
    with open_zip(file) as archive:
        for member in archive.names:
            name = member.removesuffix(".npy")
            if names is None or name in names:
                arrays[name] = _read_array(archive, member)
    return arrays


def array_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays of an `.npz`, without their content. Raises as `read_arrays`."""
    shapes = {}
    with open_zip(file) as archive:
        for member in archive.names:
            with archive.archive.open(member) as stream:
                header = _read_header(stream, member)  # type: ignore[arg-type]
                shapes[member.removesuffix(".npy")] = header[2]
    return shapes


def _read_array(archive: Archive, member: str) -> np.ndarray:
    """Raises DataError if the header is not numpy's, or of another size than its content."""
    with archive.archive.open(member) as stream:
        dtype, order, shape, header_bytes = _read_header(stream, member)  # type: ignore[arg-type]
        size = math.prod(shape) * dtype.itemsize
        if header_bytes + size != archive.member_bytes(member):
            raise DataError(f"{member} has another size than its header says")
        content = bytearray(size)
        view, position = memoryview(content), 0
        while chunk := stream.read(_CHUNK_BYTES):
            view[position : position + len(chunk)] = chunk
            position += len(chunk)
    if position != size:
        raise DataError(f"{member} is cut short")
    try:
        return np.ndarray(shape, dtype, content, order=order)
    except (ValueError, OverflowError) as error:  # such as 65 axes
        raise DataError(f"{member} has a shape that no array has") from error


def _read_header(
    stream: BinaryIO, member: str
) -> tuple[np.dtype, Literal["C", "F"], tuple[int, ...], int]:
    """dtype, order, shape, and the bytes that all this took."""
    magic = stream.read(8)
    length_bytes = 4 if magic[6:7] >= bytes([_LONG_HEADER]) else 2
    length = int.from_bytes(stream.read(length_bytes), "little")
    if magic[:6] != _NPY or length > _MOST_HEADER_BYTES:
        raise DataError(f"{member} is no array")
    header = stream.read(length)
    match = _HEADER.fullmatch(header)
    if not match:
        objects = b"O" in header[:40]
        raise DataError(f"{member} holds {'pickled objects' if objects else 'no plain numbers'}")
    try:
        dtype = np.dtype(match[1].decode())
    except (TypeError, ValueError) as error:
        raise DataError(f"{member} holds no plain numbers") from error
    shape = tuple(int(size) for size in match[3].split(b",") if size.strip())
    return dtype, "F" if match[2] == b"True" else "C", shape, 8 + length_bytes + length
