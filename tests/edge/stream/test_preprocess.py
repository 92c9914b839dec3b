import time

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge.bundle import InputSpec, TensorSpec
from edge.stream import Frame, Preprocessor, Region
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "left",
            "region 'left' is not understood: use full, square or X,Y,WIDTH,HEIGHT in pixels",
        ),
        ("0,0,0,1", "region '0,0,0,1' is empty or starts outside of the frame"),
        ("0,0,1,0", "region '0,0,1,0' is empty or starts outside of the frame"),
        ("0,-1,1,1", "region '0,-1,1,1' is empty or starts outside of the frame"),
    ],
)
def test_what_is_wrong_with_a_region(text: str, message: str) -> None:
    with pytest.raises(EdgeError) as error:
        Region.parse(text)
    assert str(error.value) == message


@pytest.mark.parametrize("text", ["full", "square", "0,0,1,1", "10,5,20,30"])
def test_a_region_is_written_as_it_is_read(text: str) -> None:
    assert str(Region.parse(text)) == text
    assert Region.parse("10,5,20,30") == Region("box", (10, 5, 20, 30))


@pytest.mark.parametrize("text", ["45,0,20,20", "0,29,20,20"])
def test_a_region_that_is_one_pixel_too_far_is_refused(text: str) -> None:
    assert Region.parse("44,28,20,20").locate(48, 64) == (44, 28, 20, 20)
    with pytest.raises(EdgeError) as error:
        Region.parse(text).locate(48, 64)
    box = tuple(map(int, text.split(",")))
    assert str(error.value) == f"region {box} does not fit into frames of 64 x 48"


def test_the_square_is_the_largest_in_the_middle() -> None:
    assert Region.parse("square").locate(65, 48) == (0, 8, 48, 48)
    assert Region.parse("square").locate(48, 65) == (8, 0, 48, 48)


def test_a_table_spans_the_range_of_values() -> None:
    spec = InputSpec(8, 8, value_range=(-1.0, 1.0))
    table = quantisation_table(spec, TensorSpec("frame", (1, 8, 8, 3), "float32"))
    assert (table.shape, table.dtype) == ((256,), np.float32)
    assert (table[0], table[51], table[255]) == (-1.0, np.float32(-0.6), 1.0)


@pytest.mark.parametrize(
    ("pixels", "form"),
    [
        (np.zeros((8, 6, 3), np.float32), "float32 (8, 6, 3)"),
        (np.zeros((8, 6), np.uint8), "uint8 (8, 6)"),
        ([1, 2], "<class 'list'> "),
    ],
)
def test_what_a_frame_should_be(pixels: np.ndarray, form: str) -> None:
    with pytest.raises(EdgeError) as error:
        Preprocessor(RGB_255, PLAIN)(pixels, np.zeros((8, 8, 3), np.int8))
    assert str(error.value) == f"a frame is uint8 (H, W, 3) BGR, not {form}: convert it first"


def test_networks_of_opencv_s_colour_order_get_it_unchanged() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    out = np.zeros((2, 3, 3), np.float32)
    tensor = TensorSpec("frame", (1, 2, 3, 3), "float32")
    Preprocessor(InputSpec(2, 3, colour_order="BGR"), tensor)(pixels, out)
    assert out.tolist() == pixels.astype(float).tolist()


def test_a_frame_is_captured_now_and_follows_the_one_before() -> None:
    frame = Frame(np.zeros((1, 1, 3), np.uint8), 7)
    assert frame.number == 7 and not frame.restart
    assert 0 <= time.monotonic() - frame.captured_at < 60


@pytest.mark.parametrize("spec", [RGB_255, InputSpec(8, 8, 1, "GRAY")], ids=["RGB", "GRAY"])
def test_the_buffers_of_one_frame_serve_the_next(
    monkeypatch: pytest.MonkeyPatch, spec: InputSpec
) -> None:
    buffers: dict[str, list[np.ndarray]] = {"resize": [], "cvtColor": []}
    for name, calls in buffers.items():

        def spy(*arguments, dst, function=getattr(cv2, name), calls=calls, **options):
            result = function(*arguments, dst=dst, **options)
            assert np.shares_memory(result, dst)
            calls.append(dst)
            return result

        monkeypatch.setattr(cv2, name, spy)
    preprocess = Preprocessor(spec, PLAIN)
    for _ in range(2):
        preprocess(np.zeros((20, 30, 3), np.uint8), np.zeros((8, 8, spec.channels), np.int8))
    assert all(first is second for first, second in buffers.values())


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_mean_and_a_std_for_each_channel(dtype: str) -> None:
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    scale, zero_point = (0.0, 0) if dtype == "float32" else (0.02, -14)
    tensor = TensorSpec("frame", (1, 8, 8, 3), dtype, scale, zero_point)
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    pixels[:8, :8] = (50, 100, 200)
    out = np.zeros((8, 8, 3), dtype)
    Preprocessor(InputSpec(8, 8, mean=mean, std=std), tensor)(pixels, out)
    real = (cv2.resize(pixels, (8, 8))[..., ::-1].astype(np.float64) - mean) / std
    steps = np.clip(np.rint(real / 0.02) - 14, -128, 127).astype(np.int8)
    assert np.array_equal(out, real.astype(np.float32) if dtype == "float32" else steps)
    literal = [1.307047, -0.285014, -0.932985] if dtype == "float32" else [51, -28, -61]
    assert out[0, 0].tolist() == pytest.approx(literal, abs=1e-6)
