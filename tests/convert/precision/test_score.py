import numpy as np
import pytest

from edge.tasks import Task
from edge_convert.precision.candidates import agreement, drops

KIND = Task("kind", "classification", ("a", "b"))
FLAG = Task("flag", "binary", ("no", "yes"))
AGE = Task("age", "regression", scale=10.0, unit="years")
FACE = Task("face", "embedding")


def _sure(classes: list[int]) -> np.ndarray:
    return np.eye(2, dtype=np.float32)[classes]


def test_points_of_accuracy_against_labels() -> None:
    labels = {"kind": np.array([0, 0, 1, 1])}
    reference, found = {"kind": _sure([0, 0, 1, 1])}, {"kind": _sure([0, 1, 1, 1])}
    (drop,) = drops([KIND], reference, found, labels)
    assert (drop.points, drop.n, drop.against) == (25.0, 4, "labels")
    assert drop.low < 0 < 25 < drop.high
    (gain,) = drops([KIND], found, reference, labels)
    assert gain.points == -25.0


def test_the_interval_is_that_of_paired_differences() -> None:
    """A network against itself, which errs on 40 of 100: nothing is lost, and nothing is uncertain."""
    outputs = {"kind": _sure([0] * 100)}
    labels = {"kind": np.array([1] * 40 + [0] * 60)}
    (drop,) = drops([KIND], outputs, outputs, labels)
    assert (drop.points, drop.low, drop.high) == (0.0, 0.0, 0.0)


def test_a_regression_loses_percent_of_its_error() -> None:
    labels = {"age": np.array([10.0, 20.0, 30.0])}
    reference = {"age": np.array([[1.1], [2.1], [3.1]], np.float32)}
    found = {"age": np.array([[1.15], [2.15], [3.15]], np.float32)}
    (drop,) = drops([AGE], reference, found, labels)
    assert drop.points == pytest.approx(50.0, abs=0.01)
    assert drop.low == pytest.approx(50.0, abs=0.01) and drop.high == pytest.approx(50.0, abs=0.01)


def test_without_labels_what_differs_from_float_is_lost() -> None:
    reference, found = {"kind": _sure([0, 0, 1, 1])}, {"kind": _sure([0, 1, 1, 1])}
    (drop,) = drops([KIND], reference, found, {})
    assert (drop.points, drop.against) == (25.0, "float")
    assert 0.0 < drop.low < 25.0 < drop.high < 100.0


def test_where_float_is_undecided_either_answer_counts() -> None:
    reference = np.array([[0.505, 0.495], [0.6, 0.4], [0.05, 0.04]], np.float32)
    found = reference[:, ::-1]
    assert agreement(KIND, reference, found) == pytest.approx(1 / 3)
    assert agreement(FLAG, np.array([[0.505], [0.8]]), np.array([[0.4], [0.4]])) == 0.5


def test_numbers_agree_by_the_variance_that_is_kept() -> None:
    reference = np.array([[-1.0], [1.0], [-1.0], [1.0]], np.float32)
    assert agreement(AGE, reference, reference + np.float32(0.1)) == pytest.approx(0.99)
    assert agreement(AGE, reference, -reference) == 0.0


def test_embeddings_agree_by_their_angle() -> None:
    reference = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)
    found = np.array([[3.0, 0.0], [2.0, 2.0]], np.float32)
    assert agreement(FACE, reference, found) == pytest.approx((1 + 2**-0.5) / 2)


def test_each_task_is_scored_by_its_own_labels() -> None:
    outputs = {"flag": np.array([[0.9], [0.1]]), "face": np.ones((2, 3))}
    found = drops([FLAG, FACE], outputs, outputs, {"flag": np.array([1, 0]), "face": np.zeros(2)})
    assert [(d.task, d.points, d.against) for d in found] == [
        ("flag", 0.0, "labels"),
        ("face", pytest.approx(0.0, abs=1e-6), "float"),
    ]
