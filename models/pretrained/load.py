"""A pretrained network by its name."""

from pathlib import Path

import keras

from edge_common.errors import ModelError
from edge_models.pretrained.catalogue import NETWORKS
from edge_models.pretrained.halves import picture_model, read_halves, window_model


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
    if name not in NETWORKS:
        raise ModelError(f"no network is called {name!r}: choose one of {', '.join(NETWORKS)}")
    network = NETWORKS[name]
    halves = read_halves(network, network.find(folder))
    if window is None:
        return picture_model(halves, name)
    return window_model(halves, name, window)
