"""Small networks and pictures for tests: real ones, only small."""

from typing import Any

import cv2
import numpy as np

WINDOW, SIZE = 4, 32


def frames(count: int, height: int = SIZE, width: int = SIZE, seed: int = 0) -> np.ndarray:
    """Smooth, unlike pictures: uint8 (count, height, width, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return np.stack([cv2.resize(picture, (width, height)) for picture in coarse])


def labelled_clips(count: int) -> dict[str, np.ndarray]:
    """`clips` and one array of labels a task of `window_model`."""
    rng = np.random.default_rng(1)
    pictures = frames(count * WINDOW, seed=2).reshape(count, WINDOW, SIZE, SIZE, 3)
    return {"clips": pictures, "kind": rng.integers(0, 3, count), "size": rng.random(count)}


def frame_model(width: int = 8) -> Any:
    """A per-frame network: (32, 32, 3) -> (8, 8, 2 * width)."""
    import keras
    from keras import layers

    picture = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    x = layers.Conv2D(width, 3, 2, "same", activation="relu")(x)
    x = layers.Conv2D(2 * width, 3, 2, "same", activation="relu")(x)
    return keras.Model(picture, x, name="backbone")


def window_model(seed: int = 3) -> Any:
    """Two tasks over a window: a recurrent branch and one that averages the maps."""
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(seed)
    window = keras.Input((WINDOW, SIZE, SIZE, 3), name="window")
    maps = layers.TimeDistributed(frame_model(), name="maps")(window)
    pooled = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="pooled")(maps)
    over_time = layers.LSTM(8, name="over_time")(pooled)
    mean_map = layers.Conv2D(8, 3, activation="relu", name="mean_map")(ops.mean(maps, axis=1))
    fused = layers.Concatenate()([over_time, layers.GlobalAveragePooling2D()(mean_map)])
    outputs = {
        "kind": layers.Dense(3, activation="softmax", name="kind")(fused),
        "size": layers.Dense(1, name="size")(fused),
    }
    return keras.Model(window, outputs, name="tiny")
