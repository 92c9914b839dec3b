import json

import pytest
from hypothesis import given, strategies as st

from edge_benchmarks.judge.score import (
    DecisionLine,
    Segment,
    read_decisions,
    read_segments,
    score_decisions,
)
from edge_common.errors import ConfigError

LEFT = Segment(0, 9, {"action": "left"})
RIGHT = Segment(10, 19, {"action": "right"})


def decided(*labels: str, first: int = 0) -> list[DecisionLine]:
    return [DecisionLine(first + i, {"action": label}) for i, label in enumerate(labels)]


def test_only_windows_within_one_segment_count() -> None:
    found = score_decisions(decided(*["left"] * 20), [LEFT, RIGHT], window=4)
    # frames 3 to 9 and 13 to 19 end a window that lies in one segment
    assert (found.decisions, found.counted, found.straddling, found.outside) == (20, 14, 6, 0)
    (action,) = found.tasks
    assert (action.decisions.right, action.decisions.n, action.decisions.value) == (7, 14, 0.5)


def test_a_segment_is_judged_by_its_last_decision() -> None:
    labels = ["right"] * 9 + ["left"] + ["right"] * 9 + ["left"]
    (action,) = score_decisions(decided(*labels), [LEFT, RIGHT], window=2).tasks
    assert (action.segments.right, action.segments.n) == (1, 2)
    assert action.segments.interval == pytest.approx((0.0945, 0.9055), abs=5e-5)
    assert action.decisions.interval is None  # overlapping windows are no independent samples


def test_frames_without_truth_are_counted_apart() -> None:
    found = score_decisions(decided(*["left"] * 30, first=5), [LEFT], window=3)
    assert (found.counted, found.straddling, found.outside) == (5, 2, 23)


def test_a_segment_shorter_than_the_window_is_said() -> None:
    found = score_decisions(decided(*["left"] * 20), [LEFT, RIGHT], window=11)
    assert (found.counted, found.segments, found.unseen) == (0, 2, 2)
    assert found.tasks[0].decisions.value is None


def test_numbers_are_scored_by_their_mean_error() -> None:
    decisions = [DecisionLine(i, {"age": value}) for i, value in enumerate([30.0, 31.0, 36.0])]
    (age,) = score_decisions(decisions, [Segment(0, 2, {"age": 34.0})], window=1).tasks
    assert age.metric == "mean_absolute_error"
    assert age.decisions.value == pytest.approx(3.0) and age.decisions.right is None
    assert age.segments.value == 2.0 and age.segments.interval is None


def test_a_task_without_truth_is_left_out() -> None:
    decisions = [DecisionLine(0, {"action": "left", "reid": "s01"})]
    assert [t.task for t in score_decisions(decisions, [LEFT], window=1).tasks] == ["action"]


def test_a_task_that_nobody_decided_is_refused() -> None:
    with pytest.raises(ConfigError, match="names the task 'action', the decisions answer reid"):
        score_decisions([DecisionLine(0, {"reid": "s01"})], [LEFT], window=1)


def test_a_label_is_not_held_against_a_number() -> None:
    with pytest.raises(ConfigError, match=r"'action' is decided as '3' where the truth says 3\.0"):
        score_decisions(decided("3"), [Segment(0, 5, {"action": 3.0})], window=1)


def test_a_window_over_dropped_frames_reaches_as_far_as_it_says() -> None:
    """Every third frame of a film: 15 frames span 43, and no segment of 24 holds them."""
    segments = [
        Segment(0, 23, {"action": "left"}),
        Segment(24, 47, {"action": "right"}),
        Segment(48, 147, {"action": "left"}),
    ]
    decisions = [
        DecisionLine(first + 42, {"action": "left"}, first_frame=first) for first in (0, 3, 48, 51)
    ]
    result = score_decisions(decisions, segments, window=15)
    assert (result.counted, result.straddling, result.outside) == (2, 2, 0)
    assert (result.tasks[0].decisions.right, result.tasks[0].decisions.n) == (2, 2)


@given(
    st.lists(st.sampled_from("ab"), min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ab")), min_size=1, max_size=6),
    st.integers(1, 6),
)
def test_laws_of_scoring(labels: list[str], lengths: list[tuple[int, str]], window: int) -> None:
    segments, first = [], 0
    for length, label in lengths:
        segments.append(Segment(first, first + length - 1, {"action": label}))
        first += length
    found = score_decisions(decided(*labels), segments, window)
    (action,) = found.tasks
    assert found.counted + found.straddling + found.outside == found.decisions == len(labels)
    assert action.decisions.n == found.counted
    assert action.segments.n == found.segments - found.unseen
    assert 0 <= action.segments.right <= min(action.segments.n, action.decisions.right)


def lines(tmp_path, *texts: str):
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(texts) + "\n")
    return path


