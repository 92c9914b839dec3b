"""Zip files and arrays that were crafted to be larger than they look are refused before they are read."""

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays_of

from edge_common.archives import open_zip, read_arrays
from edge_common.data import DataError


def npz(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return io.BytesIO(stream.getvalue())


def npy(descr: object, shape: object, content: bytes = b"") -> bytes:
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + content


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        arrays_of.arrays(
            st.sampled_from(["u1", "i8", "f4", "bool", "U3"]),
            arrays_of.array_shapes(min_dims=0, min_side=0, max_dims=5, max_side=3),
        ),
        max_size=3,
    ),
    st.sampled_from([np.savez, np.savez_compressed]),
)
@settings(max_examples=50, deadline=None)
def test_what_numpy_writes_comes_back(arrays: dict[str, np.ndarray], save) -> None:
    stream = io.BytesIO()
    save(stream, **arrays)
    read = read_arrays(io.BytesIO(stream.getvalue()))
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(read[name], array)


def test_only_the_arrays_that_are_asked_for_are_read() -> None:
    file = npz(("a.npy", npy("<f4", "(1,)", bytes(4))), ("b.npy", b"broken"))
    assert read_arrays(file, ["a", "c"])["a"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (npy("<f4", "(500000000, 4)"), "another size than its header says"),
        (npy("<f4", "(2,)", bytes(4)), "another size than its header says"),
        (npy("<f4", "(-1,)", bytes(4)), "no plain numbers"),
        (npy("<f4", "(99999999999999999999,)"), "no plain numbers"),
        (npy("<f4", "(True,)", bytes(4)), "no plain numbers"),
        (npy("<f4", "(((((" * 500), "no plain numbers"),
        (npy("<f4", "(" + "1, " * 70 + ")", bytes(4)), "a shape that no array has"),
        (npy("<f3", "(1,)", bytes(3)), "no plain numbers"),
        (npy("|O", "(1,)", bytes(8)), "pickled objects"),
        (npy([("a", "<f4")], "(1,)", bytes(4)), "no plain numbers"),
        (b"\x93NUMPY\2\0\xff\xff\xff\xff", "no array"),
        (b"\x93NUMPY", "no plain numbers"),
        (b"", "no array"),
        (b"some text", "no array"),
    ],
)
def test_an_array_of_another_form(member: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_arrays(npz(("a.npy", member)))


def test_a_small_file_that_unpacks_to_much_more_is_refused() -> None:
    file = npz(*((f"{i}.npy", bytes(100 << 20)) for i in range(3)))
    assert len(file.getvalue()) < 1 << 20
    with pytest.raises(DataError, match="unpacked it is more than 64 times as large"):
        read_arrays(file)


def test_thousands_of_members_are_refused() -> None:
    with pytest.raises(DataError, match="more than 1000 members"):
        read_arrays(npz(*((f"{i}.npy", b"") for i in range(1001))))
    with pytest.raises(DataError, match="more than 1000 members"):
        read_arrays(npz(*((f"{i}.npy", b"") for i in range(30_000))))


def test_two_members_of_one_name_are_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        file = npz(("a.npy", npy("<f4", "()", bytes(4))), ("a.npy", npy("<f4", "()", bytes(4))))
    with pytest.raises(DataError, match="two members of one name"):
        read_arrays(file)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_compressing_are_refused(compression: int) -> None:
    file = npz(("a.npy", npy("<f4", "()", bytes(4))), compression=compression)
    with pytest.raises(DataError, match="compressed in a way that numpy does not write"):
        read_arrays(file)


def test_where_members_are_stored_a_compressed_one_is_refused() -> None:
    with (
        pytest.raises(DataError, match=r"a is compressed"),
        open_zip(npz(("a", b"x")), stored=True),
    ):
        pass


def _patched(file: io.BytesIO, offset: int, content: bytes) -> io.BytesIO:
    """With other bytes in the central directory's first entry."""
    data = bytearray(file.getvalue())
    start = data.rindex(b"PK\1\2") + offset
    data[start : start + len(content)] = content
    return io.BytesIO(bytes(data))


@pytest.mark.parametrize(
    ("offset", "content", "message"),
    [
        (8, b"\1\0", "encrypted"),
        (24, struct.pack("<I", 1 << 31), "two sizes"),
        (20, struct.pack("<II", 1 << 30, 1 << 30), "larger than the file"),
    ],
)
def test_a_directory_that_contradicts_the_file(offset: int, content: bytes, message: str) -> None:
    file = npz(("a.npy", npy("<f4", "()", bytes(4))), compression=zipfile.ZIP_STORED)
    with pytest.raises(DataError, match=message):
        read_arrays(_patched(file, offset, content))


@pytest.mark.parametrize("lost", [1, 10, 30, 100])
def test_a_file_that_was_cut_short(lost: int) -> None:
    file = npz(("a.npy", npy("<f4", "(9,)", bytes(36))))
    with pytest.raises(DataError):
        read_arrays(io.BytesIO(file.getvalue()[:-lost]))


def test_a_file_that_is_missing_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "no.npz")


def test_json_that_is_nested_too_deeply_is_one_line() -> None:
    from edge_common import parse_json

    with pytest.raises(DataError, match="x: is not JSON that can be read: nested too deeply"):
        parse_json("[" * 100_000, "x")
    assert json.loads("[" * 50 + "]" * 50) == parse_json("[" * 50 + "]" * 50, "x")
