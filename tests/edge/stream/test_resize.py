"""How frames of another aspect come to the input, against a reference in float64."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge.bundle import InputSpec, Resize, TensorSpec
from edge.input_spec import LETTERBOX, centred
from edge.sinks.draw import annotate
from edge.stream import Preprocessor, Region, Resizer
from edge_common.errors import ConfigError

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
FLOAT32 = TensorSpec("frame", (1, 8, 8, 3), "float32")
INT8 = TensorSpec("frame", (1, 8, 8, 3), "int8", 0.0186584, -14)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def reference(pixels: np.ndarray, spec: InputSpec, tensor: TensorSpec) -> np.ndarray:
    """The input by the book, in float64; only the resampling is OpenCV's."""
    height, width = pixels.shape[:2]
    if spec.resize.kind == "crop":
        side = min(Fraction(width, spec.width), Fraction(height, spec.height))
        inner = max(1, round(spec.width * side)), max(1, round(spec.height * side))
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        pixels = pixels[top : top + inner[1], left : left + inner[0]]
    canvas = np.full((spec.height, spec.width, 3), spec.resize.padding, np.float64)
    left = top = 0
    size = (spec.width, spec.height)
    if spec.resize.kind == "letterbox":
        scale = min(Fraction(spec.width, width), Fraction(spec.height, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (spec.width - size[0]) // 2, (spec.height - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = cv2.resize(pixels, size)
    if spec.colour_order == "RGB":
        canvas = canvas[..., ::-1]
    low, high = spec.value_range
    real = low + canvas * ((high - low) / 255)
    real = (real - np.array(spec.mean or 0.0)) / np.array(spec.std or 1.0)
    if not tensor.quantised:
        return real.astype(np.float32)
    steps = np.rint(real / tensor.scale) + tensor.zero_point
    return np.clip(steps, -128, 127).astype(np.int8)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["stretch", "letterbox", "letterbox:114", "crop"]),
    st.sampled_from(["RGB", "BGR"]),
    st.sampled_from([FLOAT32, INT8]),
    st.sampled_from([((0.0, 255.0), MEAN, STD), ((-1.0, 1.0), (), ())]),
    st.tuples(*[st.integers(1, 40)] * 4),
)
def test_it_equals_the_reference_bit_for_bit(resize, colours, tensor, values, sizes) -> None:
    height, width, input_height, input_width = sizes
    spec = InputSpec(input_height, input_width, 3, colours, *values, Resize.parse(resize))
    pixels, out = noise(height, width), np.zeros((input_height, input_width, 3), tensor.dtype)
    Preprocessor(spec, tensor)(pixels, out)
    assert np.array_equal(out, reference(pixels, spec, tensor))


def test_nothing_is_resampled_if_the_scale_is_1() -> None:
    wide = noise(4, 8)
    padded = Resizer((8, 8), Resize("letterbox", 7))(wide)
    assert np.array_equal(padded[2:6], wide)
    assert (padded[:2] == 7).all() and (padded[6:] == 7).all()
    assert np.array_equal(Resizer((4, 4), Resize("crop"))(wide), wide[:, 2:6])


@pytest.mark.parametrize(
    ("frame", "size", "place"),
    [
        ((640, 480), (224, 224), (0, 28, 224, 168)),
        ((480, 640), (224, 224), (28, 0, 168, 224)),
        ((1920, 1080), (640, 640), (0, 140, 640, 360)),
        ((100, 75), (50, 50), (0, 6, 50, 38)),
        ((3, 3), (9, 5), (2, 0, 5, 5)),
        ((1000, 1), (8, 8), (0, 3, 8, 1)),
    ],
)
def test_where_a_letterbox_puts_a_frame(frame, size, place) -> None:
    assert Resize(LETTERBOX).place(frame, size) == place


@pytest.mark.parametrize(
    ("region", "box"),
    [
        ("full", (80, 0, 480, 480)),
        ("square", (80, 0, 480, 480)),
        ("100,50,200,100", (150, 50, 100, 100)),
        ("100,50,100,300", (100, 150, 100, 100)),
    ],
)
def test_a_region_is_cut_before_the_centre(region: str, box: tuple[int, int, int, int]) -> None:
    seen = Region.parse(region).seen_by((32, 32), Resize("crop"))
    assert seen.locate(480, 640) == box
    pixels = np.zeros((480, 640, 3), np.uint8)
    left, top, width, height = box
    pixels[top : top + height, left : left + width] = 200
    assert (Resizer((32, 32), Resize("crop"))(pixels, Region.parse(region)) == 200).all()


def test_a_region_is_cut_before_the_letterbox() -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[5:15, 10:30] = 200
    boxed = Resizer((8, 8), Resize("letterbox", 9))(pixels, Region.parse("10,5,20,10"))
    assert (boxed[2:6] == 200).all() and (boxed[[0, 1, 6, 7]] == 9).all()


def test_frames_of_another_form_leave_nothing_behind() -> None:
    resizer = Resizer((8, 8), Resize("letterbox"))
    for shape in ((8, 4), (4, 8), (8, 4)):
        fresh = Resizer((8, 8), Resize("letterbox"))(noise(*shape))
        assert np.array_equal(resizer(noise(*shape)), fresh)


def test_it_writes_into_the_same_memory_for_each_frame() -> None:
    resizer = Resizer((8, 8), Resize("letterbox"))
    assert resizer(noise(6, 4)) is resizer(noise(6, 4, seed=1))


def test_the_drawn_frame_is_what_the_network_sees() -> None:
    pixels = np.full((480, 640, 3), 128, np.uint8)
    region = Region().seen_by((32, 32), Resize("crop"))
    drawn = annotate(pixels, [], ["task"], region)[:480]
    assert (drawn != pixels).any((0, 2)).nonzero()[0][[0, -1]].tolist() == [79, 560]
    whole = annotate(pixels, [], ["task"], Region().seen_by((32, 32), Resize(LETTERBOX)))
    assert np.array_equal(whole[:480], pixels)


@pytest.mark.parametrize("text", ["stretch", "letterbox", "letterbox:114", "letterbox:255", "crop"])
def test_a_resize_is_written_as_it_is_read(text: str) -> None:
    assert str(Resize.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "pad", "crop:3", "letterbox:", "letterbox:-1", "letterbox:256", "letterbox:1.5"]
)
def test_what_is_no_resize(text: str) -> None:
    with pytest.raises(ConfigError, match="is no way to resize: use stretch, letterbox"):
        Resize.parse(text)


def test_the_centre_of_a_box() -> None:
    assert centred((10, 20, 100, 50), (1, 1)) == (35, 20, 50, 50)
    assert centred((0, 0, 65, 48), (2, 1)) == (0, 8, 65, 32)