def test_decisions_as_edge_run_writes_them(tmp_path) -> None:
    text = (
        '{"frame": 41, "captured_at": 1763.2, "age_ms": 6.1, "latency_ms": {"head": 0.6}, "tasks": '
        '{"action": {"label": "wave", "p": 0.93, "index": 2}, '
        '"age": {"value": 34, "unit": "years"}, "face": {"vector": [0.5]}, "who": {"size": 2}}}'
    )
    expected = DecisionLine(41, {"action": "wave", "age": 34.0})
    assert read_decisions(lines(tmp_path, text, "")) == [expected]


def test_segments_are_sorted(tmp_path) -> None:
    texts = [
        json.dumps({"first_frame": f, "last_frame": f + 3, "tasks": {"reid": "s01", "age": 3}})
        for f in (8, 0)
    ]
    found = read_segments(lines(tmp_path, *texts))
    assert found == [Segment(f, f + 3, {"reid": "s01", "age": 3.0}) for f in (0, 8)]


def test_a_decision_says_where_its_window_begins(tmp_path) -> None:
    text = '{"frame": 42, "first_frame": 0, "tasks": {"action": {"label": "left"}}}'
    expected = DecisionLine(42, {"action": "left"}, first_frame=0)
    assert read_decisions(lines(tmp_path, text)) == [expected]


def test_windows_that_nobody_knows_are_not_guessed(tmp_path) -> None:
    """Lines of version 0.1.0, with frames missing: --hop, or frames that were dropped."""
    texts = [json.dumps({"frame": frame, "tasks": {}}) for frame in (42, 43, 46)]
    with pytest.raises(ConfigError, match="decision 3 jumps from frame 43 to 46 and has no first_"):
        read_decisions(lines(tmp_path, *texts))


def test_several_sources_are_not_scored_as_one(tmp_path) -> None:
    texts = [json.dumps({"source": name, "frame": n, "tasks": {}}) for n, name in enumerate("ab")]
    with pytest.raises(ConfigError, match="holds decisions of 2 sources: keep the lines of one"):
        read_decisions(lines(tmp_path, *texts))
    assert len(read_decisions(lines(tmp_path, texts[0]))) == 1


GOOD = '{"frame": 1, "tasks": {}}'


def test_of_a_file_with_several_runs_the_newest_is_read(tmp_path, capsys) -> None:
    path, line = tmp_path / "d.jsonl", '{"frame": %d, "tasks": {"a": {"label": "x"}}}\n'
    path.write_text(line % 7 + '{"run": "2026-01-02T03:04:05.000+00:00"}\n' + line % 3)
    assert [decision.frame for decision in read_decisions(path)] == [3]
    assert "holds several runs: the newest is read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ('{"frame": 2', "line 2: is not JSON"),
        ("[3]", r"line 2: it should be a table, {...}, not \[3\]"),
        ('{"tasks": {}}', "line 2: key 'frame' is missing"),
        ('{"frame": "2", "tasks": {}}', "line 2: key 'frame' should be a whole number, not '2'"),
        ('{"frame": true, "tasks": {}}', "line 2: key 'frame' should be a whole number, not True"),
        ('{"frame": 2, "tasks": []}', r"line 2: key 'tasks' should be a table, {...}, not \[\]"),
        ('{"frame": 2, "tasks": {"a": 3}}', "line 2: key 'tasks.a' should be a table"),
        ('{"frame": 2, "tasks": {"a": {}}}', "line 2: the answer to 'a' has neither"),
        ('{"frame": 1, "tasks": {}}', "decision 2 is of frame 1 but follows frame 1"),
        ('{"frame": 2, "first_frame": 3, "tasks": {}}', "line 2: a window from frame 3 to frame 2"),
        ('{"frame": 2, "first_frame": -1, "tasks": {}}', "line 2: a window from frame -1 to"),
    ],
)
def test_a_malformed_decision_is_named_by_its_line(tmp_path, bad: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_decisions(lines(tmp_path, GOOD, bad))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ('{"first_frame": 5, "last_frame": 4, "tasks": {}}', "line 2: a segment from frame 5"),
        (
            '{"first_frame": 5, "last_frame": 9, "tasks": {"a": null}}',
            "key 'tasks.a' should be text or a number",
        ),
        ('{"first_frame": 3, "last_frame": 9, "tasks": {}}', "from frame 0 and from frame 3 over"),
    ],
)
def test_a_malformed_segment_is_named(tmp_path, bad: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_segments(lines(tmp_path, '{"first_frame": 0, "last_frame": 3, "tasks": {}}', bad))


def test_an_empty_file_is_said(tmp_path) -> None:
    with pytest.raises(ConfigError, match="holds no lines"):
        read_decisions(lines(tmp_path))


def test_unknown_is_counted_and_right_only_if_the_truth_says_so() -> None:
    answers = decided("left", "unknown", "unknown", "left")
    segments = [Segment(0, 1, {"action": "left"}), Segment(2, 3, {"action": "unknown"})]
    (action,) = score_decisions(answers, segments, window=1).tasks
    assert (action.decisions.right, action.decisions.n, action.decisions.unknown) == (2, 4, 2)
    assert (action.segments.unknown, action.segments.right) == (1, 0)
