"""Figures of a run and how sure they are."""

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from edge_common.statistics import wilson_interval
from edge_models.evaluation.content import ReportContent, json_of
from edge_models.evaluation.history import TrainingHistory
from edge_models.evaluation.intervals import (
    Estimate,
    between,
    mean_interval,
    number,
    number_within,
    numbers,
    percent,
    share_interval,
    share_within,
)
from edge_models.evaluation.plots import confusion
from edge_models.evaluation.results import Confused, RegressionResult, TaskResult, range_edges
from edge_models.evaluation.trust import Trust


@pytest.fixture
def result():
    return TaskResult(np.array([0, 0, 1, 2, 0]), np.array([0, 1, 1, 2, 1]), ("a", "b", "c", "d"))


def test_a_result_counts(result):
    assert result.accuracy == pytest.approx(0.6)
    assert result.confusion.tolist() == [[1, 2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert result.most_confused() == [Confused("a", "b", 2, 3)]


def test_each_class_has_its_figures(result):
    a, b, _, d = result.by_class()
    assert (a.precision, a.recall, a.f1, a.support) == (1.0, pytest.approx(1 / 3), 0.5, 3)
    assert a.recall_interval == wilson_interval(1, 3)
    assert (b.precision, b.recall) == (pytest.approx(1 / 3), 1.0)
    assert np.isnan([d.precision, d.recall, *d.recall_interval]).all() and d.support == 0
    assert percent(d.recall) == between(d.recall_interval) == "–"


def test_clips_of_one_file_count_as_one():
    right = np.repeat([1, 1, 1, 0], 25)
    files = np.repeat(np.arange(4), 25)
    low, high = share_interval(right, files)
    by_clip = share_interval(right, np.arange(100))
    assert low <= 0.25 and high == 1.0
    assert by_clip[0] > 0.65 and by_clip[1] < 0.85


def test_where_all_is_right_the_files_still_count():
    assert share_interval(np.ones(100), np.repeat(np.arange(4), 25)) == wilson_interval(4, 4)


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(0, 5)), min_size=1, max_size=40))
def test_an_interval_lies_between_the_groups_means(pairs):
    values, groups = (np.array(column) for column in zip(*pairs))
    low, high = mean_interval(values, groups)
    means = [values[groups == group].mean() for group in np.unique(groups)]
    if len(means) == 1:
        assert np.isnan([low, high]).all()
        return
    assert min(means) - 1e-9 <= low <= high <= max(means) + 1e-9


def test_one_file_alone_has_no_interval():
    one_file = np.zeros(4, int)
    for found in (
        mean_interval(np.arange(4.0), one_file),
        share_interval(np.array([1, 0, 1, 1]), one_file),
        share_interval(np.ones(4), one_file),
    ):
        assert np.isnan(found).all() and between(found) == numbers(found) == "–"
    figure = Estimate(0.75, *mean_interval(np.arange(4.0), one_file), 4)
    assert share_within(figure) == "75.0 % (–)" and number_within(figure) == "0.750 (–)"
    assert str(figure) == "75.00% [–]"
    assert share_within(Estimate(0.75, 0.5, 1.0, 4)) == "75.0 % (50.0 to 100.0)"


def test_an_interval_that_there_is_not_is_null_for_programs():
    result = RegressionResult(np.array([1.0, 2.0]), np.zeros(2), "", np.zeros(2, int))
    told = ReportContent(
        {}, {"age": result}, TrainingHistory(), None, Trust(False, {}, {}, (), {}), {}, (4, 4)
    )
    found = json_of(told, {"name": "tiny"})["mean_absolute_error"]["age"]
    assert found["interval_95_by_file"] == [None, None] and found["interval_95"] == [1.0, 2.0]
    one = RegressionResult(np.ones(1), np.zeros(1), "")
    assert np.isnan([*one.interval, *one.interval_by_source, *one.by_range()[0].interval]).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
@example([-0.5])
def test_ranges_enclose_all_values_and_are_few(values):
    edges = range_edges(np.array(values))
    assert edges[0] <= min(values) and max(values) <= edges[-1]
    assert 2 <= len(edges) <= 7 and np.all(np.diff(edges) > 0)


def test_errors_are_told_apart_by_the_truth():
    truth = np.array([1.0, 19.0, 21.0, 99.0])
    result = RegressionResult(truth, truth + np.array([2.0, -4.0, 1.0, -30.0]), "years")
    first, second, last = result.by_range()
    assert (first.low, first.high, first.n, first.mean_absolute_error) == (0, 20, 2, 3.0)
    assert (second.bias, last.bias, last.high) == (1.0, -30.0, 100.0)


@pytest.mark.parametrize(
    ("value", "told"), [(-0.0001, "0.000"), (4.984, "4.98"), (12345.6, "12,346"), (0.5, "0.500")]
)
def test_numbers_are_short_and_never_minus_nought(value, told):
    assert number(value) == told


def test_a_big_confusion_matrix_is_drawn_too():
    truth = np.arange(40)
    svg = confusion(TaskResult(truth, truth[::-1], tuple(f"s{i}" for i in truth)))
    assert svg.startswith("<svg") and svg.count(">1</text>") == 40
