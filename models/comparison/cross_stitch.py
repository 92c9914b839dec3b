"""Two VGG-11 that mix their maps after each pooling and each hidden dense layer.

I. Misra, A. Shrivastava, A. Gupta, M. Hebert, "Cross-stitch Networks for Multi-task
Learning", CVPR 2016, section 3; on VGG-11 as F. Bragman et al. ran it (ICCV 2019).
"""

import keras
from keras import layers

from .layers_of_faces import age_in_years, filters, frame_input, gender
from .vgg import DENSE, VGG11

TASKS = ("age", "gender")
_OWN, _OTHERS = 0.9, 0.1  # the paper's first values


@keras.saving.register_keras_serializable("comparison")
class CrossStitch(layers.Layer):
    """Mix two tensors of one shape with four learned numbers: [a, b] -> [a', b']."""

    def build(self, shapes) -> None:
        """Make the four numbers."""
        self.mix = self.add_weight(shape=(2, 2), initializer=_first_mix, name="mix")

    def call(self, maps):
        """Each output is its own input and a little of the other's."""
        age, other = maps
        return [self.mix[i, 0] * age + self.mix[i, 1] * other for i in (0, 1)]

    def compute_output_shape(self, shapes):
        return shapes


def _first_mix(shape, dtype=None):
    return keras.ops.convert_to_tensor([[_OWN, _OTHERS], [_OTHERS, _OWN]], dtype)


def cross_stitch(size: int, width: float = 1.0) -> keras.Model:
    """Age by one VGG-11, gender by the other, stitched in seven places."""
    frame, scaled = frame_input(size)
    maps = [scaled, scaled]
    for number, stage in enumerate(VGG11, 1):
        maps = [_stage(x, stage, number, task, width) for x, task in zip(maps, TASKS)]
        maps = CrossStitch(name=f"stitch{number}")(maps)
    maps = [layers.Flatten(name=f"{task}_flat")(x) for x, task in zip(maps, TASKS)]
    for number in (1, 2):
        maps = [_dense(x, number, task, width) for x, task in zip(maps, TASKS)]
        maps = CrossStitch(name=f"stitch_dense{number}")(maps)
    return keras.Model(frame, {"age": age_in_years(maps[0]), "gender": gender(maps[1])})


def _stage(x, stage: tuple[int, ...], number: int, task: str, width: float):
    for place, count in enumerate(stage, 1):
        x = layers.Conv2D(
            filters(count, width), 3, padding="same", activation="relu",
            name=f"{task}_conv{number}_{place}",
        )(x)  # fmt: skip
    return layers.MaxPooling2D(2, name=f"{task}_pool{number}")(x)


def _dense(x, number: int, task: str, width: float):
    name = f"{task}_dense{number}"
    return layers.Dense(filters(DENSE, width), activation="relu", name=name)(x)
