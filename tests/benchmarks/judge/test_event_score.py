"""False alarms, misses and delays of events, by hand and by other programs' figures."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from edge_benchmarks.cli import main
from edge_benchmarks.judge.event_score import Interval, poisson_interval, read_record, score_events
from edge_common import ConfigError

TRUTH = [Interval("fall", 10, 20), Interval("fall", 30, 40), Interval("fall", 50, 60)]


def test_events_are_right_false_repeated_or_missing() -> None:
    told = [
        Interval("fall", 5, 6),  # false
        Interval("fall", 12, 14),
        Interval("fall", 16, 17),  # once more
        Interval("fall", 31.5, 45),
        Interval("fall", 61, 62),  # too late
    ]
    score = score_events("mine", told, TRUTH, hours=2.0)
    assert (score.events, score.false_alarms, score.repeated) == (5, 2, 1)
    assert score.false_alarms_an_hour.value == 1.0
    assert (score.missed, score.missed_share) == (1, pytest.approx(1 / 3))
    assert score.delay is not None
    assert (score.delay.median_s, score.delay.mean_s) == (1.75, 1.75)
    late = score_events("mine", told, TRUTH, hours=2.0, late_s=1.0)
    assert (late.false_alarms, late.missed) == (1, 0)


def test_an_event_that_goes_on_tells_of_the_next_interval_too() -> None:
    score = score_events("mine", [Interval("fall", 11, 55)], TRUTH, hours=1.0)
    assert (score.false_alarms, score.missed) == (0, 0)
    assert score.delay is not None
    assert score.delay.mean_s == pytest.approx(1 / 3)
    score = score_events("mine", [Interval("fall", 25, 55)], TRUTH, hours=1.0)
    assert (score.false_alarms, score.missed) == (1, 3)


def test_alerts_are_judged_apart_and_hours_add_up() -> None:
    truth = [*TRUTH, Interval("wave", 0, 5)]
    score = score_events("mine", [Interval("wave", 11, 12)], truth, hours=1.0)
    assert (score.hours, score.false_alarms, score.missed) == (2.0, 1, 4)
    assert score.delay is None


def test_an_alert_without_a_truth_is_false_whenever_it_comes() -> None:
    score = score_events("mine", [Interval("wave", 11, 12)], [], hours=4.0)
    assert (score.false_alarms_an_hour.value, score.missed_share) == (0.25, None)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683), (100, 81.3640, 121.6268)],
)
def test_poisson_intervals_are_garwoods(count: int, low: float, high: float) -> None:
    """By the tables of F. Garwood, which chi-squared quantiles give."""
    assert poisson_interval(count, 2.0) == pytest.approx((low / 2, high / 2), abs=2e-4)


@given(st.integers(0, 5000))
def test_a_poisson_interval_holds_its_count(count: int) -> None:
    low, high = poisson_interval(count, 1.0)
    assert low <= count < high
    assert math.isfinite(high)


def test_what_is_told_and_what_is_true_need_hours() -> None:
    with pytest.raises(ConfigError, match="--hours"):
        score_events("mine", [], TRUTH, hours=0.0)
    with pytest.raises(ConfigError, match="neither"):
        score_events("mine", [], [], hours=1.0)


def event(phase: str, id: str, second: float, ended: float | None = None) -> str:
    fields = {"event": phase, "id": id, "alert": "fall", "captured_at": 900.0, "time_s": second}
    return json.dumps(fields | ({} if ended is None else {"ended_time_s": ended}))


def test_a_run_is_read_by_its_films_clock(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    decisions = [json.dumps({"frame": n, "time_s": n * 36.0, "captured_at": n}) for n in range(101)]
    lines = [event("start", "a", 3), event("end", "a", 9, 7), event("start", "b", 12)]
    path.write_text("\n".join([*decisions, *lines]))
    record = read_record(path)
    assert record.hours == 1.0
    assert record.intervals == [Interval("fall", 3, 7), Interval("fall", 12, math.inf)]


def test_the_command_compares_runs_with_the_truth_and_with_each_other(tmp_path: Path) -> None:
    truth, run = tmp_path / "truth.jsonl", tmp_path / "run.jsonl"
    truth.write_text('{"alert": "fall", "start_s": 2, "end_s": 8}\n')
    run.write_text("\n".join([event("start", "a", 3), event("end", "a", 9, 7)]))
    (tmp_path / "none.jsonl").write_text("")
    result = CliRunner().invoke(
        main,
        ["events", str(truth), str(run), str(tmp_path / "none.jsonl"), "--hours", "1", "--json"],
    )
    assert result.exit_code == 0, result.output
    mine, none = json.loads(result.stdout)
    assert (mine["name"], mine["missed"], mine["delay"]["mean_s"]) == ("run", 0, 1.0)
    assert (none["missed"], none["delay"]) == (1, None)
    result = CliRunner().invoke(main, ["events", str(run), str(run), "--hours", "1"])
    assert "0 of 1" in result.stdout
    result = CliRunner().invoke(main, ["events", str(truth), str(run)])
    assert result.exit_code == 2
    assert "--hours" in result.stderr
    truth.write_text('{"alert": "fall", "start_s": 9, "end_s": 8}\n')
    result = CliRunner().invoke(main, ["events", str(truth), str(run)])
    assert result.exit_code == 2
    assert "truth.jsonl, line 1: an interval needs" in result.stderr
