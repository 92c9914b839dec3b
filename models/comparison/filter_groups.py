"""VGG-11 whose filters belong to age, to gender, or to both.

F. Bragman, R. Tanno, S. Ourselin, D. Alexander, J. Cardoso, "Stochastic Filter Groups for
Multi-Task CNNs", ICCV 2019, sections 3.1 and 3.3. In training each filter draws its group; at
inference it has one, and the groups are plain convolutions: a task's filters see the task's
own maps and the shared ones, shared filters see shared maps alone. How many filters went
where was learned and is not given as numbers; here half are shared and a quarter is each
task's.
"""

import keras
from keras import layers

from .layers_of_faces import age_in_years, filters, frame_input, gender
from .vgg import DENSE, VGG11

GROUPS = {"age": 0.25, "shared": 0.5, "gender": 0.25}

Maps = dict[str, keras.KerasTensor]


def filter_groups(size: int, width: float = 1.0) -> keras.Model:
    """Both answers from one VGG-11; its dense layers are grouped as its filters are."""
    frame, scaled = frame_input(size)
    maps = dict.fromkeys(GROUPS, scaled)
    for number, stage in enumerate(VGG11, 1):
        for place, count in enumerate(stage, 1):
            # before the first layer there are no groups yet: all look at the frame
            seen = maps if (number, place) == (1, 1) else _routed(maps, f"route{number}_{place}")
            maps = {
                group: layers.Conv2D(
                    _of(group, count, width), 3, padding="same", activation="relu",
                    name=f"{group}_conv{number}_{place}",
                )(x)
                for group, x in seen.items()
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
    return keras.Model(frame, {"age": age_in_years(last["age"]), "gender": gender(last["gender"])})


def _of(group: str, count: int, width: float) -> int:
    return filters(round(count * GROUPS[group]), width)


def _routed(maps: Maps, name: str) -> Maps:
    """What each group sees of the layer before."""
    seen = {
        task: layers.Concatenate(name=f"{name}_{task}")([maps[task], maps["shared"]])
        for task in ("age", "gender")
    }
    return {**seen, "shared": maps["shared"]}
