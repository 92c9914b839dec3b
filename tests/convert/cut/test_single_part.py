"""What cannot be streamed becomes one part, and says why."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from edge.bundle import SINGLE_FRAME, WHOLE_WINDOW, open_bundle
from edge.stream import Stream
from edge_convert.cli import main
from tests import tiny


def _picture_model() -> keras.Model:
    keras.utils.set_random_seed(1)
    backbone = tiny.frame_model()
    pooled = layers.GlobalAveragePooling2D()(backbone.output)
    answers = {
        "kind": layers.Dense(3, activation="softmax", name="kind")(pooled),
        "size": layers.Dense(1, name="size")(pooled),
    }
    return keras.Model(backbone.input, answers, name="picture")


def _one_frame_window() -> keras.Model:
    keras.utils.set_random_seed(2)
    window = keras.Input((1, tiny.SIZE, tiny.SIZE, 3))
    maps = layers.TimeDistributed(tiny.frame_model())(window)
    pooled = layers.TimeDistributed(layers.GlobalAveragePooling2D())(maps)
    return keras.Model(
        window, layers.Dense(3, activation="softmax", name="kind")(layers.LSTM(4)(pooled))
    )


def _mixes_raw_frames() -> keras.Model:
    keras.utils.set_random_seed(3)
    window = keras.Input((tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3))
    x = layers.Rescaling(1 / 255)(window)
    x = layers.Dense(8, activation="relu", name="mixer")(layers.Flatten()(x))
    return keras.Model(window, layers.Dense(3, activation="softmax", name="kind")(x))


@pytest.fixture
def picture_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, frame in enumerate(tiny.frames(24, 48, 40)):
        cv2.imwrite(str(folder / f"{number}.png"), frame)
    return folder


@pytest.mark.parametrize(
    ("build", "streaming", "reason"),
    [
        (_picture_model, SINGLE_FRAME, "it looks at a single frame"),
        (_one_frame_window, SINGLE_FRAME, "it looks at a single frame"),
        (_mixes_raw_frames, WHOLE_WINDOW, "all the work is done on the whole window"),
    ],
)
def test_one_part_that_runs_and_says_why(
    convert, picture_folder: Path, build, streaming: str, reason: str
) -> None:
    bundle, conversion = convert(build(), calibration=picture_folder)
    assert bundle.manifest.streaming == streaming
    assert [(p.role, p.precision) for p in bundle.manifest.parts] == [("model", "int8")]
    assert reason in conversion.network.uncut
    assert f"One part: {conversion.network.uncut}" in bundle.members["report.md"].decode()
    assert conversion.report.ring_difference == 0.0
    stream = Stream(open_bundle(bundle.path))
    decisions = [stream.push(frame) for frame in tiny.frames(6, 30, 50)]
    assert [d is not None for d in decisions] == [i >= bundle.manifest.window - 1 for i in range(6)]


def test_the_reason_is_printed(cli: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "picture.keras"
    _picture_model().save(path)
    done = cli.invoke(main, [str(path), "--explain"])
    assert done.exit_code == 0
    assert "picture.keras becomes one part: it looks at a single frame" in done.stdout


def test_the_search_also_covers_a_single_part(convert, picture_folder: Path) -> None:
    bundle, conversion = convert(
        _picture_model(), calibration=picture_folder, encoder_precision="auto", max_drop=2.0
    )
    tried = {a.recipe.precision for a in conversion.report.search.candidates}
    assert tried == {"int8", "dynamic_range", "float16", "float32"}
    assert conversion.report.search.chosen.worst <= 2.0
    assert np.isfinite(bundle.golden["kind"]).all()
