"""What is read of a .tflite is its reader's own, although it is read but once."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edge.bundle import open_bundle
from edge.tflite import flatbuffer

FACES = open_bundle("faces-in-motion")
HEAD = FACES.members[FACES.manifest.last_part.file]


def _all_that_can_be_changed(value: Any) -> Iterator[Any]:
    if isinstance(value, list) or hasattr(value, "__dict__"):
        yield value
        for each in value if isinstance(value, list) else vars(value).values():
            yield from _all_that_can_be_changed(each)
    elif isinstance(value, np.ndarray):
        assert not value.flags.writeable


@pytest.mark.parametrize("most_kept_bytes", [0, 1 << 22])
def test_two_readers_share_nothing_that_one_could_change(
    monkeypatch: pytest.MonkeyPatch, most_kept_bytes: int
) -> None:
    monkeypatch.setattr(flatbuffer, "KEPT", flatbuffer.KeptFiles(most_kept_bytes))
    first, second, kept = flatbuffer.read(HEAD), flatbuffer.read(HEAD), flatbuffer.view(HEAD)
    parts = [{id(each) for each in _all_that_can_be_changed(r)} for r in (first, second, kept)]
    assert min(map(len, parts)) > 1000
    assert len(set().union(*parts)) == sum(map(len, parts))
    expected, cost = flatbuffer.write(flatbuffer.read(HEAD)), flatbuffer.cost(HEAD)
    first.subgraphs[0].operators.clear()
    for tensor in first.subgraphs[0].tensors:
        tensor.name, tensor.buffer = b"changed", 0
    assert flatbuffer.write(second) == expected and flatbuffer.cost(HEAD) == cost
    assert flatbuffer.write(flatbuffer.read(HEAD)) == expected


def test_a_file_that_only_looks_the_same_is_read_anew() -> None:
    other = flatbuffer.read(HEAD)
    other.description = b"another"
    changed = flatbuffer.write(other)
    assert flatbuffer.view(changed).description == b"another"
    assert flatbuffer.view(HEAD).description != b"another"


def test_of_many_files_those_are_kept_that_were_read_last_and_none_that_is_too_large() -> None:
    files = []
    for description in (b"a", b"b", b"c"):
        root = flatbuffer.read(HEAD)
        root.description = description
        files.append(flatbuffer.write(root))
    kept = flatbuffer.KeptFiles(len(files[0]) + len(files[1]))
    first, second = (kept.root(file) for file in files[:2])
    assert kept.root(files[0]) is first
    kept.root(files[2])
    assert kept.root(files[0]) is first and kept.root(files[1]) is not second
    small = flatbuffer.KeptFiles(len(files[0]) - 1)
    assert small.root(files[0]) is not small.root(files[0])
