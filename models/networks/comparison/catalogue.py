"""Which networks stand behind each row of the table, and their export for a converter."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras

from edge_common import ConfigError, write_whole
from edge_models import backends
from edge_models.networks.comparison import faces, light, shared_trunks


@dataclass(frozen=True)
class Piece:
    """A part of a network that is converted by itself, by the layers where it begins and ends."""

    begins: tuple[str, ...]
    ends: tuple[str, ...]


@dataclass(frozen=True)
class ComparisonNetwork:
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

ROWS: dict[str, tuple[ComparisonNetwork, ...]] = {
    "randomized-bins": (ComparisonNetwork("resnet50_bins", 224, light.randomized_bins),),
    "coral": (ComparisonNetwork("resnet34_coral", 120, light.coral),),
    "one-task": (
        ComparisonNetwork("vgg11_age", 224, shared_trunks.one_task_age),
        ComparisonNetwork("vgg11_gender", 224, shared_trunks.one_task_gender),
    ),
    "cross-stitch": (
        ComparisonNetwork("vgg11_cross_stitch", 224, shared_trunks.cross_stitch, _STITCHED),
    ),
    "filter-groups": (ComparisonNetwork("vgg11_filter_groups", 224, shared_trunks.filter_groups),),
    "mobilenet-v2": (ComparisonNetwork("mobilenet_v2", 96, light.mobilenet_v2),),
    "insightface": (ComparisonNetwork("resnet100_arcface", 112, faces.arcface),),
    "dex": (
        ComparisonNetwork("vgg16_dex_age", 224, shared_trunks.dex_age),
        ComparisonNetwork("vgg16_dex_gender", 224, shared_trunks.dex_gender),
    ),
    "facenet": (ComparisonNetwork("inception_resnet_v1", 160, faces.facenet),),
    "mtllnn": (ComparisonNetwork("mobilenet_v1_mtllnn", 224, light.mtllnn),),
    "mtdnn": (ComparisonNetwork("mtdnn_face", 198, light.mtdnn),),
}  # fmt: skip


def networks_of(row: str) -> tuple[ComparisonNetwork, ...]:
    """The networks of a row. Raises ConfigError if there is no such row."""
    if row not in ROWS:
        raise ConfigError(f"no row is called '{row}': there are {', '.join(ROWS)}")
    return ROWS[row]


DESCRIPTION = "network.json"


def export_network(
    network: ComparisonNetwork, folder: Path, width: float = 1.0, networks: int = 1
) -> None:
    """Build with random weights; write `pieceN/` and, last, `network.json` into `folder`.

    The description holds how many `networks` the row has, the parameters of this one, and
    each piece's folder and the shapes (1, ...) of its inputs by name.
    """
    backends.check_tensorflow("a SavedModel for a converter")
    keras.utils.set_random_seed(0)
    model = network.build(network.size, width)
    parameters, descriptions = model.count_params(), []
    for number, (names, piece) in enumerate(pieces_of(model, network.pieces)):
        name = f"piece{number}"
        descriptions.append({"folder": name, "inputs": _export(piece, names, folder / name)})
    content = {"name": network.name, "networks": networks, "parameters": parameters}
    text = json.dumps({**content, "pieces": descriptions})
    write_whole(folder / DESCRIPTION, text.encode())


def pieces_of(
    model: keras.Model, pieces: tuple[Piece, ...]
) -> list[tuple[tuple[str, ...], keras.Model]]:
    """Names of inputs, and the model from a list of them to {layer: output}, of each piece."""
    whole = ((model.input.name,), keras.Model([model.input], model.output))
    return [(p.begins, _between(model, p)) for p in pieces] or [whole]


def _between(model: keras.Model, piece: Piece) -> keras.Model:
    begins = [model.get_layer(name).output for name in piece.begins]
    return keras.Model(begins, {name: model.get_layer(name).output for name in piece.ends})


def _export(
    model: keras.Model, names: tuple[str, ...], folder: Path
) -> Mapping[str, tuple[int, ...]]:
    """One frame at a time, so that all shapes are fixed; the shapes by name."""
    shapes = {name: (1, *tensor.shape[1:]) for name, tensor in zip(names, model.inputs)}
    archive = keras.export.ExportArchive()
    archive.track(model)

    def serve(tensors):
        return model([tensors[name] for name in names], training=False)

    signature = {
        name: keras.InputSpec(shape=shape, dtype="float32", name=name)
        for name, shape in shapes.items()
    }
    archive.add_endpoint("serve", serve, [signature])
    archive.write_out(str(folder), verbose=False)
    return shapes
