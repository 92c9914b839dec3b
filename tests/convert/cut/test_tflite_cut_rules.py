"""The rules, one operator a case: shapes in, where the frames stand behind it."""

from types import SimpleNamespace

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import BuiltinOperator
from hypothesis import given, strategies as st

from edge_convert.cut.tflite import rules as tflite_rules
from edge_convert.cut.tflite.operators import Operand, Place, WindowOperator, one_frame, place_at
from edge_convert.cut.tflite.rules import place_behind

T = 4


def _behind(kind: str, operands: list, output: tuple[int, ...], **options) -> Place | None:
    return place_behind(
        WindowOperator(kind, SimpleNamespace(**options), tuple(operands), (output,), T)
    )


def _frames(shape: tuple[int, ...], axis: int, within: int = 1) -> Operand:
    return Operand(shape, Place(axis, within))


def _constant(values) -> Operand:
    values = np.asarray(values)
    return Operand(values.shape, value=values)


def test_every_rule_is_about_an_operator_that_exists() -> None:
    kinds = {*tflite_rules._OF_ONE, *tflite_rules._OF_SEVERAL}
    assert kinds <= set(vars(BuiltinOperator))


@pytest.mark.parametrize(
    ("shape", "stride", "place"),
    [
        ((1, T, 5), 5, Place(1)),
        ((T, 2, 5), 10, Place(0)),
        ((1, T * 5), 5, Place(1, within=5)),
        ((7, T, 5), 5, Place(1)),
        ((7, T * 2, 5), 10, Place(1, within=2)),
        ((7 * T, 5), 5, Place(0)),
        ((2, 2, 5), 5, None),  # T is spread over two axes
        ((T * 5,), 3, None),
    ],
)
def test_where_frames_stand(shape, stride, place) -> None:
    assert place_at(shape, stride, T) == place


