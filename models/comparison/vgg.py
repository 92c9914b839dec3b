"""VGG-11 and VGG-16 with two dense layers of 4096.

K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015, table 1, columns A and D.
"""

from collections.abc import Callable

import keras
from keras import layers

from .layers_of_faces import age_by_class, age_in_years, filters, frame_input, gender

VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
DENSE = 4096
DEX_AGES = 101  # 0 to 100 years

Answer = Callable[[keras.KerasTensor], keras.KerasTensor]


def vgg(
    stages: tuple[tuple[int, ...], ...], task: str, answer: Answer, size: int, width: float
) -> keras.Model:
    """Stages of 3 x 3 convolutions, each pooled; two dense layers; one answer."""
    frame, x = frame_input(size)
    for number, stage in enumerate(stages, 1):
        for place, count in enumerate(stage, 1):
            name = f"conv{number}_{place}"
            x = layers.Conv2D(
                filters(count, width), 3, padding="same", activation="relu", name=name
            )(x)
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = layers.Flatten(name="flat")(x)
    for number in (1, 2):
        x = layers.Dense(filters(DENSE, width), activation="relu", name=f"dense{number}")(x)
        x = layers.Dropout(0.5, name=f"dropout{number}")(x)
    return keras.Model(frame, {task: answer(x)})


def one_task_age(size: int, width: float = 1.0) -> keras.Model:
    """VGG-11 for age alone."""
    return vgg(VGG11, "age", age_in_years, size, width)


def one_task_gender(size: int, width: float = 1.0) -> keras.Model:
    """VGG-11 for gender alone."""
    return vgg(VGG11, "gender", gender, size, width)


def dex_age(size: int, width: float = 1.0) -> keras.Model:
    """DEX's VGG-16 for age: the expectation over 101 years.

    R. Rothe, R. Timofte, L. Van Gool, "DEX: Deep EXpectation of Apparent Age from a Single
    Image", ICCV Workshops 2015.
    """
    return vgg(VGG16, "age", lambda x: age_by_class(x, DEX_AGES), size, width)


def dex_gender(size: int, width: float = 1.0) -> keras.Model:
    """DEX's second VGG-16, for gender."""
    return vgg(VGG16, "gender", gender, size, width)
