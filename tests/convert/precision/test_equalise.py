"""Equalised channels compute the same, reach equally far, and lose less in int8."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from edge.engine import engine
from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph
from edge_convert.precision import float_layers, parts, quantiser
from edge_convert.precision.activations import Probe, observe, signal_to_noise_db
from edge_convert.precision.equalise import equalised
from edge_convert.precision.export import tflite_of
from edge_convert.precision.recipes import FLOAT32, INT8, Recipe

RANDOM = np.random.default_rng(0)
EXAMPLES = RANDOM.normal(size=(8, 8, 8, 4)).astype(np.float32)


def uneven(model: keras.Model) -> keras.Model:
    """With channels of which some write sixty times as much as others, and read as much less."""
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            weights, bias = layer.get_weights()
            weights = RANDOM.normal(size=weights.shape).astype(np.float32)
            spread = np.exp2(np.linspace(-3, 3, len(bias))).astype(np.float32)
            shape = (-1, 1) if isinstance(layer, layers.DepthwiseConv2D) else -1
            layer.set_weights([weights * spread.reshape(shape), 0.1 * spread])
    return model


def converted(build: Callable[[Any], Any]) -> bytes:
    keras.utils.set_random_seed(1)
    frame = keras.Input(batch_shape=(1, 8, 8, 4), name="frame")
    model = uneven(keras.Model(frame, {"map": build(frame)}))
    return tflite_of(model)


def gated(frame: Any) -> Any:
    """An inverted residual with hard swish and squeeze-and-excite, and a small map made large."""
    x = layers.Conv2D(6, 3, 1, "same", activation="relu")(frame)
    y = layers.Conv2D(8, 1)(x)
    y = layers.Activation("hard_swish")(layers.DepthwiseConv2D(3, 1, "same")(y))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(y)
    gate = layers.Activation("hard_sigmoid")(layers.Conv2D(8, 1)(gate))
    y = layers.Add()([x, layers.Conv2D(6, 1)(layers.Multiply()([y, gate]))])
    small = layers.MaxPooling2D()(y)
    small = layers.UpSampling2D(interpolation="bilinear")(small)
    both = layers.ReLU()(layers.Concatenate()([y, small]))
    return layers.Conv2D(3, 1)(both)


def padded(frame: Any) -> Any:
    """As BlazeFace adds a map to one of more channels."""
    x = layers.Conv2D(6, 1)(frame)
    wide = keras.ops.pad(frame, [[0, 0], [0, 0], [0, 0], [0, 2]])
    return layers.Conv2D(3, 1)(layers.ReLU()(layers.Add()([x, wide])))


def limited(frame: Any) -> Any:
    """What bends at six stays where it is; so does what is flattened."""
    x = layers.Conv2D(6, 1, activation="relu6")(frame)
    x = layers.Dense(5, activation="relu")(layers.Flatten()(x))
    return layers.Dense(2, activation="softmax")(x)


def repeated(frame: Any) -> Any:
    """The same weights three times over, as the steps of a recurrence have them."""
    again = layers.Conv2D(64, 3, 1, "same", activation="relu")
    x = layers.Conv2D(64, 1)(frame)
    for _ in range(3):
        x = again(x)
    return layers.Conv2D(3, 1)(x)


NETWORKS = {"gated": gated, "padded": padded, "limited": limited, "repeated": repeated}


@pytest.fixture(scope="module")
def models() -> dict[str, bytes]:
    return {name: converted(build) for name, build in NETWORKS.items()}


def outputs(model: bytes, examples: np.ndarray = EXAMPLES) -> np.ndarray:
    part = parts.describe("model", FLOAT32, model, 0)
    (values,) = part.over({part.part.inputs[0].name: examples}).values()
    return values


def equal(model: bytes) -> bytes:
    (name,) = flatbuffer.signature(model)[0]
    return equalised(model, {name: EXAMPLES})


@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_the_same(models: dict[str, bytes], name: str) -> None:
    unseen = 3 * RANDOM.normal(size=(4, 8, 8, 4)).astype(np.float32)
    before, after = (outputs(m, unseen) for m in (models[name], equal(models[name])))
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-5 * np.abs(before).max())


def test_weights_that_are_shared_stay_so(models: dict[str, bytes]) -> None:
    after = equal(models["repeated"])
    assert len(after) < 1.1 * len(models["repeated"])
    steps = list(flatbuffer.operators(flatbuffer.read(after), "CONV_2D"))[1:4]
    assert len({tuple(map(int, step.inputs[1:])) for step in steps}) == 1


def reaches(model: bytes) -> list[float]:
    """By how much the farthest channel of each map of a convolution reaches beyond the nearest."""
    root = flatbuffer.read(model)
    tensors = root.subgraphs[0].tensors
    operators = flatbuffer.operators(root, "CONV_2D", "DEPTHWISE_CONV_2D")
    names = {main_graph.name_of(tensors[operator.outputs[0]]) for operator in operators}
    (name,) = flatbuffer.signature(model)[0]
    far: dict[str, np.ndarray] = {}
    for example in EXAMPLES:
        for tensor, values in Probe(model).activations({name: example[None]}):
            if tensor in names:
                most = np.abs(values).max(axis=(0, 1, 2))
                far[tensor] = np.maximum(far.get(tensor, 0), most)
    ratios = {tensor: most.max() / most[most > 0].min() for tensor, most in far.items()}
    return list(ratios.values())


def test_channels_reach_equally_far(models: dict[str, bytes]) -> None:
    before, after = reaches(models["gated"]), reaches(equal(models["gated"]))
    assert max(before) > 50
    # the gates and the outputs stay as they are; what is tied together is as uneven as its members
    assert np.median(after) < 4 < np.median(before)


def int8(model: bytes) -> bytes:
    (name,) = flatbuffer.signature(model)[0]
    fixed = {flatbuffer.tensor_names(model)[name]: (-4.0, 4.0)}
    ranges = observe(model, {name: EXAMPLES}).ranges("min-max", fixed)
    return quantiser.quantised(model, INT8, ranges)


def int8_snr(model: bytes) -> float:
    return signal_to_noise_db(outputs(model), outputs(int8(model)))


def test_int8_loses_less(models: dict[str, bytes]) -> None:
    assert int8_snr(equal(models["gated"])) > int8_snr(models["gated"]) + 3


def test_operators_that_xnnpack_leaves_out_in_int8_are_spelled(models: dict[str, bytes]) -> None:
    before, after = (flatbuffer.cost(m).ops for m in (models["gated"], equal(models["gated"])))
    assert before["HARD_SWISH"] == 1 and before["RELU"] == 1
    assert not {"HARD_SWISH", "RELU"} & after.keys()
    assert after["MUL"] == before["MUL"] + 3
    assert engine.left_to_other_kernels(int8(equal(models["gated"]))) == {}


def test_a_bias_of_an_input_that_is_hardly_there_is_kept(tmp_path: Path) -> None:
    frame = keras.Input(batch_shape=(1, 1, 1, 4), name="frame")
    layer = layers.Conv2D(2, 1)
    model = keras.Model(frame, layer(frame))
    layer.set_weights([np.full((1, 1, 4, 2), 1e-5), np.float32([2.0, 5.0])])
    tflite = tflite_of(model)
    examples = np.linspace(0, 1e-3, 8, dtype=np.float32).reshape(2, 1, 1, 4)
    (name,) = flatbuffer.signature(tflite)[0]
    ranges = observe(tflite, {name: examples}).ranges("min-max", {})
    quantised = quantiser.quantised(tflite, INT8, ranges)
    np.testing.assert_allclose(outputs(quantised, examples).reshape(2, 2), [[2, 5]] * 2, atol=0.05)


def test_gates_can_stay_in_float(models: dict[str, bytes]) -> None:
    model = models["gated"]
    gates = float_layers.single_places(model)
    assert gates and not any("Mean" in name.rsplit("/")[-1] for name in gates)
    (name,) = flatbuffer.signature(model)[0]
    ranges = observe(model, {name: EXAMPLES}).ranges("min-max", {})
    mixed = quantiser.quantised(model, Recipe("int8", float_layers=gates), ranges)
    assert "DEQUANTIZE" in flatbuffer.cost(mixed).ops


def test_the_first_layers_are_those_up_to_a_depthwise_one(models: dict[str, bytes]) -> None:
    kinds = {layer.name: layer.operator for layer in quantiser.layers(models["gated"])}
    first = [kinds[name] for name in float_layers.front(models["gated"])]
    assert first == ["CONV_2D", "CONV_2D", "DEPTHWISE_CONV_2D"]
    assert float_layers.front(models["padded"]) == ()
