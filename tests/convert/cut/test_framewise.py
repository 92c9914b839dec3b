"""Which layers of Keras keep the frames of a window apart in the graph that TFLite makes of them."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from edge_convert.cut.tflite.follow import follow
from tests.convert.keras_networks import as_tflite

WINDOW = (4, 6, 6, 3)
ALL = (0, 1, 2, 3)


def _frames(operation, pooled: bool = False) -> tuple[int, ...] | None:
    """The frames that stand behind `operation` on a window, or on its (4, 3) averages."""
    keras.utils.set_random_seed(0)
    window = keras.Input(WINDOW)
    values = window * 0.5
    output = operation(ops.mean(values, axis=(2, 3)) if pooled else values)
    model = keras.Model(window, {"output": output})
    random = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype.startswith("float"):
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
    path = follow(as_tflite(model))
    contents = path.contents.get(int(path.graph.outputs[0]))
    return contents and contents.frames


APART = [
    layers.Activation("gelu"), layers.ReLU(6.0), layers.LeakyReLU(), layers.ELU(), layers.Softmax(),
    layers.PReLU(shared_axes=[1, 2, 3]), layers.Identity(), layers.ActivityRegularization(),
    layers.Dropout(0.3), layers.AlphaDropout(0.3), layers.GaussianNoise(0.2),
    layers.GaussianDropout(0.2), layers.SpatialDropout3D(0.2), layers.Rescaling(0.5),
    layers.Normalization(mean=1.0, variance=2.0), layers.Discretization([1.0, 2.0]),
    layers.BatchNormalization(), layers.LayerNormalization(), layers.LayerNormalization((2, 3, 4)),
    layers.UnitNormalization(), layers.RMSNormalization(), layers.Dense(5),
    layers.TimeDistributed(layers.GroupNormalization(3)),
    layers.TimeDistributed(layers.TimeDistributed(layers.Conv1D(2, 3))),
    layers.EinsumDense("bthwc,cd->bthwd", (4, 6, 6, 3)),
    layers.Conv3D(3, (1, 3, 3), (1, 2, 2)), layers.Conv3D(3, (1, 3, 3), dilation_rate=(1, 2, 2)),
    layers.Conv3DTranspose(3, (1, 3, 3), (1, 2, 2)), layers.SpectralNormalization(layers.Dense(2)),
    layers.SpectralNormalization(layers.Conv3D(2, (1, 3, 3))),
    layers.MaxPooling3D((1, 2, 2)), layers.AveragePooling3D((1, 3, 3), 1, "same"),
    layers.AdaptiveAveragePooling3D((4, 2, 2)), layers.ZeroPadding3D((0, 1, 1)),
    layers.Cropping3D((0, 1, 1)), layers.UpSampling3D((1, 2, 2)), layers.Reshape((4, 36, 3)),
    layers.Reshape((4, -1)), layers.Permute((1, 3, 2, 4)), layers.Lambda(lambda x: 2 * x),
    layers.Masking(), layers.Flatten(), layers.Reshape((16, 9, 3)), layers.Permute((2, 1, 3, 4)),
]  # fmt: skip


@pytest.mark.parametrize("layer", APART, ids=lambda layer: layer.name)
def test_layers_that_keep_frames_apart(layer) -> None:
    assert _frames(layer) == ALL


MIXED = [
    layers.Softmax(axis=1), layers.BatchNormalization(axis=1),
    layers.LayerNormalization((1, 2, 3, 4)), layers.GroupNormalization(3),
    layers.UnitNormalization(axis=1), layers.Conv3D(3, (2, 3, 3), padding="same"),
    layers.MaxPooling3D((2, 1, 1), 1, "same"),
    layers.GlobalAveragePooling3D(), layers.ZeroPadding3D((1, 0, 0)),
    layers.EinsumDense("bthwc,td->bdhwc", (4, 6, 6, 3)), layers.Lambda(lambda x: x - x[:, :1]),
    layers.ConvLSTM2D(3, 3, return_sequences=True),
]  # fmt: skip


@pytest.mark.parametrize("layer", MIXED, ids=lambda layer: layer.name)
def test_layers_that_mix_frames(layer) -> None:
    assert _frames(layer) is None


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv1D(3, 1), layers.SeparableConv1D(3, 1), layers.DepthwiseConv1D(1),
        layers.MaxPooling1D(1), layers.SpatialDropout1D(0.2),
        layers.Dense(4, activation="softmax"), layers.Reshape((4, 3, 1)),
        layers.EinsumDense("...c,cd->...d", 3),
    ],
    ids=lambda layer: layer.name,
)  # fmt: skip
def test_layers_over_a_sequence_that_keep_frames_apart(layer) -> None:
    assert _frames(layer, pooled=True) == ALL


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv1D(3, 2, padding="causal"), layers.SeparableConv1D(3, 3, padding="same"),
        layers.LSTM(3, return_sequences=True), layers.GRU(3, return_sequences=True),
        layers.SimpleRNN(3, return_sequences=True), layers.AveragePooling1D(3, 1, "same"),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.ZeroPadding1D(1),
        layers.GlobalMaxPooling1D(),
        lambda x: layers.MultiHeadAttention(3, 2)(x, x), lambda x: layers.Attention()([x, x]),
        lambda x: ops.cumsum(x, axis=1), lambda x: ops.sort(x, axis=1), ops.ones_like,
        lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), lambda x: x[:, 1:] - x[:, :-1],
    ],
    ids=lambda layer: getattr(layer, "name", "operation"),
)  # fmt: skip
def test_layers_over_a_sequence_that_mix_frames(layer) -> None:
    assert _frames(layer, pooled=True) is None


@pytest.mark.parametrize(
    "operation",
    [
        ops.relu6, ops.softplus, ops.isfinite, lambda x: ops.cast(x, "int32"), lambda x: x > 1.0,
        lambda x: ops.clip(x, 0.0, 6.0), lambda x: ops.where(x > 0, x, 0.0), lambda x: x[..., :2],
        lambda x: x * x + 1.0, lambda x: ops.mean(x, axis=(2, 3)), lambda x: ops.flip(x, axis=2),
        lambda x: ops.max(x, axis=-1, keepdims=True), lambda x: ops.std(x, axis=[2, 3, 4]),
        lambda x: ops.concatenate([x, 2.0 * x], axis=-1), lambda x: ops.expand_dims(x, 2),
        lambda x: ops.transpose(x, (0, 1, 4, 2, 3)), lambda x: ops.squeeze(x[:, :, :1], axis=2),
        lambda x: ops.split(x, 3, axis=-1)[1], lambda x: ops.pad(x, ((0, 0),) * 4 + ((0, 1),)),
        lambda x: ops.softmax(x, axis=2), lambda x: ops.repeat(x, 2, axis=3), lambda x: x[:, :, 0],
        lambda x: ops.reshape(x, (-1, 4, 108)),
        lambda x: ops.matmul(x, ops.transpose(x, (0, 1, 2, 4, 3))), lambda x: ops.cumsum(x, axis=2),
        lambda x: ops.einsum("bthwc,bthwd->btcd", x, x), lambda x: ops.logsumexp(x, axis=-1),
        lambda x: ops.swapaxes(x, 2, 3), lambda x: ops.moveaxis(x, 4, 2), lambda x: ops.roll(x, 1, 3),
        lambda x: layers.MultiHeadAttention(3, 2, attention_axes=(2, 3))(x, x),
    ],
    ids=lambda operation: getattr(operation, "__name__", ""),
)  # fmt: skip
def test_operations_that_keep_frames_apart(operation) -> None:
    assert _frames(operation) == ALL


@pytest.mark.parametrize(
    ("operation", "frames"),
    [
        (lambda x: x[:, -1], (3,)),
        (lambda x: x[:, 2:3], (2,)),
        (lambda x: x[:, 1:], (1, 2, 3)),
        (lambda x: x[:, ::2], (0, 2)),
        (lambda x: ops.flip(x, axis=1), (3, 2, 1, 0)),
        (lambda x: ops.roll(x, 1, axis=1), (3, 0, 1, 2)),
        (lambda x: ops.take(x, [2, 0], axis=1), (2, 0)),
        (lambda x: ops.repeat(x, 2, axis=1), ALL),
        (lambda x: ops.concatenate([x[:, :1], x], axis=1), (0, 0, 1, 2, 3)),
        (lambda x: ops.stack(ops.unstack(x, axis=1)[::-1], axis=1), (3, 2, 1, 0)),
        (lambda x: ops.split(x, 2, axis=1)[1], (2, 3)),
        (lambda x: ops.reshape(x, (-1, 6, 6, 3)), (0, 1, 2, 3)),
        (lambda x: ops.reshape(x, (-1, 108)), (0, 1, 2, 3)),
        (layers.Cropping3D(((1, 1), (0, 0), (0, 0))), (1, 2)),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else "",
)
def test_operations_that_move_frames(operation, frames: tuple[int, ...]) -> None:
    assert _frames(operation) == frames
