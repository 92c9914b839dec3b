"""The program that follows what people drew, on a sequence that is made here."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from examples.track_truth import main
from tests.detectors import post_processed

FIFTH = ["93.3", "86.8", "86.8", "87.5", "0.0"]  # the first five frames know nobody


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    """Two who walk past each other, in frames without anything to see."""
    rows = [
        f"{frame},{person},{start + 3 * frame * way},200,40,100,1"
        for frame in range(1, 41)
        for person, start, way in ((1, 100, 1), (2, 400, -1))
    ]
    for folder in ("gt", "img1"):
        (tmp_path / folder).mkdir()
    (tmp_path / "gt/gt.txt").write_text("\n".join(rows))
    (tmp_path / "seqinfo.ini").write_text(
        "[Sequence]\nframeRate=25\nseqLength=40\nimWidth=640\nimHeight=480\n"
    )
    for frame in range(1, 41):
        cv2.imwrite(str(tmp_path / f"img1/{frame:06d}.jpg"), np.zeros((480, 640, 3), np.uint8))
    return tmp_path


def rows_of(*arguments: str) -> dict[str, list[str]]:
    """The first row of each kind of boxes."""
    result = CliRunner().invoke(main, [*arguments, "--seeds", "1"])
    assert result.exit_code == 0, result.stderr
    assert "10 people, ms a frame: ours " in result.stdout
    lines = [line.split(" ours ") for line in result.stdout.splitlines()[2:] if " ours " in line]
    return {case.strip(): figures.split() for case, figures in lines}


def test_two_who_walk_are_followed(sequence: Path) -> None:
    assert rows_of(str(sequence))["as drawn"] == ["98.7", "97.0", "97.0", "97.5", "0.0"]


def test_between_two_searches_they_are_expected(sequence: Path) -> None:
    assert rows_of(str(sequence), "--every", "5")["as drawn"] == FIFTH


def test_a_detector_finds_boxes_of_its_own(sequence: Path) -> None:
    """It sees one box in each frame, where somebody walks by."""
    path = sequence / "ssd.tflite"
    path.write_bytes(post_processed([[0.52, 0.5], [0.1, 0.9]], [[0.1, 0.9], [0.2, 0.1]]))
    name = str(path)
    figures = rows_of(str(sequence), "--detector", name)[f"of {name}"]
    assert figures[-1] == "0.0"


def test_a_frame_that_is_missing_is_named(sequence: Path) -> None:
    path = sequence / "ssd.tflite"
    path.write_bytes(post_processed([[0.5, 0.5]], [[0.1, 0.9]]))
    (sequence / "img1/000007.jpg").unlink()
    result = CliRunner().invoke(main, [str(sequence), "--seeds", "1", "--detector", str(path)])
    assert result.exit_code == 2
    assert "000007.jpg is missing or no image: get the images of the sequence" in result.stderr
