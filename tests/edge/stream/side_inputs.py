"""A small network that takes a speed beside its frames, and a bundle of it."""

from pathlib import Path
from typing import Any

import numpy as np

from tests import tiny

PRECISIONS = {"encoder_precision": "float32", "head_precision": "float32"}


def network() -> Any:
    """`speed` (2,) and `frames` (4, 32, 32, 3) -> `kind` (3 classes)."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    window = keras.Input((tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3), name="frames")
    speed = keras.Input((2,), name="speed")
    x = layers.TimeDistributed(layers.Conv2D(8, 3, 2, activation="relu"))(
        layers.Rescaling(1 / 255)(window)
    )
    x = layers.GRU(8)(layers.TimeDistributed(layers.GlobalAveragePooling2D())(x))
    x = layers.Concatenate()([x, layers.Dense(8, activation="tanh")(speed)])
    return keras.Model([speed, window], layers.Dense(3, activation="softmax", name="kind")(x))


def clips() -> dict[str, np.ndarray]:
    """24 clips of 4 frames, what was given beside each, and labels."""
    speeds = np.random.default_rng(0).uniform(-1, 3, (24, 2)).astype(np.float32)
    return {"clips": tiny.labelled_clips(24)["clips"], "speed": speeds, "kind": np.arange(24) % 3}


def write_bundle(folder: Path) -> None:
    """`net.edge`, in float32."""
    from edge_convert.pipeline import Conversion
    from edge_convert.request import ConversionRequest

    model, data = folder / "net.keras", folder / "clips.npz"
    network().save(model)
    np.savez(data, **clips())
    given = (("speed", "m/s"),)
    request = ConversionRequest(
        model, folder / "net.edge", data, validation=data, given=given, **PRECISIONS
    )
    Conversion(request).run()
