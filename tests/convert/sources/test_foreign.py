"""Networks that are no Keras files, all the way into a bundle."""

from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers, ops

from edge.bundle import open_bundle
from edge.check.self_test import self_test
from edge_convert.cli import main
from tests import tiny

SHAPE = (tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3)


def _folded() -> keras.Model:
    """Frames folded into the batch, a mean over time, and logits at the end."""
    keras.utils.set_random_seed(9)
    window = keras.Input(batch_shape=(1, *SHAPE), name="window")
    x = ops.reshape(window, SHAPE)
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(8, 3, 2, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(12, 3, 2, activation="relu")(x))
    x = ops.mean(ops.reshape(x, (1, tiny.WINDOW, 12)), axis=1)
    return keras.Model(window, {"kind": layers.Dense(3, name="kind")(x)})


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> dict[str, Path]:
    """The same network as a float .tflite and as a SavedModel folder, with its tasks."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("foreign")
    model = _folded()
    (folder / "plain.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    model.export(folder / "saved", verbose=False)
    for name in ("plain", "saved"):
        card = '{"tasks": {"kind": {"kind": "classification", "labels": ["a", "b", "c"]}}}'
        (folder / f"{name}.tasks.json").write_text(card)
    return {"tflite": folder / "plain.tflite", "saved model": folder / "saved"}


@pytest.mark.parametrize("kind", ["tflite", "saved model"])
def test_a_foreign_network_is_cut_quantised_and_proved(
    cli: CliRunner, foreign: dict[str, Path], tiny_clips_path: Path, tmp_path: Path, kind: str
) -> None:
    output = tmp_path / "x.edge"
    options = ["--encoder-precision", "int8", "--head-precision", "dynamic_range"]
    done = cli.invoke(
        main,
        [str(foreign[kind]), "-o", str(output), "--calibration", str(tiny_clips_path), *options],
    )
    assert done.exit_code == 0, done.output
    assert "probabilities are made of them" in done.stderr
    bundle = open_bundle(output)
    assert [(p.role, p.precision) for p in bundle.manifest.parts] == [
        ("encoder", "int8"),
        ("head", "dynamic_range"),
    ]
    assert [(t.name, t.labels) for t in bundle.manifest.tasks] == [("kind", ("a", "b", "c"))]
    assert np.allclose(bundle.golden["kind"].sum(axis=1), 1.0, atol=1e-3)
    assert self_test(bundle).exact


def test_it_can_be_explained(cli: CliRunner, foreign: dict[str, Path]) -> None:
    done = cli.invoke(main, [str(foreign["tflite"]), "--explain"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("cut behind") and "\n> " in done.stdout


def test_a_pickle_is_refused_in_one_line(cli: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"anything")
    done = cli.invoke(main, [str(tmp_path / "m.pt"), "--explain"])
    assert done.exit_code == 2
    assert "torch.export.save" in done.stderr
