"""VGG networks that share what several answers need: trunks, cross stitches, groups of filters."""

from collections.abc import Callable

from keras import KerasTensor, Model, layers, ops, saving

from edge_models.networks.comparison.layers import (
    age_by_class,
    age_in_years,
    filters,
    frame_input,
    gender,
)

VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
DENSE = 4096
DEX_AGES = 101  # 0 to 100 years

Answer = Callable[[KerasTensor], KerasTensor]


def vgg(
    stages: tuple[tuple[int, ...], ...], task: str, answer: Answer, size: int, width: float
) -> Model:
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
    return Model(frame, {task: answer(x)})


def one_task_age(size: int, width: float = 1.0) -> Model:
    """VGG-11 for age alone."""
    return vgg(VGG11, "age", age_in_years, size, width)


def one_task_gender(size: int, width: float = 1.0) -> Model:
    """VGG-11 for gender alone."""
    return vgg(VGG11, "gender", gender, size, width)


def dex_age(size: int, width: float = 1.0) -> Model:
    """DEX's VGG-16 for age: the expectation over 101 years.

    R. Rothe, R. Timofte, L. Van Gool, "DEX: Deep EXpectation of Apparent Age from a Single
    Image", ICCV Workshops 2015.
    """
    return vgg(VGG16, "age", lambda x: age_by_class(x, DEX_AGES), size, width)


def dex_gender(size: int, width: float = 1.0) -> Model:
    """DEX's second VGG-16, for gender."""
    return vgg(VGG16, "gender", gender, size, width)


TASKS = ("age", "gender")
_OWN, _OTHERS = 0.9, 0.1  # the paper's first values


@saving.register_keras_serializable("comparison")
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
    return ops.convert_to_tensor([[_OWN, _OTHERS], [_OTHERS, _OWN]], dtype)


def cross_stitch(size: int, width: float = 1.0) -> Model:
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
    return Model(frame, {"age": age_in_years(maps[0]), "gender": gender(maps[1])})


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


GROUPS = {"age": 0.25, "shared": 0.5, "gender": 0.25}

Maps = dict[str, KerasTensor]


def filter_groups(size: int, width: float = 1.0) -> Model:
    """Both answers from one VGG-11; its dense layers are grouped as its filters are."""
    frame, scaled = frame_input(size)
    maps = dict.fromkeys(GROUPS, scaled)
    for number, stage in enumerate(VGG11, 1):
        for place, count in enumerate(stage, 1):
            # before the first layer there are no groups yet: all look at the frame
            features = (
                maps if (number, place) == (1, 1) else _routed(maps, f"route{number}_{place}")
            )
            maps = {
                group: layers.Conv2D(
                    _of(group, count, width), 3, padding="same", activation="relu",
                    name=f"{group}_conv{number}_{place}",
                )(x)
                for group, x in features.items()
            }  # fmt: skip
        maps = {g: layers.MaxPooling2D(2, name=f"{g}_pool{number}")(x) for g, x in maps.items()}
    maps = {group: layers.Flatten(name=f"{group}_flat")(x) for group, x in maps.items()}
    for number in (1, 2):
        maps = {
            group: layers.Dense(
                _of(group, DENSE, width), activation="relu", name=f"{group}_dense{number}"
            )(x)
            for group, x in _routed(maps, f"route_dense{number}").items()
        }
    last = _routed(maps, "route_answers")
    return Model(frame, {"age": age_in_years(last["age"]), "gender": gender(last["gender"])})


def _of(group: str, count: int, width: float) -> int:
    return filters(round(count * GROUPS[group]), width)


def _routed(maps: Maps, name: str) -> Maps:
    """What each group sees of the layer before."""
    features = {
        task: layers.Concatenate(name=f"{name}_{task}")([maps[task], maps["shared"]])
        for task in ("age", "gender")
    }
    return {**features, "shared": maps["shared"]}
