"""Several labels at once: what is read of an output, and when it is right."""

import numpy as np
import pytest

from edge.sinks.draw import annotate
from edge.stream import Decision
from edge.tasks import KINDS, PredictionFields, Task, decided, inferred_kind, kind_of

LABELS = ("cat", "dog", "hat")
TAGS = Task("tags", "multi-label", LABELS)


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def rows(*values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32)


def test_the_labels_that_hold_come_first_to_last_by_probability() -> None:
    prediction = kind_of(TAGS).predict(scores(0.6, 0.2, 0.9))
    assert prediction.to_json() == {
        "labels": ("hat", "cat"),
        "p": {"cat": 0.6, "dog": 0.2, "hat": 0.9},
    }
    assert str(prediction) == "hat 0.90, cat 0.60"


def test_no_label_may_hold() -> None:
    prediction = kind_of(TAGS).predict(scores(0.1, 0.2, 0.49))
    assert prediction.to_json()["labels"] == ()
    assert str(prediction) == "none"


def test_a_probability_that_is_no_number_is_left_out_of_the_json() -> None:
    prediction = kind_of(TAGS).predict(scores(0.1, np.nan, 0.9))
    assert prediction.to_json() == {"labels": ("hat",), "p": {"cat": 0.1, "hat": 0.9}}


@pytest.mark.parametrize(
    ("thresholds", "top_k", "holding"),
    [
        ((), 0, [1, 0, 1]),
        ((0.7,), 0, [0, 0, 1]),
        ((0.9,), 0, [0, 0, 1]),
        ((0.5, 0.1, 1.0), 0, [1, 1, 0]),
        ((0.0,), 2, [1, 0, 1]),
        ((), 1, [0, 0, 1]),
    ],
)
def test_thresholds_and_top_k(thresholds, top_k, holding) -> None:
    task = Task("tags", "multi-label", LABELS, thresholds=thresholds, top_k=top_k)
    assert kind_of(task).decide(rows((0.6, 0.2, 0.9)))[0].tolist() == holding


def test_a_prediction_is_right_if_all_its_labels_are() -> None:
    outputs = rows((0.6, 0.2, 0.9), (0.6, 0.2, 0.9), (0.1, 0.1, 0.1))
    labels = np.array([[1, 0, 1], [1, 1, 1], [0, 0, 0]])
    assert kind_of(TAGS).figures(outputs, labels).tolist() == [1.0, 0.0, 1.0]
    assert kind_of(TAGS).figures(outputs, labels.astype(bool)).tolist() == [1.0, 0.0, 1.0]


def test_two_networks_agree_but_for_labels_that_float_is_undecided_of() -> None:
    reference = rows((0.9, 0.1, 0.1), (0.9, 0.505, 0.1), (0.9, 0.1, 0.1))
    other = rows((0.6, 0.4, 0.3), (0.8, 0.45, 0.1), (0.9, 0.6, 0.1))
    assert kind_of(TAGS).similarity(reference, other).tolist() == [True, True, False]


def test_labels_that_tie_for_the_last_place_are_undecided() -> None:
    task = Task("tags", "multi-label", LABELS, top_k=1)
    reference = rows((0.900, 0.895, 0.1), (0.9, 0.7, 0.1))
    swapped = rows((0.895, 0.900, 0.1), (0.7, 0.9, 0.1))
    assert kind_of(task).similarity(reference, swapped).tolist() == [True, False]


def test_the_margin_is_that_of_the_label_nearest_to_its_threshold() -> None:
    task = Task("tags", "multi-label", LABELS, thresholds=(0.5, 0.8, 0.5))
    assert kind_of(task).margin(rows((1.0, 0.4, 0.1)))[0] == pytest.approx(0.5)
    top = Task("tags", "multi-label", LABELS, top_k=1)
    assert kind_of(top).margin(rows((1.0, 0.9, 0.0)))[0] == pytest.approx(0.1)


