import keras
import numpy as np
import pytest
from keras import layers

from edge_convert.sources.keras_model import in_single_precision
from tests import tiny


@pytest.fixture
def mixed() -> keras.Model:
    """As trained on a GPU: half precision inside, float32 answers."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    model = tiny.window_model()
    x = layers.Dense(3, activation="softmax", dtype="float32", name="answer")(model.outputs[0])
    keras.config.set_dtype_policy(before)
    return keras.Model(model.inputs, x)


def test_every_layer_is_single_and_answers_alike(mixed: keras.Model) -> None:
    single = in_single_precision(mixed)
    assert {layer.compute_dtype for layer in single._flatten_layers()} == {"float32"}
    window = tiny.frames(tiny.WINDOW)[None].astype(np.float32)
    found, expected = (np.asarray(m(window, training=False)) for m in (single, mixed))
    assert np.allclose(found, expected, atol=5e-3)


def test_a_model_of_single_precision_stays_as_it_is() -> None:
    model = tiny.window_model()
    assert in_single_precision(model) is model
