from dataclasses import replace

import numpy as np
import pytest

from edge.sinks.draw import annotate
from edge.stream import Decision, TrackInfo
from edge.tasks import Task, kind_of

ACTION = Task("action", "classification", ("still", "left", "right"))


def test_classification() -> None:
    found = kind_of(ACTION).predict(np.array([0.1, 0.7, 0.2], np.float32))
    assert found.to_json() == {"label": "left", "p": pytest.approx(0.7), "index": 1}
    assert str(found) == "left 0.70"


@pytest.mark.parametrize(("score", "label", "p"), [(0.9, "male", 0.9), (0.2, "female", 0.8)])
def test_binary_reports_the_probability_of_the_label_it_chose(score, label, p) -> None:
    found = kind_of(Task("gender", "binary", ("female", "male"))).predict(
        np.array([score], np.float32)
    )
    assert (found.label, found.p) == (label, pytest.approx(p))


def test_regression_is_scaled_into_its_unit() -> None:
    age = Task("age", "regression", scale=116.0, unit="years")
    found = kind_of(age).predict(np.array([0.25], np.float32))
    assert found.to_json() == {"value": 29.0, "unit": "years"}
    assert str(found) == "29.0 years"


def test_embedding() -> None:
    found = kind_of(Task("face", "embedding")).predict(np.array([0.5, -1.0], np.float32))
    assert found.to_json(vectors=True) == {"vector": (0.5, -1.0)}
    assert found.to_json() == {"size": 2}


def test_a_decision_has_the_promised_fields() -> None:
    tasks = {"action": kind_of(ACTION).predict(np.array([0.0, 0.0, 1.0], np.float32))}
    latency = {"preprocess": 0.05, "encoder": 3.3, "head": 0.6}
    decision = Decision(41, 1763.204, 6.1, latency, tasks)
    assert decision.to_json() == {
        "frame": 41,
        "captured_at": 1763.204,
        "age_ms": 6.1,
        "latency_ms": {"preprocess": 0.05, "encoder": 3.3, "head": 0.6},
        "tasks": {"action": {"label": "right", "p": 1.0, "index": 2}},
    }


def test_a_decision_says_where_its_window_begins() -> None:
    decision = Decision(42, 1.0, 6.0, {}, {}, first_frame=0)
    assert list(decision.to_json()) == [
        "frame", "first_frame", "captured_at", "age_ms", "latency_ms", "tasks",
    ]  # fmt: skip
    assert decision.to_json()["first_frame"] == 0


def test_times_are_rounded_to_what_counts() -> None:
    decision = Decision(0, 1.23456789, 6.12345678, {"encoder": 3.123456789}, {})
    assert decision.to_json() == {
        "frame": 0,
        "captured_at": 1.234568,
        "age_ms": 6.123,
        "latency_ms": {"encoder": 3.1235},
        "tasks": {},
    }


def test_a_decision_says_for_which_board_its_times_are_predicted() -> None:
    assert Decision(0, 1.0, 6.0, {}, {}, "pi-4").to_json()["predicted_for"] == "pi-4"
    assert "predicted_for" not in Decision(0, 1.0, 6.0, {}, {}).to_json()


def test_an_embedding_that_is_no_number_is_left_out_of_the_json() -> None:
    """JSON knows no NaN."""
    assert (
        kind_of(Task("face", "embedding")).predict(np.array([0.5, np.nan], np.float32)).to_json()
        == {}
    )


def test_an_embedding_is_rounded_to_what_counts() -> None:
    found = kind_of(Task("face", "embedding")).predict(np.array([1 / 3, 0.0], np.float32))
    assert found.to_json(vectors=True) == {"vector": (0.333333, 0.0)}
    assert str(found) == "2 numbers"


def test_a_name_is_drawn_with_its_similarity() -> None:
    face = kind_of(Task("face", "embedding")).predict(np.array([1.0, 0.0], np.float32))
    pictures = []
    for likeness in (None, 0.2, 0.9):
        label = None if likeness is None else "anna"
        named = replace(face, label=label, similarity=likeness)
        decision = Decision(0, 0.0, 1.0, {}, {"face": named})
        pictures.append(annotate(np.zeros((480, 480, 3), np.uint8), [decision], ["face"]))
    bars = [int((picture == (96, 200, 112)).all(-1).sum()) for picture in pictures]
    assert bars[0] == 0
    assert bars[2] == pytest.approx(4.5 * bars[1], rel=0.1)


def test_a_decision_says_whose_window_it_is_of() -> None:
    track = TrackInfo(3, (10, 20, 30, 60), 4.20049, {"door": 1.3}, is_hidden=True)
    fields = Decision(42, 1.0, 6.0, {}, {}, track=track).to_json()
    assert fields["track"] == {
        "number": 3, "box": [10, 20, 30, 60], "age_s": 4.2, "zones": {"door": 1.3},
    }  # fmt: skip
    assert replace(track, name="anna").to_json()["name"] == "anna"
