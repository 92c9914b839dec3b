"""A network as SavedModels that a converter can read one after the other."""

import json
from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf

from edge_models.networks.comparison.catalogue import Network, Piece

DESCRIPTION = "network.json"


def export_network(network: Network, folder: Path, width: float = 1.0, networks: int = 1) -> None:
    """Build with random weights; write `pieceN/` and, last, `network.json` into `folder`.

    The description holds how many `networks` the row has, the parameters of this one, and
    each piece's folder and the shapes (1, ...) of its inputs by name.
    """
    keras.utils.set_random_seed(0)
    model = network.build(network.size, width)
    parameters, described = model.count_params(), []
    for number, (names, piece) in enumerate(pieces_of(model, network.pieces)):
        name = f"piece{number}"
        described.append({"folder": name, "inputs": _export(piece, names, folder / name)})
    content = {"name": network.name, "networks": networks, "parameters": parameters}
    (folder / DESCRIPTION).write_text(json.dumps({**content, "pieces": described}))


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

    def serve(tensors: Mapping[str, tf.Tensor]) -> Mapping[str, tf.Tensor]:
        return model([tensors[name] for name in names], training=False)

    signature = {name: tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()}
    archive.add_endpoint("serve", serve, [signature])
    archive.write_out(str(folder), verbose=False)
    return shapes
