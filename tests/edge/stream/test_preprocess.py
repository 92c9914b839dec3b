import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle.manifest import InputSpec, TensorSpec
from edge.stream import Preprocessor, Region
from edge.stream.preprocess import quantisation_table
from edge.stream.quantise import dequantise
from edge_common.errors import EdgeError

PLAIN = TensorSpec("frame", (1, 8, 8, 3), "int8", 1.0, -128)
RGB_255 = InputSpec(8, 8)


def test_unit_scale_is_an_exclusive_or_with_0x80() -> None:
    table = quantisation_table(RGB_255, PLAIN)
    assert table.dtype == np.int8
    assert np.array_equal(table.view(np.uint8), np.arange(256, dtype=np.uint8) ^ 0x80)


@given(
    st.sampled_from(["int8", "uint8", "int16", "float32"]), st.floats(-2, 0), st.floats(0.5, 300)
)
def test_the_table_stays_within_half_a_step_of_the_real_value(
    dtype: str, low: float, high: float
) -> None:
    scale = 0.0 if dtype == "float32" else (high - low) / 255
    lowest = 0 if dtype == "float32" else np.iinfo(dtype).min
    zero_point = 0 if dtype == "float32" else round(max(lowest, -200) - low / scale)
    tensor = TensorSpec("t", (1, 8, 8, 3), dtype, scale, zero_point)
    table = quantisation_table(InputSpec(8, 8, value_range=(low, high)), tensor)
    real = low + np.arange(256) * (high - low) / 255
    assert np.abs(dequantise(table, tensor) - real).max() <= (high - low) / 255 * 0.51 + 1e-4


def test_colours_are_swapped_and_the_result_is_written_in_place() -> None:
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[..., 0] = 200
    memory = np.zeros((1, 8, 8, 3), np.int8)
    Preprocessor(RGB_255, PLAIN)(blue, memory[0])
    assert memory[0, 0, 0].tolist() == [-128, -128, 200 - 128]


def test_it_equals_resize_swap_and_quantise_one_by_one() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    out = np.zeros((8, 8, 3), np.int8)
    Preprocessor(RGB_255, PLAIN)(pixels, out)
    expected = cv2.resize(pixels, (8, 8))[..., ::-1].astype(np.int16) - 128
    assert np.array_equal(out, expected)


def test_grey_networks_get_one_channel() -> None:
    spec = InputSpec(8, 8, channels=1, colour_order="GRAY", value_range=(0.0, 1.0))
    tensor = TensorSpec("frame", (1, 8, 8, 1), "float32")
    out = np.zeros((8, 8, 1), np.float32)
    Preprocessor(spec, tensor)(np.full((20, 20, 3), 255, np.uint8), out)
    assert np.array_equal(out, np.ones((8, 8, 1), np.float32))


@pytest.mark.parametrize(
    ("text", "box"),
    [("full", (0, 0, 64, 48)), ("square", (8, 0, 48, 48)), ("10,5,20,30", (10, 5, 20, 30))],
)
def test_regions(text: str, box: tuple[int, int, int, int]) -> None:
    assert Region.parse(text).locate(48, 64) == box


def test_a_region_crops_before_it_resizes() -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[5:35, 10:30] = 255
    out = np.zeros((8, 8, 3), np.int8)
    Preprocessor(RGB_255, PLAIN)(pixels, out, Region.parse("10,5,20,30"))
    assert (out == 127).all()


@pytest.mark.parametrize("text", ["left", "1,2,3", "1,2,0,4", "-1,0,4,4"])
def test_a_region_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(EdgeError, match="region"):
        Region.parse(text)


def test_a_region_outside_of_the_frame_is_refused() -> None:
    with pytest.raises(EdgeError, match="does not fit"):
        Region.parse("60,0,20,20").locate(48, 64)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 1), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
        None,
    ],
    ids=["grey", "one channel", "alpha", "float", "empty", "none"],
)
def test_pixels_of_another_form_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(EdgeError, match="a frame is uint8"):
        Preprocessor(RGB_255, PLAIN)(pixels, np.zeros((8, 8, 3), np.int8))
