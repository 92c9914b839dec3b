"""An answer that is probabilities already gets nothing behind it; logits get what they lack."""

from pathlib import Path

import keras
import numpy as np
import pytest

from edge.bundle import Bundle
from edge.tasks import Task
from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert import probabilities
from edge_convert.cut.tflite import ending
from tests.convert.keras_networks import as_tflite

WIDTH = 6
layers = keras.layers


def _nested(z):
    head = keras.Sequential([keras.Input((WIDTH,)), layers.Softmax(name="out")], name="head")
    return head(z)


def _by_hand(z):
    powers = keras.ops.exp(z - keras.ops.max(z, -1, keepdims=True))
    return powers / keras.ops.sum(powers, -1, keepdims=True)


def _averaged(z):
    return layers.Average()([layers.Softmax()(z), layers.Softmax()(z * 0.9)])


ENDS = {
    "named": (lambda z: layers.Softmax(name="gesture")(z), "softmax"),
    "nested": (_nested, "softmax"),
    "cast": (lambda z: layers.Activation("linear")(layers.Activation("softmax")(z)), "softmax"),
    "averaged": (_averaged, "softmax"),
    "one-vs-rest": (lambda z: layers.Activation("sigmoid")(z), "sigmoid"),
    "by hand": (_by_hand, "softmax"),  # as the converter sees it
}
LOGITS = {
    "plain": (lambda z: z, "linear"),
    "called softmax": (lambda z: layers.Identity(name="softmax")(z), "linear"),
    "log softmax": (lambda z: layers.Activation("log_softmax")(z), ""),
}


def _model(end) -> keras.Model:
    """(4, 8, 8, 3) of 0 to 255 -> a task `act` of six classes, with logits about -10 to 10."""
    keras.utils.set_random_seed(1)
    window = keras.Input((4, 8, 8, 3))
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(layers.Rescaling(1 / 255)(window))
    x = layers.Flatten()(x)
    dense = layers.Dense(WIDTH)
    z = dense(x)
    dense.set_weights([w * 20 for w in dense.get_weights()])
    return keras.Model(window, {"act": end(z)})


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clips.npz"
    shades = np.random.default_rng(0).integers(0, 256, (16, 4, 1, 1, 3), dtype=np.uint8)
    np.savez(path, clips=np.broadcast_to(shades, (16, 4, 8, 8, 3)))
    return path


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.json"
    path.write_text('{"tasks": {"act": {"kind": "classification"}}}')
    return path


def _first_window(bundle: Bundle) -> np.ndarray:
    """The frames (1, T, H, W, C) behind the first golden answer."""
    return bundle.golden["frames"][None, :4].astype(np.float32)


FLOAT = {"encoder_precision": "float32", "head_precision": "float32"}


@pytest.mark.parametrize(("end", "expected"), [*ENDS.values(), *LOGITS.values()])
def test_the_graph_of_keras_is_followed(end, expected: str) -> None:
    assert ending.endings(flatbuffer.read(as_tflite(_model(end)))) == {"act": expected}


@pytest.mark.parametrize("name", ["nested", "averaged", "one-vs-rest", "by hand"])
def test_probabilities_come_out_as_the_network_gives_them(
    convert, clips: Path, card: Path, name: str
) -> None:
    model = _model(ENDS[name][0])
    bundle, conversion = convert(model, calibration=clips, tasks=card, **FLOAT)
    expected = np.asarray(model(_first_window(bundle))["act"])[0]
    np.testing.assert_allclose(bundle.golden["act"][0], expected, rtol=0, atol=1e-5)
    assert not conversion.network.parts[-1].model.count(b"probability")
    assert conversion.report.split_difference < 1e-5


@pytest.mark.parametrize("name", ["plain", "called softmax", "log softmax"])
def test_logits_get_one_softmax(convert, clips: Path, card: Path, name: str) -> None:
    model = _model(LOGITS[name][0])
    bundle, conversion = convert(model, calibration=clips, tasks=card, **FLOAT)
    powers = np.exp(np.asarray(model(_first_window(bundle))["act"], np.float64)[0])
    np.testing.assert_allclose(bundle.golden["act"][0], powers / powers.sum(), rtol=0, atol=1e-5)
    assert conversion.model.answers.activations == {"act": "softmax"}


def test_without_a_tasks_file_values_tell_classes(convert, clips: Path) -> None:
    bundle, _ = convert(_model(ENDS["by hand"][0]), calibration=clips, **FLOAT)
    (task,) = bundle.manifest.tasks
    assert (task.kind, task.labels) == ("classification", tuple("012345"))


def test_the_decision_is_one_line() -> None:
    values = np.array([[0.1, 0.9], [0.25, 0.75]])
    task = Task("act", "classification", ("a", "b"))
    (given,) = probabilities.decisions([task], {"act": probabilities.Output((2,), "", values)})
    assert given.activation == ""
    assert given.line == (
        "'act' gives probabilities (0.1 to 0.9 on 2 clips): they are left as they are"
    )
    (lacking,) = probabilities.decisions(
        [task], {"act": probabilities.Output((2,), "linear", values * 4)}
    )
    assert lacking.activation == "softmax"
    assert lacking.line == (
        "'act' ends in logits (0.4 to 3.6 on 2 clips): probabilities are made of them by softmax"
    )


def test_logits_that_happen_to_lie_within_are_logits_by_their_graph() -> None:
    small = np.array([[0.1, 0.3], [0.2, 0.6]])
    assert not probabilities.Output((2,), "linear", small).holds_probabilities
    assert probabilities.Output((2,), "sigmoid", small).holds_probabilities
    assert probabilities.Output((2,), "", small).holds_probabilities


def test_what_is_neither_is_refused() -> None:
    doubled = np.array([[0.4, 1.6], [1.8, 0.2]])
    task = Task("act", "classification", ("a", "b"))
    with pytest.raises(ModelError, match="'act' is made of what a softmax gives, but reaches"):
        probabilities.decisions([task], {"act": probabilities.Output((2,), "softmax", doubled)})


@pytest.mark.parametrize("name", ["averaged", "one-vs-rest"])
def test_the_graph_of_a_tflite_is_followed(convert, clips: Path, card: Path, name: str) -> None:
    bundle, _ = convert(_model(ENDS[name][0]), calibration=clips, tasks=card, **FLOAT)
    root = flatbuffer.read(bundle.members[bundle.manifest.last_part.file])
    assert ending.endings(root) == {"act": ENDS[name][1]}
