"""Residual networks for age alone: ResNet-50 with randomised bins, ResNet-34 with CORAL.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.
"""

import keras
from keras import layers, ops

from .layers_of_faces import convolution, filters, frame_input

RESNET34 = ((64, 3), (128, 4), (256, 6), (512, 3))  # filters, basic blocks
DISCRETISATIONS, BINS, BINS_HIDDEN = 30, 10, 2048
CORAL_RANKS = 39  # 21 to 60 years are 40 ranks, and 39 questions "older than?"


def randomized_bins(size: int, width: float = 1.0) -> keras.Model:
    """ResNet-50 and 30 classifiers of 10 random bins each: (N, 30, 10) probabilities.

    A. Berg, M. Oskarsson, M. O'Connor, "Deep Ordinal Regression with Label Diversity",
    ICPR 2020. The age is the mean over the 30 expectations.
    """
    frame, x = frame_input(size)
    trunk = keras.applications.ResNet50(
        weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3)
    )
    x = layers.Dense(filters(BINS_HIDDEN, width), activation="relu", name="hidden")(trunk(x))
    x = layers.Dense(DISCRETISATIONS * BINS, name="bins")(x)
    x = layers.Reshape((DISCRETISATIONS, BINS), name="discretisations")(x)
    return keras.Model(frame, {"age": layers.Softmax(name="age")(x)})


@keras.saving.register_keras_serializable("comparison")
class RankBiases(layers.Layer):
    """One score, seen against a bias of each rank: (N, 1) -> (N, ranks)."""

    def __init__(self, ranks: int, **options) -> None:
        super().__init__(**options)
        self.ranks = ranks

    def build(self, shape) -> None:
        """Make the biases."""
        self.biases = self.add_weight(shape=(self.ranks,), initializer="zeros", name="biases")

    def call(self, score):
        """The score and each bias, added; as a product, since TFLite loses a spread (N, 1)."""
        return ops.matmul(score, ops.ones((1, self.ranks))) + self.biases

    def get_config(self) -> dict:
        return {**super().get_config(), "ranks": self.ranks}


def coral(size: int, width: float = 1.0) -> keras.Model:
    """ResNet-34 that says of each rank whether the face is older: (N, 39) probabilities.

    W. Cao, V. Mirjalili, S. Raschka, "Rank consistent ordinal regression for neural networks
    with application to age estimation", Pattern Recognition Letters 140, 2020: all ranks
    share their weights and differ in a bias only, so that they cannot contradict each other.
    """
    frame, x = frame_input(size)
    x = layers.ReLU(name="stem_relu")(convolution(x, filters(64, width), 7, 2, name="stem"))
    x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    for number, (count, blocks) in enumerate(RESNET34, 1):
        for block in range(1, blocks + 1):
            stride = 2 if block == 1 and number > 1 else 1
            x = _basic_block(x, filters(count, width), stride, f"stage{number}_{block}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    score = layers.Dense(1, use_bias=False, name="score")(x)
    x = RankBiases(CORAL_RANKS, name="ranks")(score)
    return keras.Model(frame, {"age": layers.Activation("sigmoid", name="age")(x)})


def _basic_block(x, count: int, stride: int, name: str):
    y = layers.ReLU(name=f"{name}_relu1")(convolution(x, count, 3, stride, name=f"{name}_conv1"))
    y = convolution(y, count, 3, name=f"{name}_conv2")
    if stride > 1 or x.shape[-1] != count:
        x = convolution(x, count, 1, stride, name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, y]))
