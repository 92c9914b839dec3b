"""Average precision by hand: few boxes, literal numbers."""

import numpy as np
import pytest

from edge.check.average_precision import Curve, Matches, matched, resamplings
from edge.detector import Detections

HERE, THERE, ASIDE = (0, 0, 10, 10), (20, 0, 30, 10), (5, 0, 15, 10)


def found(*boxes: tuple[float, tuple[int, int, int, int]]) -> Detections:
    """Scores and boxes."""
    scores = np.array([score for score, _ in boxes], np.float32)
    return Detections(np.array([box for _, box in boxes], np.float32).reshape(-1, 4), scores)


def truth(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 4)


def curve(*frames: tuple[Detections, np.ndarray]) -> Curve:
    return matched(*zip(*frames)).curve()


def test_all_that_is_there_and_nothing_else() -> None:
    every = curve((found((0.9, HERE), (0.8, THERE)), truth(THERE, HERE)))
    assert every.average_precision == 1
    assert every.recall_at(1.0) == 1
    assert every.score_at(0.9) == pytest.approx(0.8)


def test_a_second_box_of_the_same_thing_is_wrong() -> None:
    twice = matched([found((0.9, HERE), (0.8, HERE), (0.7, THERE))], [truth(HERE, THERE)])
    assert twice.right.tolist() == [True, False, True]
    # up to half of what is there all are right, then two of three
    assert twice.curve().average_precision == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_a_box_beside_it_overlaps_too_little() -> None:
    beside = curve((found((0.9, ASIDE)), truth(HERE)))
    assert beside.average_precision == 0
    assert beside.recall_at(0.5) == 0
    assert beside.score_at(0.5) == 1


def test_boxes_of_all_frames_are_ranked_together() -> None:
    both = matched([found((0.5, HERE)), found((0.9, ASIDE))], [truth(HERE), truth()])
    assert both.frames.tolist() == [1, 0]
    assert both.curve().average_precision == 0.5
    assert both.curve(np.array([2, 1])).average_precision == pytest.approx(2 / 3)
    assert both.curve(np.array([1, 0])).average_precision == 1


def test_nothing_found_and_nothing_there() -> None:
    assert curve((found(), truth(HERE))).average_precision == 0
    assert curve((found((0.5, HERE)), truth())).average_precision == 0
    assert curve((found(), truth())).recall_at(0.5) == 0


def test_frames_of_a_block_are_drawn_together() -> None:
    counts = resamplings(np.array([7, 7, 9, 9, 9]))
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, 2] == counts[:, 4]).all()
    assert (counts[:, 0] + counts[:, 2] == 2).all()
    assert (counts == resamplings(np.array([7, 7, 9, 9, 9]))).all()


def test_matches_weigh_frames_by_their_things() -> None:
    matches = Matches(np.array([0.9]), np.array([True]), np.array([0]), np.array([1, 3]))
    assert matches.curve().recall.tolist() == [0.25]
