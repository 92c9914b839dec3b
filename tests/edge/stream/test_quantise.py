import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge.bundle import TensorSpec
from edge.stream.quantise import dequantise, quantise, transfer

INT8 = TensorSpec("q", (1, 4), "int8", 0.5, -3)
FLOAT = TensorSpec("f", (1, 4), "float32")


def test_literal_values() -> None:
    assert quantise(np.array([0.0, 0.5, -1.0, 1.26]), INT8).tolist() == [-3, -2, -5, 0]
    assert dequantise(np.array([-3, -2, -5, 127], np.int8), INT8).tolist() == [0.0, 0.5, -1.0, 65.0]


def test_values_out_of_range_saturate() -> None:
    assert quantise(np.array([1e9, -1e9]), INT8).tolist() == [127, -128]


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=20))
def test_quantising_what_was_dequantised_gives_it_back(steps: list[int]) -> None:
    there = dequantise(np.array(steps, np.int8), INT8)
    assert quantise(there, INT8).tolist() == steps


@given(
    st.lists(st.integers(-128, 127), min_size=4, max_size=4),
    st.sampled_from([FLOAT, INT8, TensorSpec("r", (1, 4), "int8", 0.25, 5)]),
)
def test_transfer_equals_dequantise_then_quantise(steps: list[int], wanted: TensorSpec) -> None:
    source = np.array(steps, np.int8)
    slot = np.zeros(4, wanted.dtype)
    transfer(source, INT8, slot, wanted)
    assert np.array_equal(slot, quantise(dequantise(source, INT8), wanted))


def test_transfer_between_floats_copies() -> None:
    slot = np.zeros(4, np.float32)
    transfer(np.array([1.5, 2.5, 3.5, 4.5], np.float32), FLOAT, slot, FLOAT)
    assert slot.tolist() == [1.5, 2.5, 3.5, 4.5]


def test_dequantised_values_are_a_copy() -> None:
    memory = np.ones(4, np.float32)
    values = dequantise(memory, FLOAT)
    memory[:] = 9
    assert values.tolist() == [1, 1, 1, 1]


def test_float32_values_are_rounded_as_the_exact_numbers_that_they_are() -> None:
    below_half = np.array([0.03], np.float32)  # 0.0299999993: 1.49999997 steps
    assert quantise(below_half, TensorSpec("q", (1, 1), "int8", 0.02, 0)).tolist() == [1]


def test_real_values_are_float32_whatever_holds_them() -> None:
    assert dequantise(np.array([1.5], np.float64), FLOAT).dtype == np.float32
    assert dequantise(np.array([2], np.int8), INT8).dtype == np.float32
    assert quantise(np.array([1.5], np.float64), FLOAT).dtype == np.float32


def test_integers_of_one_layout_are_copied_even_if_no_float32_holds_them() -> None:
    wide, slot = TensorSpec("w", (1, 1), "int32", 1.0, 0), np.zeros(1, np.int32)
    transfer(np.array([16_777_217], np.int32), wide, slot, wide)
    assert slot.tolist() == [16_777_217]


def test_transfer_between_floats_of_two_widths() -> None:
    slot = np.zeros(2, np.float32)
    transfer(np.array([1.5, -2.25]), TensorSpec("d", (1, 2), "float64"), slot, FLOAT)
    assert slot.tolist() == [1.5, -2.25]


def test_integers_without_a_scale_take_no_real_values() -> None:
    with pytest.raises(TypeError, match="same_kind"):
        transfer(np.array([1.5]), FLOAT, np.zeros(1, np.int8), TensorSpec("n", (1, 1), "int8"))
