"""Vectors of features from files: the same frames whatever the form, and one line for what is none."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from edge import sources
from edge.sources import open_source
from edge.stream import Frame
from edge_common import SourceError

NUMBERS = arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 4)),
    elements=st.floats(-1e6, 1e6, width=32),
)


def _frames(path: Path | str, **options: str) -> list[Frame]:
    with open_source(str(path)) as source:
        return list(source)


def _written(folder: Path, vectors: np.ndarray) -> list[Path]:
    """The same vectors in each form."""
    paths = [folder / name for name in ("v.npz", "v.csv", "v.jsonl", "named.jsonl")]
    rows = [[float(number) for number in row] for row in vectors]
    np.savez(paths[0], vectors=vectors)
    paths[1].write_text("".join(",".join(map(repr, row)) + "\n" for row in rows))
    paths[2].write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    paths[3].write_text("".join(f"{json.dumps({'features': row})}\n" for row in rows))
    return paths


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NUMBERS)
def test_all_forms_give_the_same_frames(tmp_path: Path, vectors: np.ndarray) -> None:
    for path in _written(tmp_path, vectors):
        frames = _frames(path)
        np.testing.assert_array_equal([frame.pixels for frame in frames], vectors)
        assert [frame.number for frame in frames] == list(range(len(vectors)))
        assert not any(frame.restart for frame in frames)
        assert {frame.pixels.dtype for frame in frames} == {np.dtype(np.float32)}


def test_each_clip_begins_a_window(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", clips=np.zeros((3, 2, 5)))
    frames = _frames(tmp_path / "c.npz")
    assert [frame.restart for frame in frames] == [False, False, True, False, True, False]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("v.csv", "1,2\n3,nan\n5,6\n"),
        ("v.csv", "x,y\n1,2\n3,\n5,6\n"),
        ("v.jsonl", "[1, 2]\n[3, null]\n[5, 6]\n"),
        ("v.jsonl", "[1, 2]\n\n[Infinity, 4]\n[5, 6]\n"),
    ],
)
def test_a_vector_with_gaps_is_skipped_and_the_window_begins_again(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with open_source(str(tmp_path / name)) as source:
        frames = list(source)
    assert [list(frame.pixels) for frame in frames] == [[1, 2], [5, 6]]
    assert [(frame.number, frame.restart) for frame in frames] == [(0, False), (2, True)]
    assert source.skipped == 1


def test_times_are_those_of_the_file_or_of_a_rate(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("ax,time_s,ay\n1,0.5,2\n3,0.7,4\n")
    frames = _frames(tmp_path / "v.csv")
    assert [(list(f.pixels), f.time_s) for f in frames] == [([1, 2], 0.5), ([3, 4], 0.7)]
    (tmp_path / "v.jsonl").write_text('{"features": [1], "time_s": 4.5}\n')
    assert [frame.time_s for frame in _frames(tmp_path / "v.jsonl")] == [4.5]
    (tmp_path / "v.jsonl").write_text("[1]\n[2]\n")
    frames = _frames(f"vectors:{tmp_path / 'v.jsonl'}:rate=4")
    assert [frame.time_s for frame in frames] == [0, 0.25]


def test_lines_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("[1, 2]\n[3, 4]\n"))
    assert [list(frame.pixels) for frame in _frames("vectors:-")] == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.jsonl", b'[1, "a"]\n', "line 1: no list of numbers"),
        ("v.jsonl", b"[1]\n{}\n", "line 2: no list of numbers"),
        ("v.jsonl", b"[[1], [2, 3]]\n", "line 1: no list of numbers"),
        ("v.jsonl", b"\xff\n", "cannot be read as text"),
        ("v.jsonl", b"", "holds no vectors"),
        ("v.jsonl", b"[null]\n", "holds no vector without NaN: 1 were skipped"),
        ("v.csv", b"1,2\n3\n", "line 2: 1 columns, and 2 before"),
        ("v.csv", b"1,2\n3,b\n", "line 2: could not convert"),
        ("v.npz", b"PK", "is no readable .npz"),
    ],
)
def test_what_is_no_vector_is_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as refused:
        _frames(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_arrays_of_images_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", clips=np.zeros((1, 2, 4, 4, 3), np.uint8))
    with pytest.raises(SourceError, match=r"needs numbers `clips` \(N, T, F\).*uint8 \(1, 2, 4, 4"):
        _frames(tmp_path / "v.npz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no file"):
        sources.open_source(f"vectors:{tmp_path / 'none.csv'}")
