"""The light networks of the table: MobileNetV2, MobileNetV1 with three answers, the MTDNN."""

import dataclasses

from keras import Model, applications, layers, ops, saving

from edge_models.networks.comparison.layers import (
    age_by_class,
    convolution,
    filters,
    frame_input,
    gender,
    race,
)
from edge_models.networks.mtdnn import build_mtdnn, mtdnn_face

V2_AGES = 101  # 0 to 100 years
MTLLNN_AGES = 100


def mobilenet_v2(size: int, width: float = 1.0) -> Model:
    """MobileNetV2, age by 101 classes, gender by two.

    M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen, "MobileNetV2: Inverted Residuals
    and Linear Bottlenecks", CVPR 2018.
    """
    frame, x = frame_input(size)
    trunk = applications.MobileNetV2(
        weights=None, include_top=False, pooling="avg", alpha=width, input_shape=(size, size, 3)
    )
    x = trunk(x)
    return Model(frame, {"age": age_by_class(x, V2_AGES), "gender": gender(x)})


def mtllnn(size: int, width: float = 1.0) -> Model:
    """MobileNetV1, whose pooled 1024 features are a descriptor and bear three answers.

    A. Savchenko, "Facial expression and attributes recognition based on multi-task learning
    of lightweight neural networks", SISY 2021.
    """
    frame, x = frame_input(size)
    trunk = applications.MobileNet(
        weights=None, include_top=False, pooling="avg", alpha=width, input_shape=(size, size, 3)
    )
    x = trunk(x)
    male = layers.Dense(1, activation="sigmoid", name="gender")(x)
    return Model(frame, {"age": age_by_class(x, MTLLNN_AGES), "gender": male, "race": race(x)})


def mtdnn(size: int, width: float = 1.0) -> Model:
    """The thesis' network of faces (`edge_models.networks.mtdnn`); `width` narrows its blocks and heads."""
    full = mtdnn_face()
    widths = {
        name: max(2, round(getattr(full, name) * width))
        for name in ("spatial_width", "temporal_width", "head_width")
    }
    model = build_mtdnn(dataclasses.replace(full, size=size, **widths))
    model.get_layer("temporal_lstm").unroll = True  # over its single frame: no loop to convert
    return model


RESNET34 = ((64, 3), (128, 4), (256, 6), (512, 3))  # filters, basic blocks
DISCRETISATIONS, BINS, BINS_HIDDEN = 30, 10, 2048
CORAL_RANKS = 39  # 21 to 60 years are 40 ranks, and 39 questions "older than?"


def randomized_bins(size: int, width: float = 1.0) -> Model:
    """ResNet-50 and 30 classifiers of 10 random bins each: (N, 30, 10) probabilities.

    A. Berg, M. Oskarsson, M. O'Connor, "Deep Ordinal Regression with Label Diversity",
    ICPR 2020. The age is the mean over the 30 expectations.
    """
    frame, x = frame_input(size)
    trunk = applications.ResNet50(
        weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3)
    )
    x = layers.Dense(filters(BINS_HIDDEN, width), activation="relu", name="hidden")(trunk(x))
    x = layers.Dense(DISCRETISATIONS * BINS, name="bins")(x)
    x = layers.Reshape((DISCRETISATIONS, BINS), name="discretisations")(x)
    return Model(frame, {"age": layers.Softmax(name="age")(x)})


@saving.register_keras_serializable("comparison")
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


def coral(size: int, width: float = 1.0) -> Model:
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
    return Model(frame, {"age": layers.Activation("sigmoid", name="age")(x)})


def _basic_block(x, count: int, stride: int, name: str):
    y = layers.ReLU(name=f"{name}_relu1")(convolution(x, count, 3, stride, name=f"{name}_conv1"))
    y = convolution(y, count, 3, name=f"{name}_conv2")
    if stride > 1 or x.shape[-1] != count:
        x = convolution(x, count, 1, stride, name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, y]))
