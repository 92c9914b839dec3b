"""Keras networks as .tflite, cut, and held against what Keras answers."""

from collections.abc import Mapping

import keras
import numpy as np

from edge_convert.cut.tflite import form
from edge_convert.cut.tflite.split import CutFile, CuttableFile
from edge_convert.sources.keras_model import functional, named_outputs
from edge_convert.sources.keras_window import layer_names, whole_window
from tests import tiny
from tests.convert.cut.test_tflite_cut import streamed, to_tflite


def as_tflite(model: keras.Model) -> bytes:
    """The uncut network over one window, as `edge_convert.sources.keras_file` makes it."""
    model = functional(model)
    outputs = named_outputs(model)
    by_name = keras.Model(model.inputs[0], outputs, name=model.name)
    return form.standard_form(to_tflite(whole_window(by_name)), model.name, order=outputs)


def cuttable(model: keras.Model) -> CuttableFile:
    return CuttableFile(as_tflite(model), layer_names(functional(model)))


def split(model: keras.Model, behind: str | None = None) -> CutFile:
    """At the best cut, or behind a layer."""
    file = cuttable(model)
    return file.split(file.choose(behind))


def answers(model: keras.Model, windows: np.ndarray) -> dict[str, np.ndarray]:
    """What Keras answers to (n, T, H, W, C)."""
    by_name = keras.Model(model.inputs, named_outputs(model))
    return {name: np.asarray(x) for name, x in by_name([windows], training=False).items()}


def difference(expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]) -> float:
    """The largest one over all tensors, relative to the largest number of each."""
    assert set(expected) == set(actual)
    return max(
        float(np.abs(x.reshape(actual[name].shape) - actual[name]).max())
        / max(1.0, float(np.abs(x).max()))
        for name, x in expected.items()
    )


def assert_parts_equal_keras(model: keras.Model, parts: CutFile) -> None:
    shape = model.inputs[0].shape[1:]
    window = tiny.frames(shape[0], *shape[1:3]).astype(np.float32)[None, ..., : shape[3]]
    assert difference(answers(model, window), streamed(parts, window)) <= 5e-5
