"""Small networks of single frames, as users build them: (H, W, C) -> maps or features."""

from typing import Any

import keras
from keras import layers, ops

from tests import tiny


def settled(network: keras.Model) -> keras.Model:
    """With statistics in its batch normalisations that fit real pictures, as after training."""
    size, channels = network.input.shape[1], network.input.shape[-1]
    normalisations = [x for x in network.layers if isinstance(x, layers.BatchNormalization)]
    for layer in normalisations:
        layer.momentum = 0.0
    network(tiny.frames(8, size, size)[..., :channels].astype("float32"), training=True)
    for layer in normalisations:
        layer.momentum = 0.99
    return network


def picture(size: int = 32, channels: int = 3) -> Any:
    return keras.Input((size, size, channels))


def mobilenet_v3(size: int = 32) -> keras.Model:
    """Blocks of MobileNetV3 of each kind: ReLU and hard swish, squeeze and excitation, residuals."""
    whole = keras.applications.MobileNetV3Small(
        (size, size, 3), alpha=0.35, include_top=False, weights=None
    )
    return settled(keras.Model(whole.input, whole.get_layer("expanded_conv_3_project_bn").output))


def mobilenet_v2(size: int = 32) -> keras.Model:
    """Its first four blocks: without expansion, of stride 2, with a residual, of stride 2 again."""
    whole = keras.applications.MobileNetV2(
        (size, size, 3), alpha=0.35, include_top=False, weights=None
    )
    return settled(
        keras.Model(whole.input, whole.get_layer("block_3_project_BN").output, name="mobile")
    )


def efficientnet_b0(size: int = 32) -> keras.Model:
    whole = keras.applications.EfficientNetB0(
        input_shape=(size, size, 3), include_top=False, weights=None
    )
    return settled(keras.Model(whole.input, whole.get_layer("block2b_add").output, name="b0"))


def efficientnet_v2(size: int = 32) -> keras.Model:
    whole = keras.applications.EfficientNetV2B0(
        input_shape=(size, size, 3), include_top=False, weights=None
    )
    return settled(keras.Model(whole.input, whole.get_layer("block2b_add").output, name="v2"))


def resnet(size: int = 32) -> keras.Model:
    given = picture(size)
    x = layers.ZeroPadding2D(1)(layers.Rescaling(1 / 255)(given))
    x = layers.Conv2D(8, 3, 2, use_bias=False)(x)
    for stride in (1, 2):
        way = layers.Conv2D(8, 1, stride)(x) if stride > 1 else x
        y = layers.Conv2D(8, 3, stride, "same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(8, 3, 1, "same", use_bias=False)(y))
        x = layers.ReLU()(layers.Add()([way, y]))
    return settled(
        keras.Model(given, layers.GlobalAveragePooling2D(name="pooled")(x), name="resnet")
    )


def convnext(size: int = 32) -> keras.Model:
    """Depthwise 7x7, LayerNormalization, GELU, and a learned scale for each channel."""
    given = picture(size)
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(given)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Conv2D(8, 4, 4)(x))
    y = layers.LayerNormalization(epsilon=1e-6)(layers.DepthwiseConv2D(7, padding="same")(x))
    y = layers.Dense(8)(layers.Activation("gelu")(layers.Dense(32)(y)))
    y = layers.EinsumDense("...c,c->...c", 8)(y)
    return keras.Model(given, layers.Add()([x, y]), name="convnext")


def densenet(size: int = 32) -> keras.Model:
    given = picture(size)
    x = layers.Conv2D(8, 3, 2, "same")(layers.Rescaling(1 / 255)(given))
    for _ in range(3):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Concatenate()([x, layers.Conv2D(4, 3, padding="same")(y)])
    x = layers.AveragePooling2D(2)(layers.Conv2D(8, 1)(x))
    return settled(keras.Model(given, x, name="densenet"))


def squeeze_excite(size: int = 32, channels: int = 1) -> keras.Model:
    given = picture(size, channels)
    x = layers.Rescaling(1 / 255)(given)
    x = layers.Conv2D(8, 3, 2, "same", activation="swish")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(2, 1, activation="relu")(gate)
    gate = layers.Conv2D(8, 1, activation="sigmoid")(gate)
    x = layers.Dropout(0.2)(layers.Multiply()([x, gate]))
    x = layers.BatchNormalization()(layers.SeparableConv2D(12, 3, 2, "same")(x))
    return settled(keras.Model(given, layers.GlobalAveragePooling2D()(x), name="excited"))


def u_net(size: int = 32) -> keras.Model:
    given = picture(size)
    x = layers.Rescaling(1 / 255)(given)
    fine = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    coarse = layers.Conv2D(8, 3, 2, "same", activation="relu")(fine)
    up = layers.UpSampling2D(2, interpolation="bilinear")(coarse)
    x = layers.Conv2D(2, 3, padding="same")(layers.Concatenate()([fine, up]))
    return keras.Model(given, x, name="u_net")


def vision_transformer(size: int = 32) -> keras.Model:
    """Patches that attend to each other, within a frame."""
    given = picture(size)
    x = layers.Reshape((16, 12))(layers.Conv2D(12, size // 4, size // 4)(given / 255.0))
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 6)(y, y)
    x = x + layers.Dense(12)(ops.gelu(layers.Dense(24)(layers.LayerNormalization()(x))))
    return keras.Model(given, layers.GlobalAveragePooling1D()(x), name="vit")


def row_reader(size: int = 32) -> keras.Model:
    """Reads a picture row by row, down and up again."""
    given = picture(size)
    rows = layers.Reshape((8, -1))(layers.AveragePooling2D(4)(given / 255.0))
    both = layers.Bidirectional(layers.GRU(4, return_sequences=True))(rows)
    return keras.Model(given, layers.LSTM(6)(both), name="reader")


def plain(size: int = 32, name: str = "plain") -> keras.Model:
    """Layers whose names are no use to tell two of these apart."""
    given = picture(size)
    x = layers.Rescaling(1 / 255, name="scaled")(given)
    x = layers.Conv2D(6, 3, 2, "same", activation="relu", name="conv1")(x)
    x = layers.Conv2D(8, 3, 2, "same", name="conv2")(x)
    x = layers.Activation("relu", name="relu")(layers.BatchNormalization(name="bn2")(x))
    return settled(keras.Model(given, layers.GlobalAveragePooling2D(name="pool")(x), name=name))
