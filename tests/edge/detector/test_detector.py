"""A detector's outputs as boxes in the frame's pixels: what is kept, and what is no box."""

import numpy as np
import pytest

from edge import EdgeError
from edge.bundle import DetectionSpec, Resize, Suppression, open_bundle
from edge.detector import Detector
from edge.stream import Region, Stream, StreamOptions
from tests.detectors import SSD, constants, ssd, wrapped

FRAME = np.zeros((100, 200, 3), np.uint8)


def test_the_surest_box_comes_first() -> None:
    found = Detector(ssd([[0.1, 0.2, 0.5, 0.4], [0.5, 0.5, 1, 1]], [0.6, 0.9])).find(FRAME)
    assert found.boxes.tolist() == [[100, 50, 200, 100], [40, 10, 80, 50]]
    assert found.scores == pytest.approx([0.9, 0.6])
    assert (found.boxes.dtype, found.scores.dtype) == (np.float32, np.float32)


def test_a_score_below_is_no_box() -> None:
    bundle = ssd([[0, 0, 1, 1]] * 4, [0.5, 0.49, np.nan, np.inf])
    assert Detector(bundle).find(FRAME).scores == pytest.approx([0.5])


def test_only_classes_that_are_looked_for_are_found() -> None:
    bundle = ssd([[0, 0, 1, 1]] * 3, [0.9, 0.8, 0.7], [0, 1, 2], classes=(1,))
    assert Detector(bundle).find(FRAME).scores == pytest.approx([0.8])


@pytest.mark.parametrize(("count", "boxes"), [(2, 2), (0, 0), (np.nan, 0), (-1, 0), (99, 3)])
def test_only_as_many_boxes_as_are_counted_are_read(count: float, boxes: int) -> None:
    found = Detector(ssd([[0, 0, 1, 1]] * 3, [0.9, 0.8, 0.7], count=count)).find(FRAME)
    assert len(found) == boxes


def test_what_is_outside_of_the_frame_is_cut_off_or_no_box() -> None:
    boxes = [
        [-0.5, -0.5, 0.5, 0.5],
        [1.5, 1.5, 2, 2],
        [0.5, 0.5, 0.5, 0.9],
        [0.9, 0.9, 0.1, 0.1],
        [np.nan, 0, 1, 1],
        [-np.inf, 0, np.inf, 1],
        [-3e38, -3e38, 3e38, 3e38],
    ]
    found = Detector(ssd(boxes, [0.9] * 7, nms=Suppression())).find(FRAME)
    assert found.boxes.tolist() == [[0, 0, 100, 50]]


def test_a_thousand_boxes_are_cut_to_the_limit_before_they_are_compared() -> None:
    start = np.random.default_rng(0).random((1000, 2)) * 0.9
    boxes, scores = np.concatenate([start, start + 0.1], axis=1), np.linspace(0.5, 1, 1000)
    found = Detector(ssd(boxes, scores, limit=20)).find(FRAME)
    assert found.scores == pytest.approx(scores[:-21:-1])


def test_a_frame_of_one_pixel_has_boxes_inside() -> None:
    found = Detector(ssd([[0, 0, 0.5, 1]], [0.9])).find(np.zeros((1, 1, 3), np.uint8))
    assert found.boxes.tolist() == [[0, 0, 1, 0.5]]


def test_of_boxes_around_one_thing_the_surest_is_kept() -> None:
    bundle = ssd([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.52], [0.6, 0.6, 1, 1]], [0.8, 0.9, 0.7])
    boxes = [[0, 0, 104, 50], [120, 60, 200, 100]]
    spec = DetectionSpec(boxes=SSD, nms=Suppression())
    found = Detector(wrapped(bundle.members["detector.tflite"], spec)).find(FRAME)
    assert found.boxes == pytest.approx(np.array(boxes))


WHOLE = constants(boxes=[[[0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75]]], scores=[[0.9, 0.8]])


@pytest.mark.parametrize(
    ("resize", "region", "boxes"),
    [
        (Resize(), "full", [[0, 0, 200, 300], [50, 75, 150, 225]]),
        (Resize("letterbox"), "full", [[0, 0, 200, 300], [0, 75, 200, 225]]),
        (Resize("crop"), "full", [[0, 100, 200, 200], [50, 125, 150, 175]]),
        (Resize(), "20,30,100,50", [[20, 30, 120, 80], [45, 42.5, 95, 67.5]]),
        (Resize("letterbox"), "20,30,100,100", [[0, 30, 170, 130], [20, 55, 120, 105]]),
    ],
)
def test_boxes_come_back_through_the_resize(
    resize: Resize, region: str, boxes: list[list[float]]
) -> None:
    """The input is 40 x 20, the frame 200 x 300."""
    bundle = wrapped(WHOLE, DetectionSpec(boxes=type(SSD)("boxes", "scores")), resize)
    frame, part = np.zeros((300, 200, 3), np.uint8), Region.parse(region)
    found = Detector(bundle, StreamOptions(region=part)).find(frame)
    assert found.boxes == pytest.approx(np.array(boxes, np.float32), abs=0.01)
    again = Detector(bundle).find(frame, part)
    assert again.boxes.tolist() == found.boxes.tolist()


def test_a_bundle_with_tasks_is_no_detector() -> None:
    with pytest.raises(EdgeError, match="faces-in-motion is no detector"):
        Detector(open_bundle("faces-in-motion"))


def test_a_detector_answers_no_tasks() -> None:
    with pytest.raises(EdgeError, match="test-detector is a detector"):
        Stream(ssd([[0, 0, 1, 1]], [0.9]))
