"""Planes that are no colours: what they hold, from camera to tensor, and what a manifest says of them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge.bundle import InputOptions, InputSpec, TensorSpec
from edge.input_spec import PLANES
from edge.stream.planes import PlaneInput, clip_planes, levels_of
from edge_common import ConfigError
from tests import tiny

SPEC = InputOptions(planes=("red", "green", "blue", "alpha", "flow_x", "flow_y")).spec(48, 64, 6)
TENSOR = TensorSpec("frame", (1, 48, 64, 6), "int8", 1.0, -128)


def _moving(pixels: int, count: int = 3) -> np.ndarray:
    """A textured scene that moves to the right by so many pixels a frame: uint8 BGR."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 128, 3), dtype=np.uint8)
    scene = cv2.GaussianBlur(noise, (9, 9), 0)
    return np.stack(
        [np.ascontiguousarray(scene[:, 32 - t * pixels :][:, :64]) for t in range(count)]
    )


@pytest.mark.parametrize("pixels", [0, 2, 5])
def test_flow_is_the_motion_in_pixels_and_none_in_the_first_frame(pixels: int) -> None:
    maker = PlaneInput(SPEC, TENSOR)
    first, second, _ = (maker.prepare(frame).copy() for frame in _moving(pixels))
    assert (first[..., 4:] == 128).all() and (first[..., 3] == 255).all()
    moved = np.median(second[4:-4, 8:-8, 4:].reshape(-1, 2), axis=0)
    np.testing.assert_allclose((moved - 127.5) * 20 / 127.5, (pixels, 0), atol=0.25)


def test_planes_stand_in_the_order_of_their_names() -> None:
    spec = InputOptions(planes=("grey", "blue", "red", "difference")).spec(48, 64, 4)
    maker, (before, frame, _) = PlaneInput(spec, TENSOR), _moving(3)
    maker.prepare(before)
    planes = maker.prepare(frame)
    grey, grey_before = (cv2.cvtColor(f, cv2.COLOR_BGR2GRAY) for f in (frame, before))
    expected = (grey, frame[..., 0], frame[..., 2], cv2.absdiff(grey, grey_before))
    np.testing.assert_array_equal(planes, np.stack(expected, -1))


@given(st.permutations(PLANES), st.integers(1, len(PLANES)), st.integers(1, 3))
def test_recorded_windows_hold_what_a_stream_makes_of_their_frames(order, count, length) -> None:
    spec = InputSpec(24, 32, count, "none", planes=tuple(order[:count]))
    windows = tiny.frames(2 * length, 24, 32).reshape(2, length, 24, 32, 3)
    recorded = clip_planes(windows, spec)
    for window, planes in zip(windows, recorded):
        maker = PlaneInput(spec, replace(TENSOR, shape=(1, 24, 32, count)))
        for frame, expected in zip(window, planes):
            np.testing.assert_array_equal(
                maker.prepare(np.ascontiguousarray(frame[..., ::-1])), expected
            )


@given(st.floats(-100, 100, width=32), st.floats(-100, 100, width=32))
def test_levels_of_flow_keep_its_order_and_its_ends(one: float, other: float) -> None:
    low, high = sorted((one, other))
    levels = levels_of(np.array([low, high, -20, 0, 20], np.float32))
    assert levels[0] <= levels[1]
    assert levels[2:].tolist() == [0, 128, 255]


def test_each_plane_has_its_own_mean_and_range() -> None:
    options = InputOptions(mean=(0, 0, 0, 0, 127.5, 127.5), std=(255,) * 4 + (6.375,) * 2)
    spec = replace(options, planes=SPEC.planes).spec(48, 64, 6)
    tensor, out = replace(TENSOR, dtype="float32", scale=0.0), np.empty((48, 64, 6), np.float32)
    maker = PlaneInput(spec, tensor)
    for frame in _moving(5)[:2]:
        maker(frame, out)
    assert np.median(out[8:-8, 8:-8, 4]) == pytest.approx(5, abs=0.25)
    assert (out[..., 3] == 1).all()


@pytest.mark.parametrize(
    ("planes", "colours"),
    [(("grey",), "GRAY"), (("red", "green", "blue"), "RGB"), (("blue", "green", "red"), "BGR")],
)
def test_planes_that_are_colours_need_no_new_bundle(planes, colours: str) -> None:
    spec = InputOptions(planes=planes).spec(32, 32, len(planes))
    assert (spec.planes, spec.colour_order) == ((), colours)


@pytest.mark.parametrize(
    ("planes", "channels", "size", "message"),
    [
        (("red", "alpha"), 3, 32, "2 planes are named, and the network takes 3"),
        (("flow_x", "flow_y") * 2, 4, 32, "flow of several pairs of frames stacked"),
        (("grey", "flow_x"), 2, 10, "frames of 10x10 are too small for optical flow: 12 pixels"),
    ],
)
def test_planes_that_cannot_be_made_are_refused(planes, channels, size, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        InputOptions(planes=planes).spec(size, size, channels)
