"""A second input of the same clip, smaller: one window in, and the answers of the network."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from keras import layers

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.inputs import InputRequest, TensorForm, network_inputs
from edge_convert.sources import model_file
from tests import tiny

WHOLE = TensorForm("whole", (None, 4, 32, 32, 3))


def per_frame(frames) -> layers.Layer:
    x = layers.TimeDistributed(layers.Conv2D(4, 3, 2, activation="relu"))(frames)
    return layers.GRU(4)(layers.TimeDistributed(layers.GlobalAveragePooling2D())(x))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    slow, whole = keras.Input((2, 16, 8, 3), name="slow"), keras.Input((4, 32, 32, 3), name="whole")
    both = layers.Concatenate()([per_frame(whole), per_frame(slow)])
    return keras.Model([slow, whole], layers.Dense(3, name="kind")(both))


@pytest.mark.parametrize("kind", ["keras", "saved"])
def test_the_smaller_one_is_the_first_by_means_of_pixels(model, tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("net.keras" if kind == "keras" else "net")
    if kind == "keras":
        model.save(path)
    else:
        model.export(path, format="tf_saved_model", verbose=False)
    file = model_file.read_model(path, InputRequest(sampling={"slow": "every:2"}))
    assert (file.window, file.size) == (4, (32, 32, 3))
    frames = tiny.frames(4)
    small = [cv2.resize(f, (8, 16), interpolation=cv2.INTER_AREA) for f in frames[::2].astype("f4")]
    expected = model([np.stack(small)[None], frames[None].astype("f4")]).numpy()
    engine = Engine(file.model)
    engine.input()[:] = frames
    engine.invoke()
    assert list(flatbuffer.signature(file.model)[0]) == ["window"]
    np.testing.assert_allclose(engine.output(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "sampling", "message"),
    [
        ((None, 4, 16, 16, 3), {}, "say --clip-input slow=last"),
        ((None, 4, 20, 16, 3), {"slow": "last"}, "a whole number of times smaller"),
        ((None, 2, 16, 16, 1), {}, "with the same channels; .* and name them with --planes"),
        ((None, 9, 4, 4, 3), {}, "some frames of the same clip"),
    ],
)
def test_what_is_no_smaller_copy_is_refused(shape, sampling, message) -> None:
    with pytest.raises(ModelError, match=message):
        tensors = [WHOLE, TensorForm("slow", shape)]
        network_inputs("net", tensors, InputRequest(sampling=sampling))


def test_how_much_smaller_is_said() -> None:
    tensors = [TensorForm("slow", (None, 2, 16, 8, 3)), WHOLE]
    use = network_inputs("net", tensors, InputRequest())
    assert (use.name, dict(use.shrinkage)) == ("whole", {"slow": (2, 4)})
    assert "'slow' takes the frames 2 x 4 times smaller" in " ".join(use.notes)
