"""Third-party .tflite files: converted here by TensorFlow alone, not by this project."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle.plain_tflite import Description, wrap_tflite
from edge.cli import main
from edge.stream import Stream
from edge_common.errors import BundleError
from tests import tiny


@pytest.fixture(scope="module")
def picture_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import keras
    import tensorflow as tf
    from keras import layers

    keras.utils.set_random_seed(5)
    given = keras.Input(batch_shape=(1, 32, 32, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, 2)(given))
    model = keras.Model(given, layers.Dense(3, activation="softmax")(x))
    path = tmp_path_factory.mktemp("plain") / "third.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return path


def test_a_picture_model_decides_on_every_frame(picture_model: Path) -> None:
    stream = Stream(wrap_tflite(picture_model, Description(labels=["a", "b", "c"])))
    decisions = [stream.push(frame) for frame in tiny.frames(3)]
    assert all(decision.tasks["output_0"].label in "abc" for decision in decisions)
    assert decisions[0].tasks["output_0"].scores.sum() == pytest.approx(1, abs=1e-5)


def test_the_value_range_reaches_the_model(picture_model: Path) -> None:
    frame = tiny.frames(1)[0]
    ranges = [(0.0, 1.0), (-1.0, 1.0)]
    streams = [Stream(wrap_tflite(picture_model, Description(value_range=r))) for r in ranges]
    first, second = (s.push(frame).tasks["output_0"].scores for s in streams)
    assert not np.array_equal(first, second)


def test_edge_run_takes_it(
    cli: CliRunner, picture_model: Path, video_path: Path, tmp_path: Path
) -> None:
    names = tmp_path / "labels.txt"
    names.write_text("cat\ndog\nbird\n")
    done = cli.invoke(
        main,
        [str(picture_model), "--source", str(video_path), "--labels", str(names), "--jsonl", "-"],
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.count('"label": ') == 30
    assert any(name in done.stdout for name in ("cat", "dog", "bird"))


def test_what_is_no_flatbuffer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(b"hello world, no model")
    with pytest.raises(BundleError, match="no TFLite flatbuffer"):
        wrap_tflite(path)


def test_a_truncated_model_is_refused_without_a_crash(
    cli: CliRunner, picture_model: Path, video_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(picture_model.read_bytes()[:700])
    done = cli.invoke(main, [str(path), "--source", str(video_path)])
    assert done.exit_code == 2
    assert "does not load" in done.stderr


def test_too_many_labels_are_refused(picture_model: Path) -> None:
    with pytest.raises(BundleError, match="5 labels were given for an output of 3 values"):
        wrap_tflite(picture_model, Description(labels=list("abcde")))


def test_an_unquantised_byte_input_spans_0_to_255() -> None:
    from edge.bundle import TensorSpec
    from edge.bundle.plain_outputs import _task
    from edge.bundle.plain_tflite import _spanned

    assert _spanned(TensorSpec("i", (1, 8, 8, 3), "uint8")) == (0.0, 255.0)
    assert _spanned(TensorSpec("i", (1, 8, 8, 3), "float32")) == (0.0, 1.0)
    assert _spanned(TensorSpec("i", (1, 8, 8, 3), "uint8", 1 / 255, 0)) == pytest.approx((0, 1))
    assert _task(0, TensorSpec("boxes", (1, 10, 4), "float32"), -1, (), False).kind == "embedding"
    assert _task(0, TensorSpec("age", (1, 1), "float32"), -1, (), False).kind == "regression"
