"""Detectors by name: a plain .tflite with a few lines of TOML, bundles, and what is none."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge import EdgeError
from edge.bundle import Suppression, write_bundle
from edge.cli import main
from edge.detector import Detections, Detector, open_detector
from edge.detector.open import PlainDetector
from edge_common import decode
from edge_common.data import toml_parser
from tests.detectors import bright_spots, constants, post_processed
from tests.flat_models import colour_model
from tests.wheels import ROOT

FRAME = np.zeros((100, 200, 3), np.uint8)
CENTRES, SCORES = [[0.5, 0.5], [0.2, 0.8]], [[0.1, 0.9], [0.8, 0.2]]
FOUR = {
    "where": np.float32([[[0.1, 0.2, 0.5, 0.4]]]),
    "sure": np.float32([[0.9]]),
    "kinds": np.float32([[0]]),
    "many": np.float32([1]),
}


def saved(folder: Path, model: bytes, toml: str | None = None) -> Path:
    path = folder / "ssd.tflite"
    path.write_bytes(model)
    if toml is not None:
        path.with_suffix(".toml").write_text(toml)
    return path


def find(name: Path) -> Detections:
    return Detector(open_detector(str(name))).find(FRAME)


def refusal(name: str | Path) -> str:
    with pytest.raises(EdgeError) as error:
        open_detector(str(name))
    assert error.value.exit_code == 2
    return str(error.value)


def test_an_exported_ssd_needs_no_line(tmp_path: Path) -> None:
    path = saved(tmp_path, post_processed(CENTRES, SCORES))
    found = find(path)
    assert found.boxes == pytest.approx(np.array([[80, 40, 120, 60], [140, 10, 180, 30]]), abs=1e-3)
    assert found.scores == pytest.approx([0.9, 0.8])
    assert open_detector(str(path)).assumptions == (
        "input 20 x 40 RGB, 0..1 (assumed: input_range (in ssd.toml) says otherwise); all "
        "classes (assumed: classes = [0] in ssd.toml says otherwise)"
    )


def test_a_few_lines_beside_it_say_what_is_looked_for(tmp_path: Path) -> None:
    path = saved(tmp_path, post_processed(CENTRES, SCORES), "score = 0.6\nclasses = [0]\n")
    for name in (path, path.with_suffix(".toml")):
        assert find(name).scores == pytest.approx([0.8])


def test_outputs_are_named_where_the_file_does_not_say(tmp_path: Path) -> None:
    path = saved(tmp_path, constants(**FOUR))
    assert refusal(path) == (
        f"{path} does not say which of its outputs are boxes and scores: name them in "
        f"{path.with_suffix('.toml')} under [boxes], [centres] or [anchors]; there are "
        "'where' [1, 1, 4], 'sure' [1, 1], 'kinds' [1, 1], 'many' [1]"
    )
    lines = '[boxes]\nboxes = "where"\nscores = "sure"\nclasses = "kinds"\ncount = "many"\n'
    saved(tmp_path, constants(**FOUR), lines)
    assert find(path).boxes.tolist() == [[40, 10, 80, 50]]


def test_its_input_is_told_as_on_the_command_line(tmp_path: Path) -> None:
    lines = (
        'input_range = [-1, 1]\ncolour_order = "BGR"\nresize = "letterbox:114"\nclasses = [1]\n'
        "[nms]\niou = 0.4\n"
    )
    bundle = open_detector(str(saved(tmp_path, post_processed(CENTRES, SCORES), lines)))
    frames = bundle.manifest.input
    assert frames.preparation == "BGR, -1..1, letterbox:114"
    assert bundle.manifest.detection is not None
    assert bundle.manifest.detection.nms == Suppression(0.4)
    assert bundle.assumptions == "input 20 x 40 BGR, -1..1 (as asked for); letterbox:114"


def test_it_becomes_a_bundle(tmp_path: Path) -> None:
    bundle = open_detector(str(saved(tmp_path, post_processed(CENTRES, SCORES))))
    write_bundle(tmp_path / "own.edge", bundle.manifest, bundle.members)
    assert find(tmp_path / "own.edge").scores == pytest.approx([0.9, 0.8])


def test_another_name_of_the_model(tmp_path: Path) -> None:
    saved(tmp_path, post_processed(CENTRES, SCORES))
    (tmp_path / "people.toml").write_text('model = "ssd.tflite"\nclasses = [1]\n')
    assert find(tmp_path / "people.toml").scores == pytest.approx([0.9])
    other = tmp_path / "people.tflite"
    other.write_bytes((tmp_path / "ssd.tflite").read_bytes())
    assert "is of ssd.tflite, not of people.tflite" in refusal(other)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("scores = 0.4", "TOML: unknown key 'scores'; did you mean 'score'?"),
        ("score = 4", "TOML: a score of 4 (above 0, up to 1 is possible)"),
        ("score = nan", "TOML: key 'score' should be a number, not nan"),
        ("classes = [-1]", "TOML: the classes [-1]"),
        ("[nms]\niou = 2", "TOML: an iou of 2 (0 to 1 is possible)"),
        ('colour_order = "RBG"', "TOML: colour_order 'RBG' is not RGB or BGR"),
        ('resize = "fit"', "TOML: 'fit' is no way to resize: use stretch, letterbox, "),
        ("input_range = [1, 1]", "TOML: black and white are both 1 by that input range"),
        ("std = [0]", "TOML: a std of 0 divides by nothing: give another one"),
        ('[boxes]\nscores = "t2"\nboxes = 1', "TOML: key 'boxes.boxes' should be text, not 1"),
        ('[boxes]\nboxes = "a"', "TOML: key 'boxes.scores' is missing"),
        (
            '[boxes]\nboxes = "a"\nscores = "t2"',
            "TOML: no output is called 'a'; there are t1, t2, t3, t4",
        ),
        ('[boxes]\nboxes = "t2"\nscores = "t2"', "TOML: 't2' is of shape [1, 2], and [1, 2, 4] is"),
        ('[boxes]\nboxes = ""\nscores = "t2"', "TOML: no output is called ''; there are t1, "),
        ('model = "b.tflite"', "FOLDER/b.tflite cannot be read: No such file or directory"),
        ('model = "\\u0000"', r"TOML: model '\x00' is not the name of a file"),
        ("score = ", "TOML: is not TOML: "),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, lines: str, message: str) -> None:
    toml = saved(tmp_path, post_processed(CENTRES, SCORES), lines).with_suffix(".toml")
    expected = message.replace("TOML", str(toml), 1).replace("FOLDER", str(tmp_path))
    assert refusal(toml).startswith(expected)


def test_files_that_are_no_detectors(tmp_path: Path) -> None:
    assert refusal("face").startswith("face is no detector but answers age, ")
    assert refusal("nobody").startswith("there is no bundle 'nobody': give a path, or a shipped ")
    assert refusal(tmp_path / "x.tflite").endswith("cannot be read: No such file or directory")
    path = saved(tmp_path, colour_model("SOFTMAX"))
    assert "does not say which of its outputs are boxes" in refusal(path)
    assert refusal(tmp_path / "x.toml").endswith("cannot be read: No such file or directory")


def test_a_bundle_of_a_detector(tmp_path: Path) -> None:
    bundle = bright_spots()
    write_bundle(tmp_path / "spots.edge", bundle.manifest, bundle.members)
    frame = np.zeros((64, 128, 3), np.uint8)
    frame[16:24, 32:40] = 255
    assert find_in(tmp_path / "spots.edge", frame).boxes.tolist() == [[28, 12, 44, 28]]


def find_in(name: Path, frame: np.ndarray) -> Detections:
    return Detector(open_detector(str(name))).find(frame)


def test_both_bundles_the_wrong_way_round(tmp_path: Path) -> None:
    spots, frame = tmp_path / "spots.edge", tmp_path / "frame.png"
    write_bundle(spots, bright_spots().manifest, bright_spots().members)
    cv2.imwrite(str(frame), FRAME)
    for bundle, detector, message in (
        ("face", "face", "face is no detector but answers age, "),
        (spots, spots, "test-detector is a detector, which finds boxes and answers no tasks: "),
        (spots, "", "test-detector is a detector, which finds boxes and answers no tasks: "),
    ):
        detectors = ["--detector", str(detector)] if detector else []
        result = CliRunner().invoke(main, [str(bundle), *detectors, "--source", str(frame)])
        assert result.exit_code == 2
        assert result.stderr.startswith(f"Error: {message}")
        assert result.stderr.count("\n") == 1


def test_what_the_document_shows_can_be_read() -> None:
    text = (ROOT / "docs/people.md").read_text()
    blocks = [
        b
        for b in re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        if "score" in b
    ]
    for block in blocks:
        stated = decode(PlainDetector, toml_parser().loads(block))
        assert stated.description("x.toml").spec(128, 128, 3)
    assert len(blocks) == 3
