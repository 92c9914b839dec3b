"""Small frozen graphs as Keras layers, against the same operations of TensorFlow."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from edge_common.errors import ModelError
from edge_models.pretrained.graph_layers import build
from edge_models.pretrained.tfjs import read_graph
from tests.models.pretrained.test_pretrained_tfjs import integers, node, text, texts, write_graph

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.normal(size=(2, 9, 8, 3)).astype(np.float32)
STRIDES = {"strides": integers(1, 2, 2, 1), "padding": text("SAME")}


def constant(*shape: int) -> np.ndarray:
    """Numbers that float16 keeps."""
    return RANDOM.normal(size=shape).astype(np.float16).astype(np.float32)


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def model_of(path: Path, nodes: list, constants: dict, shape: tuple[int, ...] = (9, 8, 3)):
    """A Keras model from `x` to the last node, an identity behind the layer that it ends with."""
    graph = read_graph(write_graph(path / "m.json", nodes, constants))
    given = keras.Input(shape, name="x")
    last = nodes[-1]["name"]
    return keras.Model(given, build(graph, {"x": given}, [last])[last])


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers[1:]]


def test_factor_offset_and_limits_end_in_two_layers(tmp_path: Path) -> None:
    nodes = [
        node("a", "DepthwiseConv2dNative", "x", "k", **STRIDES),
        node("b", "Mul", "a", "factor"), node("c", "Add", "offset", "b"),
        node("d", "Relu", "c"), node("e", "Minimum", "d", "six"), node("f", "Maximum", "e", "nil"),
        node("g", "Sigmoid", "f"),
    ]  # fmt: skip
    k, factor, offset = constant(3, 3, 3, 2), constant(6), constant(1, 1, 1, 6)
    constants = {"k": k, "factor": factor, "offset": offset, "six": number(6), "nil": number(0)}
    model = model_of(tmp_path, nodes, constants)
    assert kinds(model) == ["DepthwiseConv2D", "ReLU", "Activation"]
    assert model.layers[2].max_value == 6
    x = 9 * PICTURE  # some of it reaches the limit
    wanted = tf.nn.depthwise_conv2d(x, k, [1, 2, 2, 1], "SAME") * factor + offset
    wanted = tf.sigmoid(tf.clip_by_value(wanted, 0, 6))
    np.testing.assert_allclose(model(x), wanted, rtol=0, atol=1e-6)


def test_fused_convolution_and_the_normalisation_behind_it(tmp_path: Path) -> None:
    nodes = [
        node("a/b", "_FusedConv2D", "x", "k", "bias", fused_ops=texts("BiasAdd", "Relu"), **STRIDES),
        node("m", "Mul", "a/b", "gamma"), node("n", "Add", "m", "beta"),
        node("o", "MaxPool", "n", ksize=integers(1, 2, 2, 1), strides=integers(1, 2, 2, 1),
             padding=text("VALID")),
        node("p", "Max", "o", "axes"),
    ]  # fmt: skip
    k, bias, gamma, beta = constant(3, 3, 3, 4), constant(4), constant(4), constant(4)
    axes = np.array([1, 2], np.int32)
    constants = {"k": k, "bias": bias, "gamma": gamma, "beta": beta, "axes": axes}
    model = model_of(tmp_path, nodes, constants)
    assert kinds(model) == [
        "Conv2D", "ReLU", "BatchNormalization", "MaxPooling2D", "GlobalMaxPooling2D",
    ]  # fmt: skip
    assert [layer.name for layer in model.layers[1:3]] == ["a_b", "a_b_limit"]
    wanted = tf.nn.relu(tf.nn.conv2d(PICTURE, k, 2, "SAME") + bias) * gamma + beta
    wanted = tf.reduce_max(tf.nn.max_pool2d(wanted, 2, 2, "VALID"), [1, 2])
    np.testing.assert_allclose(model(PICTURE), wanted, rtol=0, atol=1e-6)


def test_a_fused_limit_of_six(tmp_path: Path) -> None:
    fused = texts("BiasAdd", "Relu6")
    nodes = [node("a", "FusedDepthwiseConv2dNative", "x", "k", "bias", fused_ops=fused, **STRIDES)]
    k, bias = constant(3, 3, 3, 1), constant(3)
    model = model_of(tmp_path, nodes, {"k": k, "bias": bias})
    x = 9 * PICTURE  # some of it reaches the limit
    wanted = tf.nn.relu6(tf.nn.depthwise_conv2d(x, k, [1, 2, 2, 1], "SAME") + bias)
    assert (wanted.numpy() == 6).any()
    np.testing.assert_allclose(model(x), wanted, rtol=0, atol=1e-5)


def test_products_keep_an_axis_of_frames(tmp_path: Path) -> None:
    nodes = [
        node("a", "MatMul", "x", "k", transpose_b={"b": True}), node("b", "BiasAdd", "a", "bias"),
        node("c", "Identity", "b"), node("d", "Softmax", "c"),
    ]  # fmt: skip
    k, bias = constant(5, 4), constant(5)
    model = model_of(tmp_path, nodes, {"k": k, "bias": bias}, shape=(7, 4))
    x = RANDOM.normal(size=(2, 7, 4)).astype(np.float32)
    assert kinds(model) == ["Dense", "Activation"]
    np.testing.assert_allclose(model(x), tf.nn.softmax(x @ k.T + bias), rtol=0, atol=1e-6)


def test_a_value_that_is_read_twice_is_computed_once_for_each_meaning(tmp_path: Path) -> None:
    nodes = [
        node("a", "Conv2D", "x", "k", **STRIDES), node("b", "Mul", "a", "two"),
        node("c", "Mean", "a", "axes"), node("d", "Mean", "b", "axes"),
    ]  # fmt: skip
    constants = {"k": constant(1, 1, 3, 2), "two": number(2), "axes": np.array([1, 2], np.int32)}
    graph = read_graph(write_graph(tmp_path / "m.json", nodes, constants))
    given = keras.Input((9, 8, 3))
    once, twice = keras.Model(given, list(build(graph, {"x": given}, ["c", "d"]).values()))(PICTURE)
    np.testing.assert_allclose(2 * once, twice, rtol=1e-6)


CONV = {"k": constant(1, 1, 3, 2)}
REFUSED = {
    "known operations are Add, AddV2": ([node("a", "FFT", "x")], {}),
    "without dilations": ([node("a", "Conv2D", "x", "k", dilations=integers(1, 2, 2, 1))], CONV),
    "only NHWC": ([node("a", "Conv2D", "x", "k", data_format=text("NCHW"))], CONV),
    "Elu is fused into it": (
        [node("a", "_FusedConv2D", "x", "k", fused_ops=texts("Elu"), **STRIDES)], CONV),
    "known are height and width": (
        [node("a", "Mean", "x", "axes")], {"axes": np.array([3], np.int32)}),
    "combines two constants": ([node("a", "Add", "k", "k")], CONV),
    "to 1.0 and more: only 0 is known": (
        [node("a", "Maximum", "x", "one"), node("b", "Sigmoid", "a")], {"one": number(1)}),
    "constant of shape": (
        [node("a", "Mul", "x", "k"), node("b", "Sigmoid", "a")], {"k": constant(9, 1, 1)}),
    "cannot be built": (
        [node("a", "Mul", "x", "k"), node("b", "Sigmoid", "a")], {"k": constant(5)}),
    "no result of a layer": ([node("a", "Identity", "k")], CONV),
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_known_is_refused_in_one_line(tmp_path: Path, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        model_of(tmp_path, *REFUSED[reason])