def test_what_is_decided_is_kept_as_bits() -> None:
    assert kind_of(TAGS).codes(rows((0.6, 0.2, 0.9), (0, 0, 0))) == [0b101, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": (1.5,)}, "has the threshold 1.5: it must be from 0 to 1"),
        ({"thresholds": (-0.1, 0.5, 0.5)}, "has the threshold -0.1"),
        ({"thresholds": (float("nan"),)}, "has the threshold nan"),
        ({"thresholds": (0.5, 0.5)}, "has 2 thresholds for 3 labels: give one a label, or one"),
        ({"top_k": 4}, "has top_k 4: it must be from 0 to 3"),
        ({"top_k": -1}, "has top_k -1"),
        ({"labels": ("cat", "cat", "hat")}, "has a label twice"),
        ({"labels": ("cat", "dog")}, "3 values for 'tags'"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(options, message) -> None:
    task = Task("tags", "multi-label", **{"labels": LABELS, **options})
    assert message in kind_of(task).problem(3)


def test_other_kinds_have_no_thresholds() -> None:
    task = Task("kind", "classification", LABELS, thresholds=(0.5,))
    assert kind_of(task).problem(3) == "task 'kind' is classification, which has no thresholds"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(4, int), r"int64 of shape \(4,\); 3 numbers a clip are needed"),
        (np.zeros((4, 2)), r"of shape \(4, 2\); 3 numbers"),
        (np.full((4, 3), 2), "has values from 2 to 2; each must be 0 or 1"),
        (np.full((4, 3), "x"), "3 numbers a clip are needed, 1 for each label that holds"),
    ],
)
def test_labels_that_could_never_be_right(labels, message) -> None:
    import re

    assert re.search(message, kind_of(TAGS).label_problem(labels))
    assert kind_of(TAGS).label_problem(np.eye(3, dtype=bool)) == ""


def test_a_cell_lists_labels() -> None:
    kind = KINDS["multi-label"]
    task = kind.from_cells("tags", ("hat|cat", "", "dog | cat"))
    assert (task.labels, task.thresholds) == (LABELS, (0.5,))
    assert kind_of(task).parse("hat | cat") == (1.0, 0.0, 1.0)
    assert kind_of(task).classes((1.0, 0.0, 1.0)) == {0, 2}
    assert kind.cell_problem("") == ""
    assert kind.cell_problem("cat|cat") == "names a label twice"
    assert kind.cell_problem("cat|cow", LABELS) == "names cow, which is none of cat, dog, hat"
    with pytest.raises(ValueError, match="no clip's tags names a label"):
        kind.from_cells("tags", ("", ""))


def test_json_is_read_back_by_the_kind_that_wrote_it() -> None:
    assert decided(PredictionFields(labels=("a", "c"), p={"a": 0.9})) == {"a", "c"}
    assert decided(PredictionFields(label="a", p=0.9)) == "a"
    assert decided(PredictionFields(value=2.0)) == 2.0
    assert decided(PredictionFields(vector=[1.0])) is None


@pytest.mark.parametrize(
    ("activation", "width", "kind"),
    [
        ("softmax", 3, "classification"),
        ("sigmoid", 1, "binary"),
        ("sigmoid", 3, "multi-label"),
        ("linear", 1, "regression"),
        ("linear", 3, "embedding"),
    ],
)
def test_an_output_that_nobody_describes(activation, width, kind) -> None:
    assert inferred_kind(activation, width) == kind


def test_the_labels_that_fit_are_drawn_and_the_others_counted() -> None:
    many = Task("tags", "multi-label", tuple(f"label {i}" for i in range(40)))
    images = []
    for count in (0, 1, 40):
        outputs = np.where(np.arange(40) < count, 0.9, 0.1).astype(np.float32)
        decision = Decision(0, 0.0, 1.0, {}, {"tags": kind_of(many).predict(outputs)})
        images.append(annotate(np.zeros((480, 480, 3), np.uint8), [decision], ["tags"]))
    ink = [int((image[480:] > 200).sum()) for image in images]
    assert 0 < ink[0] < ink[1] < ink[2]
    assert not (images[2][480:, -4:] > 200).any()  # nothing is cut off at the edge
