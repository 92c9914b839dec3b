"""ResNet-100 of ArcFace (InsightFace), with answers on its embedding.

J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face
Recognition", CVPR 2019, section 3.1: units BN-Conv-BN-PReLU-Conv-BN, an embedding of 512
by BN-Dropout-FC-BN. InsightFace's own network of age and gender asks of 100 years, each
by two classes, whether the face is older; so do we.
"""

import keras
from keras import layers

from edge_models.networks.comparison.layers import convolution, filters, frame_input, gender

RESNET100 = ((64, 3), (128, 13), (256, 30), (512, 3))  # filters, units
EMBEDDING, AGES = 512, 100


def arcface(size: int, width: float = 1.0) -> keras.Model:
    """Gender (N, 2) and age (N, 100, 2) from a face of 112 x 112."""
    frame, x = frame_input(size)
    x = _prelu(convolution(x, filters(64, width), 3, name="stem"), "stem_prelu")
    for number, (count, units) in enumerate(RESNET100, 1):
        for unit in range(1, units + 1):
            stride = 2 if unit == 1 else 1
            x = _unit(x, filters(count, width), stride, f"stage{number}_{unit}")
    x = layers.BatchNormalization(name="top_bn")(x)
    x = layers.Flatten(name="flat")(layers.Dropout(0.4, name="top_dropout")(x))
    x = layers.Dense(filters(EMBEDDING, width), name="embedding_dense")(x)
    x = layers.BatchNormalization(scale=False, name="embedding")(x)
    ages = layers.Reshape((AGES, 2), name="older")(layers.Dense(2 * AGES, name="older_dense")(x))
    return keras.Model(frame, {"gender": gender(x), "age": layers.Softmax(name="age")(ages)})


def _unit(x, count: int, stride: int, name: str):
    y = layers.BatchNormalization(name=f"{name}_bn0")(x)
    y = _prelu(convolution(y, count, 3, name=f"{name}_conv1"), f"{name}_prelu")
    y = convolution(y, count, 3, stride, name=f"{name}_conv2")
    if stride > 1:
        x = convolution(x, count, 1, stride, name=f"{name}_shortcut")
    return layers.Add(name=f"{name}_add")([x, y])


def _prelu(x, name: str):
    return layers.PReLU(shared_axes=(1, 2), name=name)(x)
