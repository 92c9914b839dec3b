"""Biases that weights next to nothing, or inputs next to nothing, would push out of 32 bits.

Networks that were trained for long have such filters: ImageNet's EfficientNet-Lite0 in most of its blocks.
"""

import cv2
import numpy as np
import pytest
import skimage.data
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings, strategies as st

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph
from edge_convert.precision import export
from edge_convert.precision.activations import observe, signal_to_noise_db
from edge_convert.precision.parts import describe
from edge_convert.precision.quantiser import quantised
from edge_convert.precision.recipes import FLOAT32, INT8, Recipe
from edge_models.networks import backbones
from tests import flat_models as flat

PICTURES = np.random.default_rng(0).uniform(0, 1, (16, 4, 4, 3)).astype(np.float32)
PLAIN = np.random.default_rng(1).normal(0, 0.5, 3)  # weights of a filter as any other
NEXT_TO_NOTHING = PLAIN * 1e-8


def convolution(builder: flat.Builder, frame: int, weights: np.ndarray, bias: np.ndarray) -> int:
    """Of one pixel, from 3 channels."""
    options = schema.Conv2DOptionsT()
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    kernel = builder.constant(weights.reshape(-1, 1, 1, 3).astype(np.float32))
    maps = builder.tensor((1, 4, 4, len(bias)), name=f"maps{len(builder.graph.tensors)}".encode())
    added = builder.constant(bias.astype(np.float32))
    builder.operator("CONV_2D", [frame, kernel, added], [maps], options)
    return maps


def answers(
    model: bytes, ranges: dict, pictures: np.ndarray, recipe: Recipe = INT8
) -> tuple[dict, dict]:
    """What the model answers in float32 and quantised, (16, 4, 4, C) each."""
    model = main_graph.signed(model)
    exact, integer = (
        describe("encoder", r, quantised(model, r, ranges), 0).over({"frame": pictures})
        for r in (FLOAT32, recipe)
    )
    return exact, integer


def lone_layer(weights: list, bias: list, highest: float = 1.0) -> tuple[bytes, dict]:
    """One convolution, and the ranges of its ends."""
    builder = flat.Builder()
    frame = builder.tensor((1, 4, 4, 3), name=b"frame")
    rows = np.asarray(weights)
    maps = convolution(builder, frame, rows, np.asarray(bias))
    reach = [np.abs(rows).sum(1) * highest + np.abs(bias)]
    name = main_graph.name_of(builder.graph.tensors[maps])
    limit = float(np.max(reach))
    return builder.finish([frame], [maps]), {"frame": (0.0, highest), name: (-limit, limit)}


@pytest.mark.parametrize("dead", [NEXT_TO_NOTHING, np.zeros(3)], ids=["next-to-nothing", "zero"])
def test_a_filter_without_weights_answers_its_bias_and_leaves_the_others_alone(dead) -> None:
    model, ranges = lone_layer([PLAIN, dead, -PLAIN], [0.1, 0.7, -0.2])
    exact, integer = answers(model, ranges, PICTURES)
    (name,) = exact
    step = 2 * ranges[next(n for n in ranges if n != "frame")][1] / 255
    assert integer[name][..., 1] == pytest.approx(0.7, abs=step)
    for channel in (0, 2):
        found = integer[name][..., channel]
        assert np.abs(found - exact[name][..., channel]).max() <= 1.5 * step
        assert len(np.unique(found)) > 20  # all of its range is used


def test_behind_an_input_that_hardly_leaves_zero_there_is_the_bias() -> None:
    model, ranges = lone_layer([PLAIN, PLAIN * 2], [0.6, -0.4], highest=1e-9)
    exact, integer = answers(model, ranges, PICTURES * 1e-9)
    (name,) = exact
    assert integer[name][..., 0] == pytest.approx(0.6, abs=0.01)
    assert integer[name][..., 1] == pytest.approx(-0.4, abs=0.01)


