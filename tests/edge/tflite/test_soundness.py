"""A damaged .tflite is one line, whatever is wrong in it."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.bundle import open_bundle
from edge.tflite import flatbuffer, operators
from edge_common.errors import BundleError

FACES = open_bundle("faces-in-motion")
HEAD = FACES.members[FACES.manifest.last_part.file]


def _changed(change: Callable[[Any], None]) -> bytes:
    root = flatbuffer.read(HEAD)
    change(root)
    return flatbuffer.write(root)


def _first_product(root: Any) -> Any:
    return next(flatbuffer.operators(root, "CONV_2D", "FULLY_CONNECTED"))


def test_the_shipped_head_is_sound() -> None:
    assert flatbuffer.cost(HEAD) == flatbuffer.cost(flatbuffer.write(flatbuffer.read(HEAD)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: root.subgraphs.clear(), "it holds no graph"),
        (lambda root: setattr(_first_product(root), "opcodeIndex", 9999), "9999 is none of"),
        (lambda root: setattr(_first_product(root), "inputs", [-2, 1]), "-2 is none of"),
        (lambda root: setattr(_first_product(root), "inputs", [1 << 30]), "is none of"),
        (lambda root: setattr(_first_product(root), "outputs", [-1]), "-1 is none of"),
        (lambda root: setattr(_first_product(root), "outputs", []), "lacks what it multiplies"),
        (lambda root: setattr(_first_product(root), "inputs", [0]), "lacks what it multiplies"),
        (lambda root: setattr(_first_product(root), "inputs", [0, -1]), "lacks what it mult"),
        (lambda root: setattr(root.subgraphs[0].tensors[0], "shape", [-5, 3]), r"shape \[-5, 3\]"),
        (lambda root: setattr(root.subgraphs[0].tensors[0], "shape", [1 << 30] * 4), "any memory"),
        (lambda root: setattr(root.subgraphs[0].tensors[0], "shape", [1] * 40), "the shape"),
        (lambda root: setattr(root.subgraphs[0].tensors[0], "type", 99), "no known type"),
        (lambda root: setattr(root.subgraphs[0].tensors[0], "buffer", 9999), "9999 is none of"),
        (lambda root: setattr(root.subgraphs[0], "inputs", [4444]), "4444 is none of"),
    ],
)
def test_an_index_or_a_size_that_cannot_be(change: Callable[[Any], None], message: str) -> None:
    with pytest.raises(BundleError, match=f"is damaged .*{message}"):
        operators.read_operators(_changed(change))


@pytest.mark.parametrize("length", [0, 4, 8, 100, 1000, len(HEAD) // 2])
def test_a_file_that_was_cut_short(length: int) -> None:
    with pytest.raises(BundleError, match="is damaged"):
        flatbuffer.read(HEAD[:length])


@pytest.mark.parametrize("byte", [0, 0x7F, 0xFF])
def test_a_file_of_one_byte_over_and_over(byte: int) -> None:
    with pytest.raises(BundleError, match="is damaged"):
        flatbuffer.read(b"\x20\0\0\0TFL3" + bytes([byte]) * 5000)


def test_a_file_without_signature_says_so() -> None:
    with pytest.raises(BundleError, match="no signature"):
        flatbuffer.signature(_changed(lambda root: root.signatureDefs.clear()))


def test_names_that_are_not_utf_8_are_read_all_the_same() -> None:
    def rename(root: Any) -> None:
        for tensor in root.subgraphs[0].tensors:
            tensor.name = b"\xff\xfe"

    assert flatbuffer.constant_tensors(_changed(rename)) == {"\ufffd\ufffd"}
