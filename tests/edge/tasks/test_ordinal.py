"""Ordered labels: what is read of cumulative probabilities, and when it is right."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from edge.tasks import Task, kind_of, label_probabilities

AGES = Task("age", "ordinal", ("child", "youth", "adult", "old"))
probabilities = st.floats(0, 1, width=32)


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("values", "label", "p"),
    [
        ((0.9, 0.6, 0.2), "adult", 0.4),
        ((0.1, 0.05, 0.0), "child", 0.9),
        ((1.0, 0.9, 0.5), "old", 0.5),
        ((0.4, 0.6, 0.2), "youth", 0.2),  # not falling: sorted
    ],
)
def test_the_label_is_how_many_are_passed(values, label: str, p: float) -> None:
    answer = kind_of(AGES).predict(scores(*values))
    assert (answer.label, answer.p) == (label, pytest.approx(p, abs=1e-6))
    assert answer.to_json() == {
        "label": label,
        "p": pytest.approx(p, abs=1e-4),
        "index": answer.index,
    }


@given(arrays.arrays(np.float32, (5, 3), elements=probabilities))
def test_the_labels_share_one_and_the_answer_is_the_median(outputs: np.ndarray) -> None:
    kind = kind_of(AGES)
    for row, index in zip(outputs, kind.decide(outputs)):
        shares = np.array([*label_probabilities(AGES, kind.predict(row)).values()])
        assert (shares >= 0).all() and shares.sum() == pytest.approx(1, abs=1e-6)
        assert shares[:index].sum() <= 0.5 + 1e-6 and shares[index + 1 :].sum() < 0.5 + 1e-6
    leads = kind.lead(outputs, kind.decide(outputs))
    assert (leads >= 0).all() and (kind.lead(outputs, (kind.decide(outputs) + 1) % 4) <= 0).all()


@given(arrays.arrays(np.float32, (5, 3), elements=probabilities))
def test_a_network_agrees_with_itself(outputs: np.ndarray) -> None:
    assert kind_of(AGES).similarity(outputs, outputs).all()


def test_two_networks_differ_unless_float_is_undecided() -> None:
    reference = np.float32([[0.9, 0.6, 0.2], [0.9, 0.505, 0.2]])
    other = np.float32([[0.9, 0.4, 0.2], [0.9, 0.4, 0.2]])
    assert kind_of(AGES).similarity(reference, other).tolist() == [False, True]
    assert kind_of(AGES).margin(reference)[0] == pytest.approx(0.2, abs=1e-6)


def test_it_takes_one_number_less_than_labels() -> None:
    assert kind_of(AGES).problem(4) == "4 values for 'age'" and not kind_of(AGES).problem(3)
    assert "knows the classes 0 to 3" in kind_of(AGES).label_problem(np.array([0, 4]))