def test_of_wide_activations_biases_have_64_bits_and_nothing_is_touched() -> None:
    model, ranges = lone_layer([PLAIN, NEXT_TO_NOTHING], [0.1, 0.7])
    wide = {name: (-high, high) for name, (_, high) in ranges.items()}
    exact, integer = answers(model, wide, PICTURES, Recipe("int16x8"))
    (name,) = exact
    assert integer[name] == pytest.approx(exact[name], abs=0.01)


def test_layers_that_share_weights_share_their_steps_as_well() -> None:
    """The same convolution over the picture, and over one that is a thousandth as bright."""
    builder = flat.Builder()
    frame = builder.tensor((1, 4, 4, 3), name=b"frame")
    dark = builder.tensor((1, 4, 4, 3), name=b"dark")
    thousandth = builder.constant(np.float32([0.001]))
    builder.operator("MUL", [frame, thousandth], [dark], schema.MulOptionsT())
    rows, bias = np.stack([PLAIN, NEXT_TO_NOTHING * 10]), np.array([0.1, 0.7])
    maps = convolution(builder, frame, rows, bias)
    first = builder.graph.operators[-1]
    other = builder.tensor((1, 4, 4, 2), name=b"other")
    builder.operator(
        "CONV_2D", [dark, int(first.inputs[1]), int(first.inputs[2])], [other], first.builtinOptions
    )
    names = [main_graph.name_of(builder.graph.tensors[each]) for each in (maps, other)]
    ranges = {"frame": (0.0, 1.0), "dark": (0.0, 0.001), **dict.fromkeys(names, (-2.0, 2.0))}
    exact, integer = answers(builder.finish([frame], [maps, other]), ranges, PICTURES)
    for name in names:
        assert integer[name] == pytest.approx(exact[name], abs=0.04), name


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-9, 1), min_size=2, max_size=5),
    st.lists(st.floats(-3, 3), min_size=5, max_size=5),
)
def test_no_channel_is_off_by_more_than_its_output_can_tell(sizes, biases) -> None:
    """Filters of any size beside each other."""
    rows = [PLAIN * 10**size for size in sizes]
    model, ranges = lone_layer(rows, biases[: len(sizes)])
    exact, integer = answers(model, ranges, PICTURES[:4])
    (name,) = exact
    limit = ranges[next(n for n in ranges if n != "frame")][1]
    assert integer[name] == pytest.approx(exact[name], abs=0.03 * limit)


def test_the_steps_of_other_filters_stay_as_they_are() -> None:
    model, ranges = lone_layer([PLAIN, NEXT_TO_NOTHING], [0.1, 0.7])
    root = flatbuffer.read(quantised(main_graph.signed(model), INT8, ranges))
    (layer,) = flatbuffer.operators(root, "CONV_2D")
    read, weights, bias = (
        root.subgraphs[0].tensors[int(i)].quantization.scale for i in layer.inputs
    )
    assert weights[0] == pytest.approx(np.abs(PLAIN).max() / 127, rel=1e-5)
    assert weights[1] == pytest.approx(0.7 / 2**30 / read[0], rel=1e-5)
    assert np.asarray(bias) == pytest.approx(np.asarray(weights) * read[0], rel=1e-5)


def test_a_trained_backbone_keeps_its_signal() -> None:
    """ImageNet's weights, of which many filters have died: 0 dB, were ranges made wide for them."""
    backbone = backbones.build_backbone("efficientnet-lite0", 64, "imagenet", end="b4_add")
    photo = cv2.resize(skimage.data.astronaut(), (128, 128), interpolation=cv2.INTER_AREA)
    corners = [(y, x) for y in range(0, 65, 16) for x in range(0, 65, 16)]
    frames = np.stack([photo[y : y + 64, x : x + 64] for y, x in corners]).astype(np.float32)
    model = export.tflite_of(backbone)
    ranges = observe(model, {"frame": frames}).ranges("min-max", {})
    exact, integer = (
        describe("encoder", r, quantised(model, r, ranges), 0).over({"frame": frames})
        for r in (FLOAT32, INT8)
    )
    (maps,) = exact
    assert signal_to_noise_db(exact[maps], integer[maps]) > 12.0
