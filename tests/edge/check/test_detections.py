"""The self-test of a detector: its golden boxes are found again, or it fails."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import open_bundle, write_bundle
from edge.check.detections import largest_difference
from edge.check.self_test import self_test
from edge.cli import main
from edge_common import BundleError, SelfTestFailed
from tests.detectors import bright_spots, with_golden

FRAMES = np.zeros((2, 32, 64, 3), np.uint8)
FRAMES[0, 8:12, 16:20] = 255
FRAMES[1, 20:24, 4:8] = FRAMES[1, 4:8, 40:44] = 200
BUNDLE = with_golden(bright_spots(), FRAMES)


def test_a_detector_finds_its_golden_boxes(tmp_path: Path) -> None:
    written = write_bundle(tmp_path / "spots.edge", BUNDLE.manifest, BUNDLE.members)
    assert open_bundle(tmp_path / "spots.edge") == written
    assert written.golden["boxes"][:, :2].tolist() == [
        [[14, 6, 22, 14], [0, 0, 0, 0]],
        [[38, 2, 46, 10], [2, 18, 10, 26]],
    ]
    result = self_test(written)
    assert (result.decisions, result.largest_difference, result.exact) == (3, 0.0, True)


def test_the_command_says_so(tmp_path: Path) -> None:
    path = tmp_path / "spots.edge"
    write_bundle(path, BUNDLE.manifest, BUNDLE.members)
    result = CliRunner().invoke(main, [str(path), "--self-test"])
    assert result.output == "self-test passed: 3 boxes as expected, bit for bit\n"
    fields = json.loads(CliRunner().invoke(main, [str(path), "--self-test", "--json"]).output)
    assert (fields["decisions"], fields["exact"]) == (3, True)


def test_a_golden_box_that_is_not_found_fails() -> None:
    golden = BUNDLE.golden
    boxes, scores = golden["boxes"].copy(), golden["scores"].copy()
    boxes[1, 2], scores[1, 2] = (50, 20, 60, 30), 0.7
    with pytest.raises(SelfTestFailed, match="1 sure boxes of golden frame 1 are found here or"):
        self_test(with_golden(bright_spots(), FRAMES, boxes=boxes, scores=scores))


def test_a_box_that_is_new_fails() -> None:
    scores = BUNDLE.golden["scores"].copy()
    boxes = BUNDLE.golden["boxes"].copy()
    scores[1, 1], boxes[1, 1] = 0, 0
    with pytest.raises(SelfTestFailed, match="1 sure boxes of golden frame 1"):
        self_test(with_golden(bright_spots(), FRAMES, boxes=boxes, scores=scores))


def test_a_box_may_move_and_waver_a_little() -> None:
    golden = BUNDLE.golden
    boxes, scores = golden["boxes"].copy(), golden["scores"].copy()
    boxes[0, 0, 0] -= 1
    scores[0, 0] -= 0.05
    boxes[1, 3], scores[1, 3] = (50, 20, 60, 30), 0.55  # barely high enough
    assert largest_difference(golden, {"boxes": boxes, "scores": scores}, 0.5) == pytest.approx(
        1 / 9
    )


def test_golden_frames_without_boxes_prove_nothing() -> None:
    with pytest.raises(SelfTestFailed, match="show nothing to find"):
        self_test(with_golden(bright_spots(), np.zeros_like(FRAMES)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_golden_boxes_are_numbers(value: float) -> None:
    boxes = BUNDLE.golden["boxes"].copy()
    boxes[0, 0, 0] = value
    with pytest.raises(BundleError, match="'boxes' holds what is no number"):
        self_test(with_golden(bright_spots(), FRAMES, boxes=boxes))


def test_golden_boxes_are_as_many_as_the_limit() -> None:
    scores = BUNDLE.golden["scores"][:, :5]
    with pytest.raises(BundleError, match=r"'scores' is not float32 of shape \(2, 100\)"):
        self_test(with_golden(bright_spots(), FRAMES, scores=scores))
