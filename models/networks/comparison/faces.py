"""Networks that tell faces apart, with predictions on their embedding: ArcFace and FaceNet.

ResNet-100 of ArcFace (InsightFace): J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace: Additive
Angular Margin Loss for Deep Face Recognition", CVPR 2019, section 3.1: units
BN-Conv-BN-PReLU-Conv-BN, an embedding of 512 by BN-Dropout-FC-BN. InsightFace's own network of
age and gender asks of 100 years, each by two classes, whether the face is older; so do we.

FaceNet as it is mostly run, Inception-ResNet v1 with an embedding of 128: F. Schroff,
D. Kalenichenko, J. Philbin, "FaceNet: A Unified Embedding for Face Recognition and Clustering",
CVPR 2015; the trunk by C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi, "Inception-v4,
Inception-ResNet and the Impact of Residual Connections on Learning", 2016, figures 10 to 14, and
one more Inception-ResNet-C unit without ReLU, as the usual weights have.
"""

from keras import Model, layers

from edge_models.networks.comparison.layers import (
    age_in_years,
    convolution,
    filters,
    frame_input,
    gender,
    race,
)

RESNET100 = ((64, 3), (128, 13), (256, 30), (512, 3))  # filters, units
ARCFACE_EMBEDDING, AGES = 512, 100


def arcface(size: int, width: float = 1.0) -> Model:
    """Gender (N, 2) and age (N, 100, 2) from a face of 112 x 112."""
    frame, x = frame_input(size)
    x = _prelu(convolution(x, filters(64, width), 3, name="stem"), "stem_prelu")
    for number, (count, units) in enumerate(RESNET100, 1):
        for unit in range(1, units + 1):
            stride = 2 if unit == 1 else 1
            x = _residual_unit(x, filters(count, width), stride, f"stage{number}_{unit}")
    x = layers.BatchNormalization(name="top_bn")(x)
    x = layers.Flatten(name="flat")(layers.Dropout(0.4, name="top_dropout")(x))
    x = layers.Dense(filters(ARCFACE_EMBEDDING, width), name="embedding_dense")(x)
    x = layers.BatchNormalization(scale=False, name="embedding")(x)
    ages = layers.Reshape((AGES, 2), name="older")(layers.Dense(2 * AGES, name="older_dense")(x))
    return Model(frame, {"gender": gender(x), "age": layers.Softmax(name="age")(ages)})


def _residual_unit(x, count: int, stride: int, name: str):
    y = layers.BatchNormalization(name=f"{name}_bn0")(x)
    y = _prelu(convolution(y, count, 3, name=f"{name}_conv1"), f"{name}_prelu")
    y = convolution(y, count, 3, stride, name=f"{name}_conv2")
    if stride > 1:
        x = convolution(x, count, 1, stride, name=f"{name}_shortcut")
    return layers.Add(name=f"{name}_add")([x, y])


def _prelu(x, name: str):
    return layers.PReLU(shared_axes=(1, 2), name=name)(x)


FACENET_EMBEDDING = 128
Steps = tuple[tuple[int, int | tuple[int, int]], ...]  # (filters, kernel) one after the other

# units, scale of the residual, branches
UNITS: dict[str, tuple[int, float, tuple[Steps, ...]]] = {
    "a": (5, 0.17, (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3)))),
    "b": (10, 0.10, (((128, 1),), ((128, 1), (128, (1, 7)), (128, (7, 1))))),
    "c": (5, 0.20, (((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1))))),
}
# the last convolution of each branch has stride 2; a pooling stands beside them
REDUCTIONS: dict[str, tuple[Steps, ...]] = {
    "a": (((384, 3),), ((192, 1), (192, 3), (256, 3))),
    "b": (((256, 1), (384, 3)), ((256, 1), (256, 3)), ((256, 1), (256, 3), (256, 3))),
}


def facenet(size: int, width: float = 1.0) -> Model:
    """Age (N, 1), gender (N, 2) and race (N, 5) on the embedding of a face of 160 x 160."""
    frame, x = frame_input(size)
    x = _stem(x, width)
    for kind, (units, scale, branches) in UNITS.items():
        for unit in range(1, units + 1):
            x = _inception_unit(x, branches, scale, width, f"{kind}{unit}")
        if kind in REDUCTIONS:
            x = _reduction(x, REDUCTIONS[kind], width, f"reduction_{kind}")
    x = _inception_unit(x, UNITS["c"][2], 1.0, width, "c6", activation="linear")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    x = layers.Dense(filters(FACENET_EMBEDDING, width), use_bias=False, name="embedding_dense")(x)
    x = layers.BatchNormalization(scale=False, name="embedding")(x)
    return Model(frame, {"age": age_in_years(x), "gender": gender(x), "race": race(x)})


def _stem(x, width: float):
    x = _conv(x, 32, 3, width, "stem1", stride=2, padding="valid")
    x = _conv(x, 32, 3, width, "stem2", padding="valid")
    x = _conv(x, 64, 3, width, "stem3")
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    x = _conv(x, 80, 1, width, "stem4", padding="valid")
    x = _conv(x, 192, 3, width, "stem5", padding="valid")
    return _conv(x, 256, 3, width, "stem6", stride=2, padding="valid")


def _inception_unit(
    x, branches: tuple[Steps, ...], scale: float, width: float, name: str, activation: str = "relu"
):
    ends = [_branch(x, steps, width, f"{name}_{i}") for i, steps in enumerate(branches)]
    y = layers.Concatenate(name=f"{name}_join")(ends)
    y = layers.Conv2D(x.shape[-1], 1, name=f"{name}_up")(y)
    if scale != 1.0:
        y = layers.Rescaling(scale, name=f"{name}_scale")(y)
    return layers.Activation(activation, name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, y]))


def _reduction(x, branches: tuple[Steps, ...], width: float, name: str):
    ends = [_branch(x, steps, width, f"{name}_{i}", 2) for i, steps in enumerate(branches)]
    ends.append(layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x))
    return layers.Concatenate(name=f"{name}_join")(ends)


def _branch(x, steps: Steps, width: float, name: str, last_stride: int = 1):
    for place, (count, kernel) in enumerate(steps, 1):
        stride = last_stride if place == len(steps) else 1
        padding = "valid" if stride > 1 else "same"
        x = _conv(x, count, kernel, width, f"{name}_{place}", stride=stride, padding=padding)
    return x


def _conv(x, count: int, kernel, width: float, name: str, stride: int = 1, padding: str = "same"):
    x = convolution(
        x, filters(count, width), kernel, stride, padding=padding, scaled=False, name=name
    )
    return layers.ReLU(name=f"{name}_relu")(x)
