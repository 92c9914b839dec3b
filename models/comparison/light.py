"""The light networks of the table: MobileNetV2, MobileNetV1 with three answers, the MTDNN."""

import dataclasses

import keras
from keras import layers

from ..mtdnn import build_mtdnn, mtdnn_face
from .layers_of_faces import age_by_class, frame_input, gender, race

V2_AGES = 101  # 0 to 100 years
MTLLNN_AGES = 100


def mobilenet_v2(size: int, width: float = 1.0) -> keras.Model:
    """MobileNetV2, age by 101 classes, gender by two.

    M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen, "MobileNetV2: Inverted Residuals
    and Linear Bottlenecks", CVPR 2018.
    """
    frame, x = frame_input(size)
    trunk = keras.applications.MobileNetV2(
        weights=None, include_top=False, pooling="avg", alpha=width, input_shape=(size, size, 3)
    )
    x = trunk(x)
    return keras.Model(frame, {"age": age_by_class(x, V2_AGES), "gender": gender(x)})


def mtllnn(size: int, width: float = 1.0) -> keras.Model:
    """MobileNetV1, whose pooled 1024 features are a descriptor and bear three answers.

    A. Savchenko, "Facial expression and attributes recognition based on multi-task learning
    of lightweight neural networks", SISY 2021.
    """
    frame, x = frame_input(size)
    trunk = keras.applications.MobileNet(
        weights=None, include_top=False, pooling="avg", alpha=width, input_shape=(size, size, 3)
    )
    x = trunk(x)
    male = layers.Dense(1, activation="sigmoid", name="gender")(x)
    return keras.Model(
        frame, {"age": age_by_class(x, MTLLNN_AGES), "gender": male, "race": race(x)}
    )


def mtdnn(size: int, width: float = 1.0) -> keras.Model:
    """The thesis' network of faces (`models.mtdnn`); `width` narrows its blocks and heads."""
    full = mtdnn_face()
    widths = {
        name: max(2, round(getattr(full, name) * width))
        for name in ("spatial_width", "temporal_width", "head_width")
    }
    model = build_mtdnn(dataclasses.replace(full, size=size, **widths))
    model.get_layer("temporal_lstm").unroll = True  # over its single frame: no loop to convert
    return model
