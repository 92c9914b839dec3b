"""What inputs are for, and the sizes that they leave open."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from keras import layers, ops

from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cli import main
from edge_convert.inputs import HEAD, InputRequest, TensorForm, network_inputs
from edge_convert.sources import float_tflite
from tests import tiny
from tests.convert.cut.test_tflite_cut import run

FEATURES = TensorForm("x", (None, None, 5))


@pytest.mark.parametrize(
    ("tensors", "request_", "shape", "kind", "masks"),
    [
        ([TensorForm("x", (None, 8, 5))], InputRequest(), (1, 8, 5), "features", {}),
        ([FEATURES], InputRequest(window=6), (1, 6, 5), "features", {}),
        ([FEATURES], InputRequest(clip=(7, 5)), (1, 7, 5), "features", {}),
        ([FEATURES], InputRequest(clip=(7, 32, 32, 3)), (1, 7, 5), "features", {}),
        ([FEATURES], InputRequest(window=6, clip=(7, 5)), (1, 6, 5), "features", {}),
        (
            [FEATURES, TensorForm("m", (None, None), "bool"), TensorForm("n", (1, None, 1))],
            InputRequest(window=4), (1, 4, 5), "features", {"m": (1, 4), "n": (1, 4, 1)},
        ),
        ([TensorForm("x", (1, 4, 7, 7, 16))], InputRequest(HEAD), (1, 4, 7, 7, 16), "features", {}),
        ([TensorForm("x", (1, None, None, 3))], InputRequest(size=(6, 9)), (1, 6, 9, 3), "frame", {}),
        (
            [TensorForm("x", (1, None, 3, None, None))],
            InputRequest(window=2, size=(6, 9)), (1, 2, 3, 6, 9), "window", {},
        ),
        (
            [TensorForm("x", (1, 3, None, None, None))],
            InputRequest(clip=(2, 6, 9, 3)), (1, 3, 2, 6, 9), "window", {},
        ),
    ],
)  # fmt: skip
def test_inputs_are_told_apart_and_open_sizes_are_filled(
    tensors, request_, shape, kind, masks
) -> None:
    use = network_inputs("net", tensors, request_, last_first=False)
    assert (use.name, use.shape, use.kind, dict(use.masks)) == ("x", shape, kind, masks)


@pytest.mark.parametrize(
    ("tensors", "request_", "message"),
    [
        ([FEATURES], InputRequest(), "its window is open, and no clips say it: say .*--window T"),
        (
            [TensorForm("x", (1, None, None, None, 3))],
            InputRequest(clips="day/"),
            "window and height and width are open, and day/ does not say it.*--window T --size HxW",
        ),
        ([TensorForm("x", (1, 8, None))], InputRequest(), "whose feature is open: build it"),
        ([TensorForm("x", (1, 8, 5))], InputRequest(window=9), "a fixed window of 8: leave out"),
        (
            [TensorForm("x", (2, 8, 5)), TensorForm("m", (3, 8))],
            InputRequest(),
            r"takes \[2, 8, 5\] float32: .* with one batch for all inputs",
        ),
        (
            [TensorForm("x", (1, 32, 32, 16, 3))],
            InputRequest(),
            "may be 32 frames of 32x16 or 16 frames of 32x32: .*--layout THWC or --layout HWTC",
        ),
        (
            [TensorForm("x", (1, 8, 32, 32, 5))],
            InputRequest(),
            "has no axis of 1 or 3 channels: name other ones .* with --planes",
        ),
        (
            [TensorForm("x", (1, 8, 32, 32, 5))],
            InputRequest(planes=("grey", "alpha")),
            "has no axis of 2 channels",
        ),
        (
            [TensorForm("x", (1, 8, 32, 32, 3))],
            InputRequest(layout="HWC"),
            "has 4 axes behind the batch, and --layout HWC names 3",
        ),
        (
            [TensorForm("x", (1, 8, 32, 32, 3))],
            InputRequest(layout="CTHW"),
            "by --layout CTHW has no 1 or 3 channels",
        ),
        (
            [TensorForm("x", (1, 8, 32, 32, 3)), TensorForm("y", (1, 7))],
            InputRequest(),
            r"'y' \[1, 7\] float32, which is no mask of its frames: .*--constant y=NUMBER",
        ),
        (
            [TensorForm("x", (1, 8, 5)), TensorForm("y", (1, 7))],
            InputRequest(constants={"z": [1.0]}),
            "has no input 'z'",
        ),
        (
            [TensorForm("x", (1, 8, 5)), TensorForm("y", (1, 7))],
            InputRequest(constants={"y": [1.0, 2.0]}),
            "--constant y has 2 numbers, and .* takes 7",
        ),
        (
            [TensorForm("x", (1, 8, 32, 32, 3)), TensorForm("y", (1, 4, 20, 16, 3))],
            InputRequest(),
            "a second input of images takes some frames of the same clip",
        ),
        (
            [TensorForm("x", (1, 8, 32, 32, 3)), TensorForm("y", (1, 3, 32, 32, 3))],
            InputRequest(sampling={"y": "every:4"}),
            "y=every:4 takes 2 of 8 frames, .* takes 3",
        ),
        (
            [TensorForm("x", (1, 8, 32, 32, 3))],
            InputRequest(sampling={"y": "last"}),
            "has no second input of images 'y'",
        ),
        ([TensorForm("x", (1, 8, 5), "int32")], InputRequest(), r"takes \[1, 8, 5\] int32"),
        (
            [TensorForm("x", (None,), "string")],
            InputRequest(),
            r"\[any\] string, encoded pictures or text: save what comes behind the decoding",
        ),
        (
            [TensorForm("x", (1, 8, 5)), TensorForm("m", (1, 9))],
            InputRequest(),
            "'m' .* is no mask of its frames",
        ),
        (
            [TensorForm("x", (1, 8, 5)), TensorForm("y", (1, 8, 7))],
            InputRequest(),
            "has 2 inputs .*only one can be the images or features",
        ),
        (
            [TensorForm(name, (1, 24, 24, 3)) for name in ("first", "second", "third")],
            InputRequest(),
            r"has 3 inputs of one frame each .*that takes it apart, model\(x\[:, 0\], x\[:, 1\], ...\)",
        ),
    ],
)
def test_what_stays_open_or_does_not_fit_is_one_line(tensors, request_, message: str) -> None:
    with pytest.raises(ModelError, match=message) as refused:
        network_inputs("net", tensors, request_)
    assert "\n" not in str(refused.value)


def _masked_mean() -> keras.Model:
    values, mask = keras.Input((None, 5), name="values"), keras.Input((None, 1), name="mask")
    mean = ops.sum(layers.Conv1D(4, 3, padding="same")(values) * mask, axis=1) / ops.sum(
        mask, axis=1
    )
    return keras.Model([values, mask], {"score": layers.Dense(2, name="score")(mean)})


def test_a_tflite_and_a_saved_model_get_masks_of_ones_and_a_window(tmp_path: Path) -> None:
    network = _masked_mean()
    network.export(tmp_path / "saved", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    (tmp_path / "net.tflite").write_bytes(converter.convert())
    values = np.random.default_rng(0).normal(size=(1, 6, 5)).astype(np.float32)
    expected = network([values, np.ones((1, 6, 1))])["score"]
    for name in ("net.tflite", "saved"):
        model = float_tflite(tmp_path / name, request=InputRequest(window=6))
        assert list(flatbuffer.signature(model.model)[0]) == ["features"]
        (answer,) = run(model.model, {"features": values}).values()
        np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_a_network_of_images_with_open_sizes_is_cut_with_those_that_are_said(
    tmp_path: Path,
) -> None:
    window = keras.Input((None, None, None, 3))
    maps = layers.TimeDistributed(layers.Conv2D(4, 3, 2, activation="relu"))(window)
    pooled = layers.TimeDistributed(layers.GlobalAveragePooling2D())(maps)
    keras.Model(window, layers.Dense(2)(layers.GRU(3)(pooled))).save(tmp_path / "open.keras")
    (tmp_path / "clips" / "one").mkdir(parents=True)
    for number, frame in enumerate(tiny.frames(5, height=24, width=40)):
        cv2.imwrite(str(tmp_path / "clips" / "one" / f"{number}.png"), frame)
    words = [str(tmp_path / "open.keras"), "--explain"]
    hint = CliRunner().invoke(main, [*words, "--calibration", str(tmp_path / "clips")])
    assert "its window and height and width are open, and clips does not say it" in hint.stderr
    assert "(one in clips holds 5 frames of 24x40; a smaller size may do)" in hint.stderr
    explained = CliRunner().invoke(main, [*words, "--window", "4", "--size", "16x24"])
    assert explained.exit_code == 0, explained.output
    assert "over_time" in explained.stdout or "cut behind" in explained.stdout
