"""How often two bundles disagree, and in which stretches."""

from typing import Any

import pytest

from edge.agreement import TaskAgreement
from edge.tasks import KINDS, Task
from edge_fleet.batch import report, rows
from edge_fleet.batch.compare import (
    BundleComparison,
    SharedTask,
    paired,
    shared_tasks,
    value_range,
)

ACTION = Task("action", "classification", ("left", "right"))
AGE = Task("age", "regression", unit="years")


def _row(frame: int, label: str | None = "left", source: str = "a.mp4", age: float = 30.0) -> Any:
    answers = {"tasks.action.label": label, "tasks.action.p": 0.9, "tasks.age.value": age}
    return {"source": source, "frame": frame, "time_s": frame / 25, **answers}


def test_only_answers_that_can_be_told_apart_are_compared() -> None:
    descriptor = Task("who", "embedding")
    shared, others = shared_tasks([ACTION, AGE, descriptor], [AGE, descriptor, Task("x", "binary")])
    assert shared == [AGE] and others == ["action", "who", "x"]


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [("left", "left", False), ("left", "right", True), (None, "left", True), (None, None, False)],
)
def test_labels_differ_by_name(old: str | None, new: str | None, differs: bool) -> None:
    assert SharedTask(ACTION).differs(_row(0, old), _row(0, new)) is differs


@pytest.mark.parametrize(("age", "differs"), [(32.0, False), (32.1, True), (float("nan"), True)])
def test_numbers_differ_beyond_the_tolerance(age: float, differs: bool) -> None:
    assert SharedTask(AGE, 2.0).differs(_row(0), _row(0, age=age)) is differs
    assert value_range(iter([_row(0, age=20.0), _row(1, age=60.0)]), AGE) == 40.0


def test_rows_are_paired_by_recording_and_frame() -> None:
    old = [_row(0), _row(1), _row(2), _row(0, source="b.mp4"), _row(5, source="c.mp4")]
    new = [_row(1), _row(2), _row(3), _row(5, source="c.mp4")]
    pairs = [(a["source"], a["frame"], b["frame"]) for a, b in paired(iter(old), iter(new))]
    assert pairs == [("a.mp4", 1, 1), ("a.mp4", 2, 2), ("c.mp4", 5, 5)]


def test_neighbouring_differences_are_one_stretch_and_the_longest_is_first() -> None:
    differing = {10, 11, 30, 100, 101, 102, 103}
    pairs = [(_row(n), _row(n, "right" if n in differing else "left")) for n in range(150)]
    comparison = BundleComparison([SharedTask(ACTION)], window=15).take(iter(pairs))
    worst = [(each.first, each.last, each.weight) for each in comparison.worst(9)]
    assert worst == [(100, 103, 4), (10, 30, 3)]
    assert str(comparison.worst(1)[0]) == "4.0 to 4.1 s, action: left → right"
    agreement = comparison.agreements["action"]
    assert agreement.share == 7 / 150 and agreement.changes == {("left", "right"): 7}
    low, high = agreement.interval(15)
    assert low == pytest.approx(0.0046, abs=1e-4) and high == pytest.approx(0.3403, abs=1e-4)


@pytest.mark.parametrize(
    ("count", "shown", "line"),
    [
        (0, 0, "Nowhere."),
        (1, 1, "1 stretch differs:"),
        (7, 7, "7 stretches differ:"),
        (7, 3, "7 stretches differ; the 3 with most answers that do:"),
        (7, 0, "7 stretches differ."),
    ],
)
def test_what_the_report_says_of_the_stretches(count: int, shown: int, line: str) -> None:
    assert report.stretches_line(count, shown) == line


def test_intervals_are_by_recording() -> None:
    """Ten recordings, of which one differs throughout: far less is known than of 1000 decisions."""
    agreement = TaskAgreement()
    for n in range(10):
        agreement.decisions[str(n)] = 100
    agreement.differing["3"] = 100
    low, high = agreement.interval(15)
    assert agreement.share == 0.1 and low == 0.0 and 0.25 <= high <= 0.4
    assert TaskAgreement(agreement.decisions).interval(15) == pytest.approx((0.0, 0.2775), abs=1e-3)


def test_each_kind_of_task_has_its_columns() -> None:
    assert rows._FIELDS.keys() == KINDS.keys()
    assert {name for names in rows._FIELDS.values() for name in names} <= rows._TYPES.keys()
