"""Biases that were moved find back, and nothing else changes."""

import keras
import numpy as np
import pytest
from keras import layers

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph
from edge_convert.precision import biases, parts, quantiser
from edge_convert.precision.activations import observe, signal_to_noise_db
from edge_convert.precision.export import tflite_of
from edge_convert.precision.recipes import FLOAT32, INT8

EXAMPLES = np.random.default_rng(0).normal(size=(16, 12, 12, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def models() -> tuple[bytes, bytes]:
    """A network of four layers: in float32, and in int8."""
    keras.utils.set_random_seed(0)
    frame = x = keras.Input(batch_shape=(1, 12, 12, 3), name="frame")
    for width in (8, 8, 4):
        x = layers.Conv2D(width, 3, activation="relu", bias_initializer="normal")(x)
    answer = layers.Dense(3, bias_initializer="normal")(layers.GlobalAveragePooling2D()(x))
    model = tflite_of(keras.Model(frame, {"answer": answer}))
    ranges = observe(model, {"frame": EXAMPLES}).ranges("min-max", {})
    return model, quantiser.quantised(model, INT8, ranges)


def with_shifted_biases(model: bytes, share: float) -> bytes:
    """Each bias of a convolution off by that share of what its layer reaches."""
    root = flatbuffer.read(model)
    for operator in flatbuffer.operators(root, "CONV_2D"):
        index, output = int(operator.inputs[2]), int(operator.outputs[0])
        tensors = root.subgraphs[0].tensors
        reach = 255 * float(tensors[output].quantization.scale[0])
        steps = share * reach / np.asarray(tensors[index].quantization.scale)
        shifted = main_graph.constant(root, index) + np.rint(steps)
        main_graph.set_constant(root, index, shifted.astype(np.int32))
    return flatbuffer.write(root)


def snr(model: bytes, reference: bytes) -> float:
    def outputs(each: bytes) -> np.ndarray:
        part = parts.describe("model", FLOAT32, each, 0)
        return part.over({"frame": EXAMPLES})["answer"]

    return signal_to_noise_db(outputs(reference), outputs(model))


def test_shifted_means_are_put_right(models: tuple[bytes, bytes]) -> None:
    floating, integer = models
    shifted = with_shifted_biases(integer, 0.04)
    mended = biases.corrected(shifted, floating, {"frame": EXAMPLES})
    assert snr(shifted, floating) < snr(integer, floating) - 6
    assert snr(mended, floating) > snr(shifted, floating) + 6
    assert biases.corrected(shifted, floating, {"frame": EXAMPLES}) == mended


def test_a_deep_network_is_not_put_right_several_times() -> None:
    """Each layer shifts what comes after it; who corrects both for the same shift overshoots."""
    keras.utils.set_random_seed(0)
    frame = x = keras.Input(batch_shape=(1, 12, 12, 3), name="frame")
    for _ in range(40):
        x = layers.Conv2D(8, 1, activation="relu", bias_initializer="normal")(x)
    answer = layers.Dense(3, bias_initializer="normal")(layers.GlobalAveragePooling2D()(x))
    floating = tflite_of(keras.Model(frame, {"answer": answer}))
    ranges = observe(floating, {"frame": EXAMPLES}).ranges("min-max", {})
    integer = quantiser.quantised(floating, INT8, ranges)
    shifted = with_shifted_biases(integer, 0.02)
    mended = biases.corrected(shifted, floating, {"frame": EXAMPLES})
    assert snr(shifted, floating) < snr(integer, floating) - 6
    assert snr(mended, floating) > snr(integer, floating) - 1


def test_only_biases_change(models: tuple[bytes, bytes]) -> None:
    floating, integer = models
    mended = biases.corrected(integer, floating, {"frame": EXAMPLES})
    assert flatbuffer.cost(mended).ops == flatbuffer.cost(integer).ops
    before, after = flatbuffer.read(integer), flatbuffer.read(mended)
    for operator in flatbuffer.operators(before, "CONV_2D", "FULLY_CONNECTED"):
        weights = int(operator.inputs[1])
        same = (main_graph.constant(root, weights) for root in (before, after))
        np.testing.assert_array_equal(*same)
    assert snr(mended, floating) > snr(integer, floating) - 1
