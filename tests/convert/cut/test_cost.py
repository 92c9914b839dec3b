"""Against the operators of the converted graph, which are counted by other code."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from edge.tflite import flatbuffer
from edge_convert.cut.keras.cost import of_call
from edge_convert.cut.keras.model import calls
from edge_convert.precision.export import tflite_of


def _total(model: keras.Model) -> int:
    return sum(of_call(call) for call in calls(model))


def _in_tflite(model: keras.Model) -> int:
    return flatbuffer.cost(tflite_of(model)).multiply_adds


def _equal(layer, shape: tuple[int, ...]) -> bool:
    given = keras.Input(batch_shape=(1, *shape))
    model = keras.Model(given, layer(given))
    return _total(model) == _in_tflite(model) > 0


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(8, 3, 2, "same"),
        layers.Conv2D(8, 3, dilation_rate=2, groups=2),
        layers.DepthwiseConv2D(5, padding="same", depth_multiplier=2),
        layers.SeparableConv2D(6, 3),
        layers.EinsumDense("bhwc,cd->bhwd", (16, 16, 3)),
        layers.EinsumDense("...c,cd->...d", 3),
        layers.SpectralNormalization(layers.Conv2D(4, 3)),
        keras.Sequential([layers.Conv2D(4, 1), layers.Flatten(), layers.Dense(7)]),
    ],
    ids=lambda layer: layer.name,
)
def test_pictures(layer) -> None:
    assert _equal(layer, (16, 16, 4))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv1D(6, 3),
        layers.Conv1D(6, 2, padding="causal", dilation_rate=2),
        layers.DepthwiseConv1D(3),
        layers.SeparableConv1D(6, 3),
        layers.Dense(3),
        layers.LSTM(6, unroll=True),
        layers.GRU(6, unroll=True, return_sequences=True),
        layers.GRU(6, unroll=True, reset_after=False),
        layers.SimpleRNN(6, unroll=True),
        layers.Bidirectional(layers.LSTM(6, unroll=True)),
        layers.RNN([layers.LSTMCell(6), layers.GRUCell(3)], unroll=True),
    ],
    ids=lambda layer: layer.name,
)
def test_sequences(layer) -> None:
    assert _equal(layer, (5, 8))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv3D(3, (2, 3, 3)),
        layers.ConvLSTM2D(3, 3, unroll=True),
        layers.ConvLSTM2D(3, 3, 2, "same", unroll=True),
        layers.TimeDistributed(layers.Conv2D(8, 3, padding="same")),
    ],
    ids=lambda layer: layer.name,
)
def test_films(layer) -> None:
    assert _equal(layer, (4, 6, 6, 4))


@pytest.mark.parametrize(
    "attend",
    [
        lambda x: layers.MultiHeadAttention(2, 3)(x, x),
        lambda x: layers.MultiHeadAttention(2, 3, value_dim=5, output_shape=6)(x[:, 1:], x),
        lambda x: layers.GroupQueryAttention(3, 4, 2)(x, x),
        lambda x: layers.Attention()([x[:, 1:], x]),
        lambda x: layers.AdditiveAttention()([x[:, 1:], x]),
        lambda x: layers.Dot((2, 2))([x, x]),
        lambda x: ops.einsum("btc,bsc->bts", x, x),
        lambda x: ops.einsum("btc,cd->btd", x, np.ones((8, 3), np.float32)),
        lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
        lambda x: ops.tensordot(x, np.ones((8, 3), np.float32), axes=1),
    ],
    ids=lambda attend: "",
)
def test_attention_and_products(attend) -> None:
    assert _equal(attend, (5, 8))


def test_a_given_state_is_multiplied_in_the_first_step_too() -> None:
    given = keras.Input(batch_shape=(1, 5, 8))
    state = layers.Dense(6)(given[:, 0])
    model = keras.Model(given, layers.GRU(6, unroll=True)(given, initial_state=state))
    assert _total(model) == _in_tflite(model)


@pytest.mark.parametrize(
    ("layer", "gates"), [(layers.LSTM(6), 4), (layers.GRU(6), 3), (layers.SimpleRNN(6), 1)]
)
def test_recurrent_steps_by_hand(layer, gates: int) -> None:
    given = keras.Input((5, 8))
    assert _total(keras.Model(given, layer(given))) == gates * 6 * (5 * 8 + 4 * 6)


def test_a_transposed_convolution_by_hand() -> None:
    given = keras.Input((4, 4, 3))
    layer = layers.Conv2DTranspose(5, 3, 2, "same")
    assert _total(keras.Model(given, layer(given))) == 4 * 4 * 3 * 9 * 5


def test_a_layer_over_time_counts_each_step() -> None:
    given = keras.Input((5, 16, 16, 4))
    model = keras.Model(given, layers.TimeDistributed(layers.Conv2D(8, 3, padding="same"))(given))
    assert _total(model) == 5 * 16 * 16 * 8 * 36


def test_a_model_called_twice_counts_twice() -> None:
    inner = keras.Sequential([keras.Input((8,)), layers.Dense(4)])
    given = keras.Input((8,))
    assert _total(keras.Model(given, inner(given) + inner(2 * given))) == 2 * 8 * 4
