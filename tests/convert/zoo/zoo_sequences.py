"""Blocks that look over time, as users build them: (T, features) -> features."""

from typing import Any

from keras import layers, ops


def residual_tcn(x: Any, width: int = 8) -> Any:
    """A temporal convolution network: dilated causal convolutions with residuals."""
    x = layers.Conv1D(width, 1, name="narrow")(x)
    for dilation in (1, 2):
        y = layers.Conv1D(width, 2, padding="causal", dilation_rate=dilation)(x)
        y = layers.SpatialDropout1D(0.1)(layers.LayerNormalization()(layers.ReLU()(y)))
        x = layers.Add()([x, layers.Conv1D(width, 2, padding="causal")(y)])
    return x[:, -1]


def transformer(x: Any, heads: int = 2) -> Any:
    """A learned place in time, then attention over it and a feed-forward block."""
    length, width = x.shape[1:]
    place = ops.cumsum(ops.ones_like(x), axis=1)[:, :, 0] - 1.0
    x = x + layers.Embedding(length, width)(ops.cast(place, "int32"))
    y = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(heads, width // heads)(y, y)])
    y = layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(x))
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization()(layers.Add()([x, y])))


def additive_attention(x: Any, width: int = 6) -> Any:
    """Self attention over time with sigmoid scores, averaged and maximised."""
    length = x.shape[1]
    query = layers.Reshape((length, 1, width), name="rows")(layers.Dense(width)(x))
    key = layers.Reshape((1, length, width))(layers.Dense(width, use_bias=False, name="key")(x))
    pairs = layers.Activation("tanh")(layers.Add()([query, key]))
    score = layers.Reshape((length, length))(layers.Dense(1, activation="sigmoid")(pairs))
    x = layers.Dot((2, 1))([layers.Softmax()(score), x])
    return layers.Concatenate()([ops.mean(x, axis=1), ops.max(x, axis=1)])


def weighted_average(x: Any) -> Any:
    """How much each moment counts is learned too."""
    weight = layers.TimeDistributed(layers.Dense(1))(x)
    return ops.sum(x * layers.Softmax(axis=1)(weight), axis=1)
