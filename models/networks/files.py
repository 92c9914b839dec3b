"""Networks on disk."""

from collections.abc import Callable
from pathlib import Path

import keras

from edge_common.errors import ModelError
from edge_common.files import whole_path


def save_model(model: keras.Model, path: Path) -> None:
    """Save the whole network; the file appears whole or not at all."""
    save_whole(model.save, path)


def save_whole(save: Callable[[Path], object], path: Path) -> None:
    """Save what chooses its format by the file's name; it appears whole or not at all."""
    with whole_path(path) as partial:
        save(partial)


def load_weights(network: keras.Model, path: str | Path, name: str) -> None:
    """Read a file of weights. Raises ModelError if they are not those of `name`."""
    try:
        network.load_weights(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} holds no weights of {name} ({error})") from error
