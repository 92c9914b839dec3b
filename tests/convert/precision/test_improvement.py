"""What is tried for an int8 part that loses too much, and in which order."""

import keras
import pytest
from keras import layers

from edge_convert.precision import float_layers, improvement
from edge_convert.precision.activations import LayerCost
from edge_convert.precision.export import tflite_of
from edge_convert.precision.recipes import INT8, Recipe

COSTS = [LayerCost(f"l{i}", "CONV_2D", float(i)) for i in range(5)]
BEST = Recipe("int8", "mse", ("readout",))


def rounds(model: bytes, is_slow: bool = False) -> dict[str, list[list[Recipe]]]:
    """The recipes of each step, if that recipe stays the best."""
    steps: dict[str, list[list[Recipe]]] = {}
    for step, recipes in improvement.rounds(model, INT8, is_slow, lambda: BEST, lambda _: COSTS):
        steps.setdefault(step, []).append(recipes)
    return steps


@pytest.fixture(scope="module")
def gated() -> bytes:
    """With a gate of squeeze-and-excitation behind a layer whose channels are free."""
    frame = keras.Input(batch_shape=(1, 8, 8, 3), name="frame")
    x = layers.Conv2D(4, 3, activation="relu")(frame)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(4, 1, activation="hard_sigmoid")(gate)
    return tflite_of(keras.Model(frame, {"map": layers.Conv2D(2, 1)(layers.Multiply()([x, gate]))}))


def test_the_cheapest_comes_first(gated: bytes) -> None:
    steps = rounds(gated)
    assert list(steps) == [
        "other ranges",
        "equalised channels",
        "gates in float32",
        "corrected biases",
        "the costliest layers in float32",
    ]
    assert [r.ranges for r in steps["other ranges"][0]] == ["percentile", "mse"]
    assert all(r.equalised for r in steps["equalised channels"][0])
    gates = float_layers.single_places(gated)
    assert gates and steps["gates in float32"][0][0].float_layers == ("readout", *gates)
    assert steps["corrected biases"] == [[Recipe("int8", "mse", ("readout",), corrected=True)]]


def test_slow_operators_are_written_in_others_or_nothing_is_tried(gated: bytes) -> None:
    assert list(rounds(gated, is_slow=True)) == ["equalised channels"]  # and the best is not


def test_the_costliest_layers_are_kept_in_float_one_two_four_eight(gated: bytes) -> None:
    last = rounds(gated)["the costliest layers in float32"]
    assert [recipe.float_layers for (recipe,) in last] == [
        ("readout", "l0"),
        ("readout", "l0", "l1"),
        ("readout", "l0", "l1", "l2", "l3"),
    ]


def test_what_cannot_be_scaled_is_not_equalised() -> None:
    frame = keras.Input(batch_shape=(1, 8, 8, 3), name="frame")
    model = tflite_of(keras.Model(frame, {"map": layers.Conv2D(2, 3)(frame)}))
    assert "equalised channels" not in rounds(model) and "gates in float32" not in rounds(model)
