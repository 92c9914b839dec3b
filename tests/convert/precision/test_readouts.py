"""The layer that makes an answer keeps its classes apart in int8."""

import keras
import numpy as np
import pytest

from edge_convert.precision import activations, export, float_layers, parts, quantiser, recipes

CLASSES = 20
WINDOWS = np.random.default_rng(3).normal(size=(256, 4, 8)).astype(np.float32)


def network(classes: int = CLASSES, hidden: int = 32) -> keras.Model:
    """Windows (4, 8) -> one class of large weights, and many of small ones that are the answers."""
    keras.utils.set_random_seed(0)
    window = keras.Input((4, 8), batch_size=1, name="window")
    x = keras.layers.Flatten()(window)
    x = keras.layers.Dense(hidden, activation="relu", name="hidden")(x)
    answer = keras.layers.Dense(classes, activation="softmax", name="act")(x)
    reach = keras.layers.Dense(1, activation="sigmoid", name="near")(x)
    model = keras.Model(window, {"act": answer, "near": reach})
    kernel, bias = model.get_layer("act").get_weights()
    kernel[:, 0] = np.where(np.arange(hidden) % 2, 20, -20)  # sums to about nothing
    bias[0] = -400
    model.get_layer("act").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def model() -> bytes:
    return export.tflite_of(network())


def test_what_makes_an_answer_is_found(model: bytes) -> None:
    kinds = {layer.name: layer.operator for layer in quantiser.layers(model)}
    kept = sorted(kinds[name] for name in float_layers.readouts(model))
    assert kept == ["FULLY_CONNECTED", "FULLY_CONNECTED", "LOGISTIC", "SOFTMAX"]


def test_int8_tells_classes_of_small_weights_apart_only_with_it_in_float(model: bytes) -> None:
    inputs = {"window": WINDOWS}
    ranges = activations.observe(model, inputs).ranges("min-max", {})
    made = [
        recipes.FLOAT32,
        recipes.INT8,
        recipes.Recipe("int8", float_layers=float_layers.readouts(model)),
    ]
    made_parts = [
        parts.describe("model", r, quantiser.quantised(model, r, ranges), 0) for r in made
    ]
    exact, plain, mixed = (part.over(inputs)["act"].argmax(-1) for part in made_parts)
    assert len(set(exact)) > 5 and 0 not in exact
    assert (plain == exact).mean() < 0.7 < 0.95 < (mixed == exact).mean()


def test_many_weights_stay_integers() -> None:
    """They would make the file larger by more than they are worth."""
    assert (
        len(float_layers.readouts(export.tflite_of(network(600)))) == 2
    )  # what the other answer is made by


def test_a_model_of_readouts_alone_is_left_in_int8() -> None:
    window = keras.Input((8,), batch_size=1, name="window")
    alone = keras.Model(window, {"act": keras.layers.Dense(3, activation="softmax")(window)})
    assert float_layers.readouts(export.tflite_of(alone)) == ()
