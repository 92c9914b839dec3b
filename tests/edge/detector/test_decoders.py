"""Maps of centres and boxes at anchors: the same boxes as their definitions give."""

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from edge.bundle import (
    AnchorBoxes,
    AnchorGrid,
    CentreMaps,
    DetectionSpec,
    InputSpec,
    TensorSpec,
)
from edge.detector import Detections, Detector
from edge.detector.anchors import anchors
from edge.detector.centres import CentreDecoder
from edge.detector.outputs import Outputs, Scores
from tests.detectors import constants, wrapped

FRAME = np.zeros((20, 40, 3), np.uint8)  # as large as the input


def find(spec: DetectionSpec, **outputs: object) -> Detections:
    return Detector(wrapped(constants(**outputs), spec)).find(FRAME)


def heatmap(*scores: tuple[int, int, float], classes: int = 1) -> np.ndarray:
    """Row, column and score in a map of 5 x 10 places."""
    result = np.zeros((1, 5, 10, classes), np.float32)
    for row, column, score in scores:
        result[0, row, column] = score
    return result


def full(*values: float) -> np.ndarray:
    return np.tile(np.float32(values), (1, 5, 10, 1))


def test_a_box_stands_around_its_centre() -> None:
    spec = DetectionSpec(centres=CentreMaps("heat", "size", "offset"))
    found = find(spec, heat=heatmap((2, 5, 0.8)), size=full(8, 4), offset=full(0.5, 0.25))
    assert found.boxes.tolist() == [[18, 7, 26, 11]]
    assert found.scores == pytest.approx([0.8])


def test_a_box_by_its_distances_to_four_sides() -> None:
    spec = DetectionSpec(centres=CentreMaps("heat", "size", scale=2.0))
    found = find(spec, heat=heatmap((2, 5, 0.8)), size=full(1, 2, 3, 4))
    assert found.boxes.tolist() == [[18, 4, 26, 16]]


def test_a_centre_is_as_high_as_all_around_it() -> None:
    scores = [(0, 0, 0.9), (0, 1, 0.8), (4, 9, 0.7), (3, 8, 0.6), (2, 5, 0.6), (2, 6, 0.6)]
    spec = DetectionSpec(centres=CentreMaps("heat", "size"))
    found = find(spec, heat=heatmap(*scores), size=full(4, 4))
    assert found.scores == pytest.approx([0.9, 0.7, 0.6, 0.6])


def test_a_heatmap_of_logits() -> None:
    spec = DetectionSpec(centres=CentreMaps("heat", "size"), logits=True)
    heat = heatmap((2, 5, np.log(4)), (0, 0, -0.1)) - np.where(heatmap((2, 5, 1)) > 0, 0, 0.2)
    assert find(spec, heat=heat, size=full(4, 4)).scores == pytest.approx([0.8])


def test_a_class_of_several() -> None:
    heat = np.concatenate([heatmap((0, 0, 0.9)), heatmap((2, 5, 0.8)), heatmap((4, 8, 0.7))], -1)
    for classes, scores in (((1,), [0.8]), ((2, 0), [0.9, 0.7]), ((), [0.9, 0.8, 0.7])):
        spec = DetectionSpec(centres=CentreMaps("heat", "size"), classes=classes)
        assert find(spec, heat=heat, size=full(4, 4)).scores == pytest.approx(scores)


@given(
    arrays.arrays(np.float32, (5, 10, 2), elements=st.sampled_from([0.1, 0.5, 0.6, 0.7, np.nan]))
)
def test_centres_are_those_of_the_definition(heat: np.ndarray) -> None:
    spec = DetectionSpec(centres=CentreMaps("heat", "size"), limit=1000)
    found = find(spec, heat=heat[None], size=full(1, 1))
    expected = [
        score
        for (row, column, kind), score in np.ndenumerate(heat)
        if score >= 0.5
        and score
        >= heat[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2, kind].max(initial=0)
    ]
    assert found.scores.tolist() == sorted(expected, reverse=True)


GRIDS = (AnchorGrid(8, ((1, 1), (0.5, 0.25))), AnchorGrid(20, ((1, 1),)))
COUNT = 5 * 3 * 2 + 2


def test_anchors_stand_in_the_middle_of_their_places() -> None:
    every = anchors(GRIDS, (40, 20))
    assert every.shape == (COUNT, 4)
    assert every[[0, 1, 2, 10]].tolist() == pytest.approx(
        np.array([[4, 10 / 3, 40, 20], [4, 10 / 3, 20, 5], [12, 10 / 3, 40, 20], [4, 10, 40, 20]])
    )
    assert every[30:].tolist() == [[10, 10, 40, 20], [30, 10, 40, 20]]


def at_anchor(number: int, *values: float) -> dict[str, np.ndarray]:
    boxes, scores = np.zeros((1, COUNT, 6)), np.zeros((1, COUNT, 1))
    boxes[0, number, : len(values)], scores[0, number] = values, 0.9
    return {"regressors": boxes, "classificators": scores}


