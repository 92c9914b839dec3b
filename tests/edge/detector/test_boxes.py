"""Laws of suppressing boxes and of bringing them into a frame."""

import numpy as np
from hypothesis import given, strategies as st

from edge.bundle import Suppression
from edge.detector.boxes import Detections, highest, in_frame, suppress
from edge.input_spec import Resize
from edge.overlap import overlaps

SIDE = st.integers(1, 60)


@st.composite
def detections(draw: st.DrawFn) -> Detections:
    rows = draw(st.lists(st.tuples(SIDE, SIDE, SIDE, SIDE, st.integers(1, 100)), max_size=12))
    values = np.array(rows, np.float32).reshape(-1, 5)
    values = values[highest(values[:, 4], 100)]
    boxes = np.concatenate([values[:, :2], values[:, :2] + values[:, 2:4]], axis=1)
    return Detections(boxes, values[:, 4] / 100)


@given(detections(), st.sampled_from([0.1, 0.5, 0.9]))
def test_what_is_left_overlaps_no_more_and_what_went_did(found: Detections, iou: float) -> None:
    result = suppress(found, Suppression(iou))
    shares = overlaps(result.boxes, result.boxes)
    assert (shares[~np.eye(len(result), dtype=bool)] <= iou).all()
    near = overlaps(found.boxes, result.boxes) > iou
    kept = (found.boxes[:, None] == result.boxes).all(axis=2)
    assert (near | kept).any(axis=1).all()
    assert (np.diff(result.scores) <= 0).all()


@given(detections(), st.sampled_from([0.1, 0.5, 0.9]))
def test_once_is_enough(found: Detections, iou: float) -> None:
    result = suppress(found, Suppression(iou))
    again = suppress(result, Suppression(iou))
    assert again.boxes.tolist() == result.boxes.tolist()


@given(detections())
def test_a_mean_of_boxes_lies_between_them(found: Detections) -> None:
    hard, weighted = (suppress(found, Suppression(0.3, kind)) for kind in (False, True))
    assert hard.scores.tolist() == weighted.scores.tolist()
    if len(found):
        low, high = found.boxes.min(axis=0) - 1e-3, found.boxes.max(axis=0) + 1e-3
        assert ((low <= weighted.boxes) & (weighted.boxes <= high)).all()


def test_a_mean_is_weighted_by_scores() -> None:
    found = Detections(np.float32([[0, 0, 10, 10], [0, 0, 10, 14]]), np.float32([0.75, 0.25]))
    result = suppress(found, Suppression(0.5, weighted=True))
    assert result.boxes.tolist() == [[0, 0, 10, 11]]
    assert result.scores.tolist() == found.scores.tolist()[:1]


@given(detections())
def test_an_overlap_is_a_share_that_is_mutual(found: Detections) -> None:
    shares = overlaps(found.boxes, found.boxes)
    assert np.allclose(shares, shares.T)
    assert np.allclose(np.diag(shares), 1)
    assert ((shares >= 0) & (shares <= 1 + 1e-6)).all()


@given(
    st.tuples(SIDE, SIDE),
    st.tuples(SIDE, SIDE),
    st.sampled_from(["stretch", "letterbox"]),
    st.tuples(*[st.floats(0, 1, width=32)] * 4),
)
def test_a_box_of_the_frame_comes_back_from_the_input(
    size: tuple[int, int], frame: tuple[int, int], kind: str, corners: tuple[float, ...]
) -> None:
    target = Resize(kind).place(frame, size)
    x, y = sorted(corners[:2]), sorted(corners[2:])
    shares = np.array([x[0], y[0], x[1], y[1]], np.float32)
    inside = shares * (*target[2:], *target[2:]) + (*target[:2], *target[:2])
    whole = (0, 0, *frame)
    result = in_frame(inside[None].astype(np.float32), np.float32([1]), target, whole, frame)
    expected = shares * (*frame, *frame)
    if (expected[2:] - expected[:2]).min() > 1e-3:
        assert np.allclose(result.boxes, expected[None], atol=1e-2)
