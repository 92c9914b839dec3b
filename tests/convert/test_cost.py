"""Against the operators of the converted graph, which are counted by other code."""

import keras
import pytest
from keras import layers

from convert.cost import of_call
from convert.graph import Call, calls
from edge import flatbuffer


def _total(model: keras.Model) -> int:
    return sum(of_call(call) for call in calls(model) if isinstance(call, Call))


def _in_tflite(model: keras.Model) -> int:
    import tensorflow as tf

    return flatbuffer.cost(tf.lite.TFLiteConverter.from_keras_model(model).convert()).multiply_adds


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(8, 3, 2, "same"),
        layers.DepthwiseConv2D(5, padding="same"),
        layers.SeparableConv2D(6, 3),
        keras.Sequential([layers.Conv2D(4, 1), layers.Flatten(), layers.Dense(7)]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_pictures(layer) -> None:
    given = keras.Input(batch_shape=(1, 16, 16, 4))
    model = keras.Model(given, layer(given))
    assert _total(model) == _in_tflite(model)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv1D(6, 3),
        layers.Dense(3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_sequences(layer) -> None:
    given = keras.Input(batch_shape=(1, 5, 8))
    model = keras.Model(given, layer(given))
    assert _total(model) == _in_tflite(model)


@pytest.mark.parametrize(
    ("layer", "gates"), [(layers.LSTM(6), 4), (layers.GRU(6), 3), (layers.SimpleRNN(6), 1)]
)
def test_recurrent_steps_by_hand(layer, gates: int) -> None:
    given = keras.Input((5, 8))
    assert _total(keras.Model(given, layer(given))) == 5 * gates * 6 * (8 + 6)


def test_a_layer_over_time_counts_each_step() -> None:
    given = keras.Input((5, 16, 16, 4))
    model = keras.Model(given, layers.TimeDistributed(layers.Conv2D(8, 3, padding="same"))(given))
    assert _total(model) == 5 * 16 * 16 * 8 * 36
