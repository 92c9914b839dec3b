"""A finished Matroska recording becomes an MP4 file (ISO/IEC 14496-12 and -14) where it stands.

MP4 keeps its index at the end: of a recording that was killed nothing can be played. Matroska can
be played as far as it goes. So frames are recorded as Matroska, and at the end the file gets an
MP4 index, which points into it, and an MP4 beginning: no frame is copied, no space needed twice.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

_SEGMENT, _CLUSTER, _GROUP, _TRACKS, _TRACK = 0x18538067, 0x1F43B675, 0xA0, 0x1654AE6B, 0xAE
_PARENTS = (_SEGMENT, _CLUSTER, _GROUP, _TRACKS, _TRACK)
_SIMPLE_BLOCK, _BLOCK, _CODEC_PRIVATE = 0xA3, 0xA1, 0x63A2
_BLOCK_HEADER = 4  # track, time, flags
_KEY_FRAME = 0x80
_TICKS_A_FRAME = 1000
_MATRIX = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


def matroska_to_mp4(path: Path, rate_hz: float, size: tuple[int, int]) -> int:
    """Turn a recording of MPEG-4 part 2 frames into an MP4 file; how many frames it holds.

    size: width, height.  A file without whole frames is left as it is: 0. Raises OSError; if the
    disk is full, what was recorded is still there.
    """
    with path.open("r+b") as file:
        end = os.fstat(file.fileno()).st_size
        settings, offsets, sizes, keys = _frames(file, end)
        beginning = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isommp41")
        if not offsets or offsets[0] < len(beginning) + 16:
            return 0
        beginning += struct.pack(">I4sQ", 1, b"mdat", end - len(beginning))
        index = _index(rate_hz, size, settings, offsets, sizes, keys)
        try:
            _write_at(file, end, index)
        except OSError:
            os.ftruncate(file.fileno(), end)
            raise
        _write_at(file, 0, beginning)
    return len(offsets)


def _write_at(file: BinaryIO, position: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file.fileno(), rest, position)
        rest, position = rest[written:], position + written
    os.fsync(file.fileno())


def _frames(file: BinaryIO, end: int) -> tuple[bytes, list[int], list[int], list[int]]:
    """The decoder's settings; each whole frame's place and size; the numbers of key frames."""
    settings, offsets, sizes, keys = b"", [], [], []
    for kind, first, last in _elements(file, 0, end):
        if kind == _CODEC_PRIVATE:
            file.seek(first)
            settings = file.read(last - first)
        elif kind in (_SIMPLE_BLOCK, _BLOCK) and last <= end:
            file.seek(first + _BLOCK_HEADER - 1)
            offsets.append(first + _BLOCK_HEADER)
            sizes.append(last - offsets[-1])
            if kind == _SIMPLE_BLOCK and file.read(1)[0] & _KEY_FRAME:
                keys.append(len(offsets))
    return settings, offsets, sizes, keys


def _elements(file: BinaryIO, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(kind, first byte, end) of all elements (RFC 8794) that have no others inside."""
    while position < end:
        file.seek(position)
        head = file.read(12)
        id_length = 9 - (head[0] if head else 0).bit_length()
        if id_length > 4 or len(head) <= id_length:
            return
        size_length = 9 - head[id_length].bit_length()
        first = id_length + size_length
        if size_length > 8 or len(head) < first:
            return
        kind = int.from_bytes(head[:id_length], "big")
        size = int.from_bytes(head[id_length:first], "big") & ~(1 << 7 * size_length)
        unknown = size == (1 << 7 * size_length) - 1
        first += position
        last = end if unknown else first + size
        if kind in _PARENTS:
            yield from _elements(file, first, min(last, end))
        else:
            yield kind, first, last
        position = last


def _index(
    rate_hz: float, size: tuple[int, int], settings: bytes,
    offsets: list[int], sizes: list[int], keys: list[int],
) -> bytes:  # fmt: skip
    """The box `moov` of one track, whose frames are equally long."""
    count = len(offsets)
    scale, duration = round(rate_hz * _TICKS_A_FRAME), count * _TICKS_A_FRAME
    width, height = size
    table = _box(
        b"stbl",
        _full_box(b"stsd", struct.pack(">I", 1), _sample_entry(width, height, settings)),
        _full_box(b"stts", struct.pack(">3I", 1, count, _TICKS_A_FRAME)),
        _full_box(b"stss", struct.pack(">I", len(keys)), np.array(keys, ">u4").tobytes()),
        _full_box(b"stsc", struct.pack(">4I", 1, 1, 1, 1)),
        _full_box(b"stsz", struct.pack(">2I", 0, count), np.array(sizes, ">u4").tobytes()),
        _full_box(b"co64", struct.pack(">I", count), np.array(offsets, ">u8").tobytes()),
    )
    url = _full_box(b"url ", flags=1)
    data = _box(b"dinf", _full_box(b"dref", struct.pack(">I", 1), url))
    kind = _full_box(b"hdlr", bytes(4), b"vide", bytes(12), b"video\0")
    times = struct.pack(">16xIQ", scale, duration)
    media = _box(
        b"mdia",
        _full_box(b"mdhd", times, struct.pack(">HH", 0x55C4, 0), version=1),
        kind,
        _box(b"minf", _full_box(b"vmhd", bytes(8), flags=1), data, table),
    )
    shape = struct.pack(">2I", width << 16, height << 16)
    track = struct.pack(">16xIIQ16x", 1, 0, duration) + _MATRIX + shape
    movie = times + struct.pack(">IH10x", 1 << 16, 1 << 8) + _MATRIX + bytes(24)
    return _box(
        b"moov",
        _full_box(b"mvhd", movie, struct.pack(">I", 2), version=1),
        _box(b"trak", _full_box(b"tkhd", track, version=1, flags=3), media),
    )


def _sample_entry(width: int, height: int, settings: bytes) -> bytes:
    """What decodes the frames: MPEG-4 part 2, with its settings (ISO/IEC 14496-1, 7.2.6)."""
    decoder = struct.pack(">BB3xII", 0x20, 0x11, 0, 0) + _descriptor(5, settings)
    stream = struct.pack(">HB", 1, 0) + _descriptor(4, decoder) + _descriptor(6, b"\2")
    shape = struct.pack(">HH", width, height)
    resolution = struct.pack(">IIIH32xHh", 72 << 16, 72 << 16, 0, 1, 24, -1)
    descriptors = _full_box(b"esds", _descriptor(3, stream))
    return _box(b"mp4v", bytes(6), b"\0\1", bytes(16), shape, resolution, descriptors)


def _descriptor(tag: int, content: bytes) -> bytes:
    length = [len(content) >> shift & 0x7F for shift in (21, 14, 7, 0)]
    return bytes([tag, *(0x80 | part for part in length[:3]), length[3]]) + content


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)
