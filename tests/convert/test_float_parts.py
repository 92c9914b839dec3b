from collections.abc import Callable
from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest

from edge.bundle import InputOptions
from edge.tflite import flatbuffer
from edge_common import ModelError, console
from edge_convert.cut.tflite import main_graph
from edge_convert.network import ModelCard, TrainedNetwork
from edge_convert.precision import calibration, parts, recipes
from edge_convert.sources.keras_file import network_file
from edge_convert.verification import float_parts

FRAMES = 12
SPEC = InputOptions().spec(32, 32, 3)
Proof = tuple[TrainedNetwork, list[parts.ConvertedPart]]


def _clips() -> np.ndarray:
    low = np.random.default_rng(0).integers(0, 256, (6, FRAMES, 4, 4, 3), dtype=np.uint8)
    return low.repeat(8, 2).repeat(8, 3)


VALUES = calibration.NetworkInput(_clips(), SPEC)


def _sharp(gain: float) -> keras.Model:
    """As a long training makes it: large recurrent weights, answers near 0 and 1."""
    keras.utils.set_random_seed(2)
    window = keras.Input((FRAMES, 32, 32, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(window)
    x = keras.layers.TimeDistributed(keras.layers.Conv2D(8, 3, 2, activation="relu"))(x)
    x = keras.layers.TimeDistributed(keras.layers.GlobalAveragePooling2D())(x)
    recurrent, dense = keras.layers.GRU(24, name="over_time"), keras.layers.Dense(5, name="logits")
    model = keras.Model(window, keras.layers.Softmax(name="act")(dense(recurrent(x))))
    recurrent.set_weights([gain * w for w in recurrent.get_weights()])
    dense.set_weights([4 * gain * w for w in dense.get_weights()])
    return model


@pytest.fixture(scope="module")
def proof() -> Callable[[float], Proof]:
    """A sharp network with its float parts, each made once."""

    @cache
    def make(gain: float) -> Proof:
        quiet = console.Progress(quiet=True)
        file = network_file("sharp.keras", _sharp(gain))
        network = file.observed(VALUES[:6], ModelCard(), quiet).network(None, quiet)
        return network, _described(network)

    return make


def _described(network: TrainedNetwork) -> list[parts.ConvertedPart]:
    return [parts.describe(p.role, recipes.FLOAT32, p.model, 0) for p in network.parts]


@pytest.mark.parametrize("gain", [1.0, 12.0])
def test_rounding_is_no_fault_however_sharp_the_answers_are(proof, gain: float) -> None:
    network, floats = proof(gain)
    result = float_parts.difference(network, floats, VALUES)
    assert result.task == "act" and network.softmax == {"act"}
    assert result.is_rounding
    if gain == 1.0:  # nothing had to be explained
        assert result.allowed == float_parts.UNQUESTIONED


def test_a_sharp_network_differs_by_more_than_a_fixed_bound_allows(proof) -> None:
    network, floats = proof(12.0)
    (outputs,) = parts.outputs_by_last_part(floats[0], floats[1:], VALUES)
    expected = np.concatenate([network.reference(VALUES[i : i + 1])["act"] for i in range(6)])
    assert np.abs(outputs["act"] - expected).max() > 5e-5
    assert float_parts.difference(network, floats, VALUES).allowed < 0.02


def _with_one_weight_off(model: bytes, share: float) -> bytes:
    """The largest constant of a .tflite with one of its numbers off by a share of it."""
    root = flatbuffer.read(model)
    tensors = range(len(root.subgraphs[0].tensors))
    constants = {i: main_graph.constant(root, i) for i in tensors}
    floats = {i: v for i, v in constants.items() if v is not None and v.dtype == np.float32}
    largest = max(floats, key=lambda i: floats[i].size)
    values = floats[largest].copy()
    values.flat[7] *= 1 + share
    main_graph.set_constant(root, largest, values)
    return flatbuffer.write(root)


def test_a_network_with_one_weight_off_by_a_hundredth_is_refused(proof) -> None:
    network, floats = proof(12.0)
    wrong = replace(floats[1], model=_with_one_weight_off(floats[1].model, 0.01))
    with pytest.raises(
        ModelError, match="where rounding explains .* 'over_time' .GRU. of the head"
    ):
        float_parts.difference(network, [floats[0], wrong], VALUES)


def test_nan_is_never_rounding() -> None:
    assert not float_parts.FloatDifference("a", float("nan"), 1.0).is_rounding
    assert not float_parts.FloatDifference("a", 1.0, float("nan")).is_rounding


def test_weights_are_off_by_the_root_of_how_many_are_summed(proof) -> None:
    network, _ = proof(1.0)
    model = network.parts[0].model
    root, off = (
        flatbuffer.read(m)
        for m in (model, float_parts.a_rounding_off(model, np.random.default_rng(1)))
    )
    (conv,) = flatbuffer.operators(root, "CONV_2D")
    before, after = (main_graph.constant(r, int(conv.inputs[1])) for r in (root, off))
    assert before.shape == (8, 3, 3, 3)
    relative = np.abs(after / before.astype(np.float64) - 1)
    assert np.median(relative) == pytest.approx(np.sqrt(27) * 2**-24, rel=0.2)
