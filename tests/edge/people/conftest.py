"""A small network that describes what it sees, and films of people of one colour pattern each."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bundle import Bundle, open_bundle
from tests import tiny
from tests.conftest import BuiltOnce

PEOPLE = ("anna", "bert", "cleo")
FRAMES = 20


def film_of(person: int) -> np.ndarray:
    """uint8 (20, 32, 32, 3): one pattern a person, in light that wavers a little."""
    picture = tiny.frames(1, seed=100 + person)[0]
    noise = np.random.default_rng(person).integers(-6, 7, (FRAMES, 1, 1, 3))
    return np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)


def describing_model():
    """(4, 32, 32, 3) -> `kind` (3 classes) and `who`, the coarse picture at length one."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(5)
    window = keras.Input((tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3), name="window")
    maps = layers.TimeDistributed(layers.Rescaling(1 / 127.5, -1.0))(window)
    coarse = layers.TimeDistributed(layers.AveragePooling2D(8))(maps)
    conv = layers.TimeDistributed(layers.Conv2D(4, 3, activation="relu"))(coarse)
    flat = layers.TimeDistributed(layers.Flatten())(coarse)
    mean = layers.GlobalAveragePooling1D()(flat)
    pooled = layers.GlobalAveragePooling1D()(layers.TimeDistributed(layers.Flatten())(conv))
    outputs = {
        "kind": layers.Dense(3, activation="softmax", name="kind")(pooled),
        "who": layers.UnitNormalization(name="who")(mean),
    }
    return keras.Model(window, outputs, name="describing")


@pytest.fixture(scope="session")
def who_path(built_once: BuiltOnce) -> Path:
    """A bundle whose task `who` describes a window with 48 numbers."""

    def convert(folder: Path) -> None:
        from edge_convert.pipeline import Conversion
        from edge_convert.request import ConversionRequest

        model, clips = folder / "who.keras", folder / "who-clips.npz"
        describing_model().save(model)
        np.savez(clips, clips=tiny.labelled_clips(24)["clips"])
        precisions = {"encoder_precision": "int8", "head_precision": "float32"}
        request = ConversionRequest(model, folder / "who.edge", clips, gate=False, **precisions)
        Conversion(request).run()

    return built_once("who", convert) / "who.edge"


@pytest.fixture(scope="session")
def who(who_path: Path) -> Bundle:
    return open_bundle(who_path)


@pytest.fixture(scope="session")
def films(session_folder: Path) -> dict[str, Path]:
    """A folder of 20 pictures for each of three people."""
    for number, name in enumerate(PEOPLE):
        folder = session_folder / "films" / name
        folder.mkdir(parents=True)
        for i, frame in enumerate(film_of(number)):
            cv2.imwrite(str(folder / f"{i}.png"), frame)
    return {name: session_folder / "films" / name for name in PEOPLE}
