"""Which networks stand behind each row of the table, at which size."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from edge_common.errors import ConfigError
from edge_models.networks.comparison import arcface, facenet, light
from edge_models.networks.comparison import light as resnets
from edge_models.networks.comparison import shared_trunks as cross_stitch
from edge_models.networks.comparison import shared_trunks as filter_groups
from edge_models.networks.comparison import shared_trunks as vgg


@dataclass(frozen=True)
class Piece:
    """A part of a network that is converted by itself, by the layers where it begins and ends."""

    begins: tuple[str, ...]
    ends: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """One network of a row.

    size: height and width of its input, pixels.
    build: (size, width) -> model from (N, [1,] size, size, 3) RGB 0..255 to its answers.
    pieces: of a network that is too large for the converter in one; it takes ten times
    the memory of the weights.
    """

    name: str
    size: int
    build: Callable[[int, float], keras.Model]
    pieces: tuple[Piece, ...] = ()


_STITCHED = (
    Piece(("frame",), ("age_flat", "gender_flat")),
    Piece(("age_flat",), ("age_dense1",)),
    Piece(("gender_flat",), ("gender_dense1",)),
    Piece(("age_dense1", "gender_dense1"), ("age", "gender")),
)

ROWS: dict[str, tuple[Network, ...]] = {
    "randomized-bins": (Network("resnet50_bins", 224, resnets.randomized_bins),),
    "coral": (Network("resnet34_coral", 120, resnets.coral),),
    "one-task": (
        Network("vgg11_age", 224, vgg.one_task_age),
        Network("vgg11_gender", 224, vgg.one_task_gender),
    ),
    "cross-stitch": (
        Network("vgg11_cross_stitch", 224, cross_stitch.cross_stitch, _STITCHED),
    ),
    "filter-groups": (Network("vgg11_filter_groups", 224, filter_groups.filter_groups),),
    "mobilenet-v2": (Network("mobilenet_v2", 96, light.mobilenet_v2),),
    "insightface": (Network("resnet100_arcface", 112, arcface.arcface),),
    "dex": (
        Network("vgg16_dex_age", 224, vgg.dex_age),
        Network("vgg16_dex_gender", 224, vgg.dex_gender),
    ),
    "facenet": (Network("inception_resnet_v1", 160, facenet.facenet),),
    "mtllnn": (Network("mobilenet_v1_mtllnn", 224, light.mtllnn),),
    "mtdnn": (Network("mtdnn_face", 198, light.mtdnn),),
}  # fmt: skip


def networks_of(row: str) -> tuple[Network, ...]:
    """The networks of a row. Raises ConfigError where there is no such row."""
    if row not in ROWS:
        raise ConfigError(f"no row is called '{row}': there are {', '.join(ROWS)}")
    return ROWS[row]
