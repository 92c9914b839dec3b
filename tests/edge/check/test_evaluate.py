import numpy as np
import pytest

from edge.bundle import Bundle
from edge.check.evaluate import accuracies, stream_outputs
from edge.tasks import Task
from tests import tiny

TASKS = (
    Task("action", "classification", ("a", "b")),
    Task("gender", "binary", ("f", "m")),
    Task("age", "regression", scale=100.0, unit="years"),
    Task("face", "embedding"),
)


def test_figures_by_hand() -> None:
    outputs = {
        "action": np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]),
        "gender": np.array([[0.9], [0.4], [0.5], [0.1]]),
        "age": np.array([[0.20], [0.30], [0.40], [0.50]]),
    }
    labels = {
        "action": np.array([0, 1, 1, 1]),
        "gender": np.array([1, 0, 0, 0]),
        "age": np.array([21, 30, 38, 55]),
    }
    found = accuracies(TASKS, outputs, labels, "float", "by hand")
    assert [(a.task, a.metric, a.n) for a in found] == [
        ("action", "accuracy", 4),
        ("gender", "accuracy", 4),
        ("age", "mean_absolute_error", 4),
    ]
    assert [a.value for a in found] == pytest.approx([0.75, 0.75, 2.0])


def test_a_task_without_labels_has_no_figure() -> None:
    assert accuracies(TASKS, {}, {}, "float", "none") == ()


def test_every_window_is_judged_from_its_own_frames(tiny_bundle: Bundle) -> None:
    windows = tiny.labelled_clips(6)["clips"]
    called = []
    together = stream_outputs(tiny_bundle, windows, on_window=lambda: called.append(1))
    assert len(called) == 6
    for index in range(6):
        alone = stream_outputs(tiny_bundle, windows[index : index + 1])
        assert all(np.array_equal(together[task][index], alone[task][0]) for task in together)
