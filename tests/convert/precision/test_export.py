"""A large model goes another way to TFLite than a small one, and comes out the same."""

import gc
import weakref
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_convert.precision import export

WINDOW = np.random.default_rng(0).normal(size=(1, 4, 16, 16, 3)).astype(np.float32)
SIDE = np.float32([[1, 2]])


@pytest.mark.parametrize("form", ["by name", "listed", "single"])
def test_both_ways_give_the_same_network(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = _model(form)
    small = export.tflite_of(model)
    monkeypatch.setattr(export, "_LARGE", 0)
    large = export.tflite_of(model)
    assert flatbuffer.signature(large) == flatbuffer.signature(small)
    assert flatbuffer.cost(large) == flatbuffer.cost(small)
    assert _activations(large) == _activations(small)
    for name, values in _answers(small).items():
        assert (_answers(large)[name] == values).all()


def _model(form: str) -> keras.Model:
    """Whose inputs stand in no order of the alphabet, nor do its answers."""
    keras.utils.set_random_seed(0)
    window = keras.Input((4, 16, 16, 3), batch_size=1, name="window")
    side = keras.Input((2,), batch_size=1, name="a side input")
    x = keras.ops.reshape(window, (4, 16, 16, 3))
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, activation="relu")(x))
    x = keras.ops.reshape(layers.GlobalAveragePooling2D()(x), (1, 4, 8))
    x = layers.Concatenate()([layers.LSTM(8, unroll=True)(x), side])
    second, first = layers.Dense(3, "softmax")(x), layers.Dense(2)(x)
    outputs: dict[str, Any] = {
        "by name": {"b": second, "a": first}, "listed": [second, first], "single": second
    }  # fmt: skip
    return keras.Model([window, side], outputs[form])


def _answers(model: bytes) -> dict[str, np.ndarray]:
    engine, (inputs, outputs) = Engine(model), flatbuffer.signature(model)
    engine.input(inputs["window"])[:] = WINDOW
    engine.input(inputs["a side input"])[:] = SIDE
    engine.invoke()
    return {name: engine.output(position).copy() for name, position in outputs.items()}


def _activations(model: bytes) -> list[bytes]:
    """What layers of the source are called by, so that cuts and reports can name them."""
    graph = flatbuffer.read(model).subgraphs[0]
    ends = {*graph.inputs, *graph.outputs}
    return [
        t.name for i, t in enumerate(graph.tensors) if b"functional" in t.name and i not in ends
    ]


def test_a_file_that_was_written_is_let_go_at_once() -> None:
    """Not when Python next looks for rings: by then there are many copies of a large one's weights."""
    root = flatbuffer.read(export.tflite_of(_model("single")))
    flatbuffer.write(root)
    weights = [weakref.ref(buffer) for buffer in root.buffers]
    gc.disable()
    try:
        del root
        assert not any(buffer() for buffer in weights)
    finally:
        gc.enable()