@given(
    st.integers(1, 3), st.integers(2, 5), st.integers(1, 6), st.lists(st.integers(1, 6), max_size=4)
)
def test_a_share_is_what_the_numbers_in_memory_say(outer, window, stride, sizes) -> None:
    """Any reshape: the rows of one frame, cut out where `place_at` says, are its own numbers."""
    total = outer * window * stride
    shape = tuple(size for size in sizes if total % size == 0)
    if total % int(np.prod(shape, dtype=int)):
        return
    shape = (*shape, total // int(np.prod(shape, dtype=int)))
    frame_of = (np.arange(total) // stride % window).reshape(shape)
    place = place_at(shape, stride, window)
    if place is not None:
        apart = frame_of.reshape(
            *shape[: place.axis], -1, window, place.within, *shape[place.axis + 1 :]
        )
        for frame in range(window):
            share = apart.take(frame, place.axis + 1)
            assert (share == frame).all()
            assert share.size == np.prod(one_frame(shape, place, window))


@pytest.mark.parametrize(
    ("kind", "operands", "output", "options", "place"),
    [
        ("RELU", [_frames((1, T, 3), 1)], (1, T, 3), {}, Place(1)),
        ("ADD", [_frames((1, T, 3), 1), _frames((T, 3), 0)], (1, T, 3), {}, Place(1)),
        ("ADD", [_frames((T, T), 0), _frames((1, T), 1)], (T, T), {}, None),
        ("MUL", [_frames((T, 3), 0), _constant([1.0, 2.0, 3.0])], (T, 3), {}, Place(0)),
        ("MUL", [_frames((T, 1), 0), _constant(np.ones((T, 1)))], (T, 1), {}, Place(0)),
        ("MUL", [_frames((T, 1), 0), _constant(np.arange(T)[:, None])], (T, 1), {}, None),
        ("ADD", [_frames((T, 3), 0), Operand((T, 3))], (T, 3), {}, None),  # mixed already
        ("MEAN", [_frames((T, 2, 2, 3), 0), _constant([1, 2])], (T, 3), {}, Place(0)),
        ("MEAN", [_frames((1, T, 2, 3), 1), _constant([0])], (T, 2, 3), {}, Place(0)),
        ("MEAN", [_frames((1, T, 3), 1), _constant(-2)], (1, 3), {}, None),
        ("SOFTMAX", [_frames((1, 3, T), 2)], (1, 3, T), {}, None),
        ("TRANSPOSE", [_frames((1, T, 3), 1), _constant([2, 1, 0])], (3, T, 1), {}, Place(1)),
        ("PAD", [_frames((T, 5), 0), _constant([[0, 0], [1, 1]])], (T, 7), {}, Place(0)),
        ("PAD", [_frames((T, 5), 0), _constant([[1, 0], [0, 0]])], (T + 1, 5), {}, None),
        ("CONCATENATION", [_frames((T, 2), 0)] * 2, (T, 4), {"axis": -1}, Place(0)),
        ("CONCATENATION", [_frames((T, 2), 0)] * 2, (2 * T, 2), {"axis": 0}, None),
        ("PACK", [_frames((T, 2), 0)] * 3, (3, T, 2), {"axis": 0}, Place(1)),
        ("UNPACK", [_frames((3, T, 2), 1)], (T, 2), {"axis": 0}, Place(0)),
        ("UNPACK", [_frames((T, 2), 0)], (2,), {"axis": 0}, None),
        ("SLICE", [_frames((T, 5), 0), _constant([0, 1]), _constant([T, 2])], (T, 2), {}, Place(0)),
        ("SLICE", [_frames((T, 5), 0), _constant([1, 0]), _constant([2, 5])], (2, 5), {}, None),
        ("GATHER", [_frames((3, T, 2), 1), _constant(1)], (T, 2),
         {"axis": 0, "batchDims": 0}, Place(0)),
        ("GATHER", [_frames((T, 2), 0), _constant([1, 0])], (2, 2),
         {"axis": 0, "batchDims": 0}, None),
        ("FULLY_CONNECTED", [_frames((1, T, 6), 1), _constant(np.ones((2, 6))), None], (T, 2), {},
         Place(0)),
        ("FULLY_CONNECTED", [_frames((1, T * 6), 1, 6), _constant(np.ones((2, T * 6)))], (1, 2), {},
         None),
        ("CONV_2D", [_frames((1, T, 5, 3), 1), _constant(np.ones((2, 1, 3, 3)))], (1, T, 5, 2),
         {"strideH": 1, "strideW": 2}, Place(1)),
        ("CONV_2D", [_frames((1, T, 5, 3), 1), _constant(np.ones((2, 3, 3, 3)))], (1, T, 5, 2),
         {"strideH": 1, "strideW": 2}, None),
        ("BATCH_MATMUL", [_frames((T, 2, 3), 0)] * 2, (T, 2, 2),
         {"adjX": False, "adjY": True}, Place(0)),
        ("BATCH_MATMUL", [_frames((1, T, 3), 1)] * 2, (1, T, T),
         {"adjX": False, "adjY": True}, None),
        ("SPACE_TO_BATCH_ND", [_frames((T, 8, 8, 3), 0)], (4 * T, 4, 4, 3), {}, None),
    ],
)  # fmt: skip
def test_one_operator(kind, operands, output, options, place) -> None:
    assert _behind(kind, operands, output, **options) == place


def test_all_of_the_frames_by_a_strided_slice() -> None:
    masks = {"beginMask": 0, "endMask": 0, "shrinkAxisMask": 0, "ellipsisMask": 0, "newAxisMask": 0}
    ones = _constant([1, 1, 1])

    def behind(begin, end, output, **changed):
        operands = [_frames((3, T, 8), 1), _constant(begin), _constant(end), ones]
        return _behind("STRIDED_SLICE", operands, output, **{**masks, **changed})

    assert behind([0, 0, 2], [3, T, 5], (3, T, 3)) == Place(1)
    assert behind([1, 0, 0], [2, T, 8], (T, 8), shrinkAxisMask=1) == Place(0)
    assert behind([0, 2, 2], [3, 0, 5], (3, T, 3), beginMask=2, endMask=2) == Place(1)
    assert behind([0, 1, 0], [3, T, 8], (3, T - 1, 8)) is None
    assert behind([0, 0, 0], [3, 1, 8], (3, 8), shrinkAxisMask=2) is None
