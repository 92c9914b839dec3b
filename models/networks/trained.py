"""Networks that were trained before: read, and held against the file that describes them."""

from collections.abc import Sequence
from pathlib import Path

import keras

from edge.tasks import kind_of
from edge_common import ModelError
from edge_models.networks import mtdnn


def read_network(path: Path) -> keras.Model:
    """Read a `.keras` file that a run has written.

    Raises:
        ModelError: it is no Keras model, or none of edge-train.
    """
    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is no Keras model: give the .keras of an edge-train") from error
    if not _is_mtdnn(model):
        raise ModelError(f"{path} is no network of edge-train: give the .keras file of one")
    return model


def load_trained(path: Path, expected: mtdnn.MTDNNConfig) -> keras.Model:
    """The same, of a run with this network.

    Raises:
        ModelError: it is no Keras model, or another one.
    """
    model = read_network(path)
    wrong = _differs(model, expected)
    if wrong:
        raise ModelError(f"{path} {wrong}: give the network and the file it was trained with")
    return model


def take_weights(network: keras.Model, path: Path, expected: mtdnn.MTDNNConfig) -> None:
    """Give a network the weights of a file of its like.

    Raises:
        ModelError: the file is no Keras model, or holds another network.
    """
    weights = load_trained(path, expected).get_weights()
    shapes = [(tuple(now.shape), then.shape) for now, then in zip(network.weights, weights)]
    if len(weights) != len(network.weights) or any(now != then for now, then in shapes):
        raise ModelError(
            f"{path} has other layers than the training file says: give the network it was trained to"
        )
    network.set_weights(weights)


def _differs(model: keras.Model, expected: mtdnn.MTDNNConfig) -> str:
    """How a network is not the one that a training file describes; empty if it is."""
    shape = (expected.window, expected.size, expected.size, 3)
    if tuple(model.input_shape[1:]) != shape:
        return f"takes {_times(model.input_shape[1:])}, the training file says {_times(shape)}"
    widths = {task.name: kind_of(task).width for task in expected.tasks}
    outputs_of_file = {name: output.shape[-1] for name, output in model.output.items()}
    if outputs_of_file != widths:
        return f"answers {_listed(outputs_of_file)}, the training file asks {_listed(widths)}"
    return ""


def _is_mtdnn(model: keras.Model) -> bool:
    """Whether it has the one input, the backbone and the last layers that `open_network` takes."""
    one_input = isinstance(getattr(model, "input", None), keras.KerasTensor)
    if not one_input or not isinstance(model.output, dict):
        return False
    layers = {layer.name: layer for layer in model.layers}
    backbone = getattr(layers.get("backbone"), "layer", None)
    answers = [layers.get(task) for task in model.output]
    dense = all(isinstance(layer, keras.layers.Dense) for layer in answers)
    return isinstance(backbone, keras.Model) and dense


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _listed(widths: dict[str, int]) -> str:
    return ", ".join(f"{name} ({width})" for name, width in sorted(widths.items()))
