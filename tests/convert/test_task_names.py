import json
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from edge_convert.cli import main
from edge_convert.network import ModelCard, TaskEntry, task_names, with_kinds_of
from edge_convert.probabilities import Output
from tests import tiny

CARD = ModelCard({"gesture": TaskEntry("classification")})
LABELS = {"gesture": np.array([0, 1, 2])}


@pytest.mark.parametrize(
    ("outputs", "card", "labels", "names"),
    [
        ({"global_average_pooling3d": "GlobalAveragePooling3D"}, ModelCard(), {}, ["answer"]),
        ({"dense_12": "Dense"}, ModelCard(), {}, ["answer"]),
        ({"gesture": "Dense"}, ModelCard(), {}, ["gesture"]),
        ({"dense_1": "Dense"}, ModelCard(), LABELS, ["gesture"]),
        ({"output_0": ""}, ModelCard(), LABELS, ["gesture"]),
        ({"output_0": ""}, ModelCard(), {}, ["output_0"]),
        ({"dense": "Dense"}, CARD, {"other": np.zeros(3)}, ["gesture"]),
        ({"dense": "Dense", "dense_1": "Dense"}, CARD, LABELS, ["dense", "dense_1"]),
        ({"dense": "Dense"}, ModelCard({"dense": TaskEntry("embedding")}), {}, ["dense"]),
        ({"a": "Dense"}, ModelCard(), {"a": np.zeros(3), "b": np.zeros(3)}, ["a"]),
    ],
)
def test_an_answer_is_called_after_what_is_known_of_it(outputs, card, labels, names) -> None:
    assert list(task_names(outputs, card, labels).values()) == names


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (np.array([0, 2, 1]), "classification"),
        (np.array([0, 3, 1]), ""),
        (np.array([0.5, 1.5, 2.0]), ""),
        (np.eye(3, dtype=np.int64), "multi-label"),
    ],
)
def test_labels_say_what_numbers_without_an_activation_are(labels: np.ndarray, kind: str) -> None:
    card = with_kinds_of({"a": labels}, ModelCard(), {"a": Output((3,), "linear")})
    assert [entry.kind for entry in card.tasks.values()] == ([kind] if kind else [])


def test_a_card_is_believed_before_labels() -> None:
    card = ModelCard({"a": TaskEntry("embedding")})
    assert with_kinds_of({"a": np.zeros(3, int)}, card, {"a": Output((3,), "linear")}) == card


def test_logits_of_a_pooling_are_a_class_if_labels_say_so(convert, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    window = keras.Input((4, 32, 32, 3))
    maps = keras.layers.Conv3D(3, (1, 3, 3), (1, 2, 2))(window / 255)
    model = keras.Model(window, keras.layers.GlobalAveragePooling3D()(maps))
    clips = tiny.labelled_clips(24)
    np.savez(tmp_path / "labelled.npz", clips=clips["clips"], shape=clips["kind"])
    bundle, conversion = convert(model, validation=tmp_path / "labelled.npz")
    (task,) = bundle.manifest.tasks
    assert (task.name, task.kind, task.labels) == ("shape", "classification", ("0", "1", "2"))
    assert {accuracy.task for accuracy in conversion.report.accuracy} == {"shape"}


@pytest.mark.parametrize(
    ("outputs", "card", "message"),
    [
        ({"steps": (2, 6)}, {}, "'steps' has shape"),
        ({"frames": (3,)}, {}, "cannot be called 'frames'"),
        ({"a": (3,)}, {"a": {"kind": "binary"}}, "which is one number; the model gives 3"),
        ({"a": (3,), "c": (3,)}, {"b": {"kind": "embedding"}}, "names 'b', the model answers a, c"),
    ],
)
def test_what_a_conversion_refuses_is_not_explained(
    cli: CliRunner, tmp_path: Path, outputs, card, message: str
) -> None:
    window = keras.Input((4, 32, 32, 3))
    pooled = keras.layers.TimeDistributed(keras.layers.GlobalAveragePooling2D())(window)
    steps = keras.layers.GRU(3, return_sequences=True)(pooled)
    layers = {
        name: keras.ops.reshape(steps, (-1, *shape)) if len(shape) > 1 else steps[:, -1] * (n + 1)
        for n, (name, shape) in enumerate(outputs.items())
    }
    keras.Model(window, layers).save(tmp_path / "m.keras")
    (tmp_path / "m.tasks.json").write_text(json.dumps({"tasks": card}))
    done = cli.invoke(main, [str(tmp_path / "m.keras"), "--explain"])
    assert done.exit_code == 2 and message in done.stderr


def test_a_file_cut_short_is_there_and_weights_alone_are_no_network(
    cli: CliRunner, tmp_path: Path
) -> None:
    model = tiny.window_model()
    model.save(tmp_path / "whole.keras")
    short = (tmp_path / "whole.keras").read_bytes()[:5000]
    (tmp_path / "short.keras").write_bytes(short)
    model.save_weights(tmp_path / "x.weights.h5")
    for name, message in (
        ("short.keras", "does not load as a Keras model: it is cut short"),
        ("x.weights.h5", "weights without their network: name the function"),
    ):
        done = cli.invoke(main, [str(tmp_path / name), "--explain"])
        assert done.exit_code == 2 and message in done.stderr