def test_a_box_is_relative_to_its_anchor() -> None:
    spec = DetectionSpec(
        anchors=AnchorBoxes("regressors", "classificators", GRIDS, scales=(40, 20, 40, 20))
    )
    found = find(spec, **at_anchor(30, 2, 1, 10, 8))
    assert found.boxes.tolist() == [[7, 7, 17, 15]]


def test_a_box_as_ssd_has_it() -> None:
    form = AnchorBoxes("regressors", "classificators", GRIDS, "yxhw", (10, 10, 5, 5), True)
    found = find(DetectionSpec(anchors=form), **at_anchor(1, 4, 2, 5 * np.log(2), 0))
    # its anchor is 20 x 5 around (4, 3.33)
    assert found.boxes == pytest.approx(np.array([[0, 1 / 3, 18, 31 / 3]]), abs=1e-4)


@given(
    st.sampled_from(["int8", "uint8", "int16"]),
    st.floats(1e-3, 0.2),
    st.integers(0, 127),
    st.floats(0.01, 1),
    st.booleans(),
)
def test_integers_are_compared_as_what_they_stand_for(
    dtype: str, scale: float, zero_point: int, score: float, logits: bool
) -> None:
    tensor = TensorSpec("scores", (1, 1 << 8), dtype, scale, zero_point)
    limits = np.iinfo(dtype)
    contents = np.linspace(limits.min, limits.max, 4096).astype(dtype)
    scores = Scores(tensor, DetectionSpec(score=score, logits=logits, limit=4096))
    values = (contents.astype(np.float64) - zero_point) * scale
    if logits:
        values = 1 / (1 + np.exp(-np.clip(values, -50, 50)))
    indices = scores.candidates(contents)
    close = np.abs(values - score) < 1e-5  # where float32 may round to the other side
    assert ((values >= score) == np.isin(np.arange(4096), indices))[~close].all()
    ordered, probabilities = scores.surest(contents, indices)
    assert probabilities == pytest.approx(np.minimum(values[ordered], 1), abs=1e-4)
    assert (np.diff(probabilities) <= 0).all()


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (DetectionSpec(), "one of boxes, centres and anchors is needed, and none is stated"),
        (DetectionSpec(centres=CentreMaps("heat", "sizes")), "no output is called 'sizes'"),
        (DetectionSpec(centres=CentreMaps("heat", "flat")), "'flat' is of shape .* is needed"),
        (DetectionSpec(centres=CentreMaps("heat", "size"), score=0.0), "a score of 0"),
        (
            DetectionSpec(centres=CentreMaps("heat", "size"), classes=(2,)),
            "class 2, and there are 2",
        ),
        (DetectionSpec(centres=CentreMaps("heat", "size"), classes=(0, 0)), "the classes"),
        (DetectionSpec(centres=CentreMaps("heat", "size"), limit=1001), "a limit of 1001 boxes"),
        (DetectionSpec(anchors=AnchorBoxes("heat", "size", GRIDS)), "32 anchors and scores"),
    ],
)
def test_what_does_not_fit_is_said(spec: DetectionSpec, problem: str) -> None:
    shapes = {"heat": (1, 5, 10, 2), "size": (1, 5, 10, 2), "flat": (1, 100)}
    assert re.search(problem, spec.problem(shapes, InputSpec(20, 40).size))


class _Contents:
    """An engine whose outputs are these tensors with their contents."""

    def __init__(self, *outputs: tuple[TensorSpec, np.ndarray]) -> None:
        self.outputs = tuple(tensor for tensor, _ in outputs)
        self._contents = [contents for _, contents in outputs]

    def output(self, index: int) -> np.ndarray:
        return self._contents[index]


def test_integer_maps_give_the_boxes_of_what_they_stand_for() -> None:
    rng = np.random.default_rng(5)
    spec = DetectionSpec(centres=CentreMaps("heat", "size", "offset"), score=0.6, logits=True)
    quantised, real = [], []
    for name, channels, scale, zero_point in (
        ("heat", 3, 0.05, 10), ("size", 4, 0.25, -100), ("offset", 2, 1 / 256, -128)
    ):  # fmt: skip
        steps = rng.integers(-128, 128, (1, 5, 10, channels)).astype(np.int8)
        tensor = TensorSpec(name, steps.shape, "int8", scale, zero_point)
        quantised.append((tensor, steps))
        values = ((steps.astype(np.float32) - zero_point) * np.float32(scale)).astype(np.float32)
        real.append((TensorSpec(name, steps.shape, "float32"), values))
    names = ["heat", "size", "offset"]
    found, expected = (
        CentreDecoder(spec, CentreMaps(*names), Outputs(_Contents(*each), names, (40, 20)))()
        for each in (quantised, real)
    )
    assert len(found[1]) > 10
    assert found[1] == pytest.approx(expected[1], abs=1e-6)
    assert found[0] == pytest.approx(expected[0], abs=1e-4)
