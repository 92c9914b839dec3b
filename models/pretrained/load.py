"""A pretrained network by its name: what sees an image, and what predicts of it, apart."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from edge_common import ModelError
from edge_models.pretrained import catalogue, graph_layers, tfjs


def load(name: str, folder: Path, window: int | None = None) -> keras.Model:
    """Read a network of the catalogue out of its unpacked package.

    Args:
        name: faceres, gear or fer.
        window: None for the network of single pictures, float32 (height, width,
            channels), 0..255; else the number of frames of its input (window,
            height, width, channels), whose answers are averaged.

    Returns:
        A functional model of Keras' own layers: {task: float32 (values,)}.

    Raises:
        ModelError: there is no such network, or its file is missing or damaged.
    """
    if name not in catalogue.NETWORKS:
        raise ModelError(
            f"no network is called {name!r}: choose one of {', '.join(catalogue.NETWORKS)}"
        )
    network = catalogue.NETWORKS[name]
    halves = read_halves(network, network.find(folder))
    if window is None:
        return picture_model(halves, name)
    return window_model(halves, name, window)


@dataclass(frozen=True)
class Halves:
    """What sees a picture, and what answers of the one vector that it saw.

    trunk: float32 (height, width, channels), 0..255 -> (features,).
    answers: (..., features) -> {task: (..., values)}, anything in front kept apart.
    """

    trunk: keras.Model
    answers: Callable[[Any], dict[str, Any]]


def read_halves(network: catalogue.PretrainedNetwork, path: Path) -> Halves:
    """Read a network's file, a tfjs graph model or a Keras HDF5 file.

    Raises:
        ModelError: the file is damaged, or holds another network.
    """
    halves = _of_graph if path.suffix == ".json" else _of_keras
    return halves(network, path)


def picture_model(halves: Halves, name: str) -> keras.Model:
    """(height, width, channels) -> {task: (values,)}."""
    return keras.Model(halves.trunk.input, halves.answers(halves.trunk.output), name=name)


def window_model(halves: Halves, name: str, window: int) -> keras.Model:
    """(window, height, width, channels) -> {task: (values,)}, each answer's mean over the frames."""
    frames = keras.Input((window, *halves.trunk.input.shape[1:]), name="frames")
    features = keras.layers.TimeDistributed(halves.trunk, name="trunk")(frames)
    answers = halves.answers(features)
    means = {task: _mean_over_time(task, answer) for task, answer in answers.items()}
    return keras.Model(frames, means, name=f"{name}_window")


def _mean_over_time(task: str, answer: Any) -> Any:
    # The mean of probabilities is one; by its name the converter can tell it from logits.
    activation = getattr(answer._keras_history.operation, "activation", None)
    kind = f"_{activation.__name__}" if activation else ""
    return keras.layers.GlobalAveragePooling1D(name=f"{task}{kind}_mean")(answer)


def _of_graph(network: catalogue.PretrainedNetwork, path: Path) -> Halves:
    graph = tfjs.read_graph(path)
    frame = keras.Input(network.shape, name="frame")
    inputs = {graph.placeholder.name: _scaled(frame, network.scaling)}
    features = graph_layers.build(graph, inputs, [network.trunk])[network.trunk]
    trunk = keras.Model(frame, features, name=f"{network.name}_trunk")
    if network.scaling.bgr:
        _see_rgb(trunk)

    def answers(features: Any) -> dict[str, Any]:
        outputs = graph_layers.build(graph, {network.trunk: features}, network.answers.values())
        return {task: outputs[node] for task, node in network.answers.items()}

    return Halves(trunk, answers)


def _of_keras(network: catalogue.PretrainedNetwork, path: Path) -> Halves:
    try:
        model = keras.models.load_model(path, compile=False)
        features = keras.Model(model.input, model.get_layer(network.trunk).output)
        last = {task: model.get_layer(name) for task, name in network.answers.items()}
    except (ValueError, TypeError, OSError, KeyError, AttributeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{path} is not the network {network.name} ({reason}): fetch it with `{network.fetch}`"
        ) from error
    frame = keras.Input(network.shape, name="frame")
    scaled = _scaled(frame, network.scaling)
    trunk = keras.Model(frame, features(scaled), name=f"{network.name}_trunk")
    return Halves(trunk, lambda features: {task: layer(features) for task, layer in last.items()})


def _scaled(frame: Any, scaling: catalogue.Scaling) -> Any:
    offset = list(scaling.offset) if isinstance(scaling.offset, tuple) else scaling.offset
    return keras.layers.Rescaling(scaling.factor, offset, name="scale")(frame)


def _see_rgb(trunk: keras.Model) -> None:
    """Turn the first kernel's channels round: what wanted BGR takes RGB."""
    stem = next(layer for layer in trunk.layers if isinstance(layer, keras.layers.Conv2D))
    kernel, bias = stem.get_weights()
    stem.set_weights([kernel[:, :, ::-1], bias])
