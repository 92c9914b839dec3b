import numpy as np
import pytest

from edge.check.clips import Clips
from edge.check.evaluate import check_labels
from edge.tasks import Task
from edge_benchmarks.record import TaskFigure
from edge_benchmarks.run.measurement import figures, unmeasured
from edge_common.errors import ClipError

TASKS = (
    Task("kind", "classification", ("a", "b", "c")),
    Task("size", "regression", scale=10.0, unit="mm"),
    Task("face", "embedding"),
)
OUTPUTS = {
    "kind": np.eye(3, dtype=np.float32)[[0, 1, 2, 2]],
    "size": np.array([[0.1], [0.2], [0.3], [0.4]], np.float32),
    "face": np.zeros((4, 8), np.float32),
}


def clips(**labels: object) -> Clips:
    windows = np.zeros((4, 1, 2, 2, 3), np.uint8)
    return Clips("test.npz", windows, {task: np.array(v) for task, v in labels.items()})


def test_figures_of_labelled_tasks() -> None:
    kind, size = figures(TASKS, OUTPUTS, clips(kind=[0, 1, 2, 0], size=[1.0, 2.0, 3.0, 6.0]))
    assert (kind.metric, kind.value, kind.n) == ("accuracy", 0.75, 4)
    assert kind.interval == pytest.approx((0.3006, 0.9544), abs=5e-5)
    assert (size.metric, size.unit, size.n, size.interval) == ("mean_absolute_error", "mm", 4, None)
    assert size.value == pytest.approx(0.5)


def test_a_task_without_labels_has_no_value() -> None:
    kind, size = figures(TASKS, OUTPUTS, clips(kind=[0, 1, 2, 2]))
    assert kind.value == 1.0
    assert size == TaskFigure("size", "mean_absolute_error", None, 0, None, "mm")


def test_an_embedding_has_no_figure() -> None:
    assert [figure.task for figure in unmeasured(TASKS)] == ["kind", "size"]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a", "b", "c", "a"], "one number a clip is needed"),
        ([[0], [1], [2], [0]], r"shape \(4, 1\)"),
        ([1, 2, 3, 1], "from 1 to 3; the bundle knows the classes 0 to 2"),
    ],
)
def test_labels_that_could_never_be_right_are_refused(labels: list, said: str) -> None:
    with pytest.raises(ClipError, match=said):
        check_labels(TASKS, clips(kind=labels))


def test_usable_labels_pass() -> None:
    check_labels(TASKS, clips(kind=[0, 1, 2, 2], size=[0.5, 1.5, 2.5, 3.5], other=[1, 2, 3, 4]))


def test_labels_of_no_task_are_refused() -> None:
    with pytest.raises(ClipError, match="labels for Kind, the bundle answers kind, size, face"):
        check_labels(TASKS, clips(Kind=[0, 1, 2, 2]))


def test_clips_without_any_labels_pass() -> None:
    check_labels(TASKS, clips())
