"""A file of Keras 2 that Keras 3 does not know is one line with the way that works."""

import json
import zipfile
from pathlib import Path

import h5py
import keras
import pytest

from edge_common import ModelError
from edge_convert.cut.keras.model import load_model

LSTM = {"class_name": "LSTM", "config": {"units": 4, "time_major": False, "dtype": "float32"}}
CONFIG = {"class_name": "Sequential", "config": {"name": "old", "layers": [LSTM]}}


def _h5(path: Path, version: str) -> None:
    with h5py.File(path, "w") as content:
        content.attrs.update({"keras_version": version, "backend": "tensorflow"})
        content.attrs["model_config"] = json.dumps(CONFIG)
        content.create_group("model_weights")


def _archive(path: Path, version: str) -> None:
    config = {"module": "keras.src.engine.functional", "class_name": "Functional", "config": {}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", json.dumps(config))


@pytest.mark.parametrize(("write", "name"), [(_h5, "old.h5"), (_archive, "old.keras")])
def test_a_file_of_keras_2_says_how_to_give_it(tmp_path: Path, write, name: str) -> None:
    write(tmp_path / name, "2.15.0")
    with pytest.raises(ModelError, match="made by Keras 2.15.0.*save_format='tf'.*give that fol"):
        load_model(tmp_path / name)


@pytest.mark.parametrize(("write", "name"), [(_h5, "new.h5"), (_archive, "new.keras")])
def test_a_file_of_keras_3_is_told_its_own_fault(tmp_path: Path, write, name: str) -> None:
    write(tmp_path / name, "3.5.0")
    with pytest.raises(ModelError, match="does not load as a Keras model"):
        load_model(tmp_path / name)


def test_a_lambda_is_told_from_a_file_that_is_broken(tmp_path: Path) -> None:
    frame = keras.Input((8, 8, 3))
    model = keras.Model(frame, keras.layers.Lambda(lambda x: x / 255)(frame))
    model.save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=r"it holds a Lambda layer.*model.export\('folder'\)"):
        load_model(tmp_path / "m.keras")
