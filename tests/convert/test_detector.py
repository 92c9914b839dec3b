"""A network that finds bright spots becomes a detector of integers."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from edge.bundle import Bundle, open_bundle
from edge.check.self_test import self_test
from edge.detector import Detections, Detector
from edge_common import ConfigError, DataError, ModelError
from edge_convert import cli, detector
from edge_convert.request import ConversionRequest
from tests import tiny

WIDTH, HEIGHT, SIDE = 64, 32, 8
SPOTS = """\
score = 0.4
classes = [0]
labels = ["spot"]
[centres]
heatmap = "heatmap"
size = "sides"
[nms]
iou = 0.5
"""


def network() -> keras.Model:
    """How bright each place of 4 x 4 pixels is, and boxes of which half of SIDE is on each side."""
    frame = keras.Input(batch_shape=(1, HEIGHT, WIDTH, 3))
    pooled = layers.AveragePooling2D(4)(frame)
    bright = layers.Conv2D(1, 1, activation="sigmoid", name="heatmap")
    sides = layers.Conv2D(4, 1, name="sides")
    outputs = {"heatmap": bright(pooled), "sides": sides(pooled)}
    bright.set_weights([np.full((1, 1, 3, 1), 4 / 255), np.float32([-6])])
    sides.set_weights([np.full((1, 1, 3, 4), 1e-4), np.float32([0, 0, SIDE, SIDE])])
    return keras.Model(frame, outputs)


def frames(count: int, seed: int = 0) -> np.ndarray:
    """One spot in each: uint8 (count, 1, HEIGHT, WIDTH, 3)."""
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 60, (count, 1, HEIGHT, WIDTH, 3), dtype=np.uint8)
    for picture in pictures[:, 0]:
        row, column = random.integers(HEIGHT // 4 - 1), random.integers(WIDTH // 4 - 1)
        picture[4 * row :, 4 * column :][:4, :4] = random.integers(180, 256)
    return pictures


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("spots")
    network().save(folder / "spots.keras")
    (folder / "spots.toml").write_text(SPOTS)
    np.savez(folder / "clips.npz", clips=frames(24))
    return {
        "model": folder / "spots.keras", "detection": folder / "spots.toml",
        "calibration": folder / "clips.npz", "output": folder / "spots.edge",
    }  # fmt: skip


@pytest.fixture(scope="module")
def spots(inputs: dict[str, Path]) -> Bundle:
    """Through the command, in a precision that is stated, since a search takes its time."""
    arguments = [
        str(inputs["model"]), "-o", str(inputs["output"]), "--detection", str(inputs["detection"]),
        "--calibration", str(inputs["calibration"]), "--encoder-precision", "int8",
    ]  # fmt: skip
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 0, result.output
    assert "boxes" in result.output
    return open_bundle(inputs["output"])


def test_the_bundle_says_that_it_finds_boxes(spots: Bundle) -> None:
    manifest = spots.manifest
    (part,) = manifest.parts
    assert (manifest.schema, manifest.streaming, manifest.window) == (5, "single-frame", 1)
    assert (part.role, part.precision, manifest.tasks) == ("detector", "int8", ())
    assert manifest.detection and manifest.detection.labels == ("spot",)
    report = spots.members["report.md"].decode()
    assert "finds spot" in report
    assert "boxes: streamed against float, 24 clips" in report


def test_it_finds_the_spot_where_it_is(spots: Bundle) -> None:
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    frame[8:12, 40:44] = 255
    found = Detector(spots).find(frame)
    np.testing.assert_allclose(found.boxes, [[40, 8, 48, 16]], atol=0.1)


def test_its_golden_frames_are_those_in_which_most_is_found(spots: Bundle) -> None:
    assert spots.golden["frames"].shape == (4, HEIGHT, WIDTH, 3)
    assert (spots.golden["scores"][:, 0] > 0.5).all()
    assert self_test(spots).exact


REFUSED: dict[str, tuple[type[Exception], dict[str, Any], str]] = {
    "a file that lacks its outputs": (ConfigError, {}, "no output is called 'maps'"),
    "a file with another key": (DataError, {}, "bad.toml: .*scroe"),
    "accuracy of tasks": (ConfigError, {"validation": Path("v.npz")}, "leave out --validation"),
    "a cut": (ConfigError, {"cut": "heatmap", "whole_window": True}, "--cut, --whole-window"),
    "no file": (ConfigError, {"detection": None}, "needs --detection"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(inputs: dict[str, Path], tmp_path: Path, case: str) -> None:
    error, options, message = REFUSED[case]
    changed = {
        "a file that lacks its outputs": SPOTS.replace('"sides"', '"maps"'),
        "a file with another key": SPOTS.replace("score", "scroe"),
    }
    if case in changed:
        (tmp_path / "bad.toml").write_text(changed[case])
        options = {"detection": tmp_path / "bad.toml"}
    request = ConversionRequest(**{**inputs, "output": tmp_path / "x.edge", **options})
    with pytest.raises(error, match=message):
        detector.DetectorConversion(request).run()
    assert not (tmp_path / "x.edge").exists()


def test_a_network_of_windows_is_no_detector(inputs: dict[str, Path], tmp_path: Path) -> None:
    tiny.window_model().save(tmp_path / "window.keras")
    np.savez(tmp_path / "clips.npz", clips=tiny.labelled_clips(8)["clips"])
    options = {"model": tmp_path / "window.keras", "calibration": tmp_path / "clips.npz"}
    request = ConversionRequest(**{**inputs, **options, "output": tmp_path / "x.edge"})
    with pytest.raises(ModelError, match="looks at 4 frames: a detector looks at one"):
        detector.DetectorConversion(request).run()


def boxes(*scored: tuple[float, int]) -> Detections:
    """Scores, and where boxes of 10 x 10 begin."""
    corners = [(left, 0, left + 10, 10) for _, left in scored]
    scores = np.array([score for score, _ in scored], np.float32)
    return Detections(np.array(corners, np.float32).reshape(-1, 4), scores)


def test_the_loss_is_what_is_not_found_again() -> None:
    reference = [boxes((0.9, 0), (0.6, 40)), boxes((0.7, 0))]
    assert detector.loss(reference, reference).points == 0
    less = detector.loss([boxes((0.9, 0)), boxes((0.7, 0))], reference)
    assert less.points == pytest.approx(100 / 3)
    assert less.low <= less.points <= less.high
    assert (less.n, less.task, less.against) == (2, "boxes", "float")


def test_a_box_that_rose_above_the_score_costs_nothing_behind_the_others() -> None:
    reference = [boxes((0.9, 0))]
    assert detector.loss([boxes((0.9, 0), (0.41, 40))], reference).points == 0
    assert detector.loss([boxes((0.95, 40), (0.9, 0))], reference).points == 50
