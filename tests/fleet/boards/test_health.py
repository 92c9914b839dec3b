"""How a board is, from what its programs print, and which of it is a bad sign."""

import json
from typing import Any

import pytest

from edge_common import DataError
from edge_fleet.boards import health
from edge_fleet.boards.health import HealthLimits, HealthSample
from edge_fleet.boards.outcomes import BoardResult, TaskOutcome, results_of

NEW = "b" * 64
STATUS = "4512 frames, 15.0 frames/s, age 38 ms, 2 dropped, action: wave 0.93"
METRICS = """\
# HELP edge_run_frames_total Frames that came.
edge_run_frames_total{source="door"} 900
edge_run_frames_total{source="yard"} 100
edge_run_frames_dropped_total{source="door"} 3
edge_run_frames_unreadable_total{source="yard"} 1
edge_run_frame_age_seconds{source="door"} 0.02
edge_run_frame_age_seconds{source="yard"} 0.5
"""


def report(**changes: Any) -> dict[str, Any]:
    service = {"ActiveState": "active", "NRestarts": "2", "StatusText": STATUS}
    checks = [
        {"check": "board", "status": "ok", "what": "pi-4"},
        {"check": "temperature", "status": "problem", "what": "86 degrees Celsius"},
    ]
    texts = {"service": json.dumps(service), "doctor": json.dumps({"checks": checks})}
    return {"sha256": NEW, "metrics": METRICS, "self_test_code": "0", **texts, **changes}


def test_a_report_is_read() -> None:
    assert health.sample(report()) == HealthSample(
        NEW, "active", STATUS, 2, 38.0, 1000.0, 4.0, doctor=
        ("temperature: 86 degrees Celsius",),
    )  # fmt: skip


def test_an_update_counts_if_it_is_of_this_bundle() -> None:
    update = {"update": "shadow", "sha256": NEW, "reason": "12 of 100 decisions"}
    sample = health.sample(report(update=json.dumps(update)))
    assert sample.update == "shadow" and not sample.is_settled
    update["sha256"] = "c" * 64
    assert health.sample(report(update=json.dumps(update))).is_settled


@pytest.mark.parametrize(
    ("takes", "update", "before", "is_missing"),
    [
        ("True", {}, "a" * 64, True),
        ("True", {"update": "kept", "sha256": "a" * 64, "kept_sha256": "a" * 64}, "a" * 64, True),
        ("True", {"update": "checking", "sha256": NEW}, "a" * 64, False),
        ("True", {"update": "kept", "sha256": "a" * 64, "kept_sha256": NEW}, "a" * 64, False),
        ("True", {}, "", False),  # the first bundle that it ever had
        ("True", {}, NEW, False),
        ("False", {}, "a" * 64, False),
    ],
)
def test_a_run_that_takes_updates_has_to_begin_one(
    takes: str, update: dict[str, str], before: str, is_missing: bool
) -> None:
    sample = health.sample(report(takes_updates=takes, update=json.dumps(update)))
    assert bool(health.missing_update(sample, HealthSample(before))) == is_missing


def test_a_silent_source_is_as_old_as_its_silence() -> None:
    service = {"ActiveState": "active", "StatusText": "9 frames, no frame for 12 s, 0 dropped"}
    assert health.sample(report(service=service)).age_ms == 12_000.0


def test_a_run_without_age_in_its_status_is_as_old_as_its_oldest_source() -> None:
    service = json.dumps({"ActiveState": "active", "StatusText": "starting"})
    assert health.sample(report(service=service)).age_ms == 500.0


def test_a_board_that_tells_nothing_has_no_figures() -> None:
    assert health.sample({"sha256": NEW, "self_test_code": -1}) == HealthSample(NEW)


@pytest.mark.parametrize("text", ["{", "[1]", "no json"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        health.sample(report(service=text))


@pytest.mark.parametrize(
    ("now", "line"),
    [
        (HealthSample(NEW), ""),
        (HealthSample("a" * 64), "runs another bundle: aaaaaaaaaaaa"),
        (HealthSample(NEW, self_test="action differs"), "self-test: action differs"),
        (HealthSample(NEW, "failed"), "its service does not run: failed"),
        (HealthSample(NEW, restarts=3), "its service was started again 1 times"),
        (HealthSample(NEW, doctor=("temperature: 90 degrees",)), ""),
        (HealthSample(NEW, doctor=("memory: 20 MB free",)), "doctor: memory: 20 MB free"),
        (HealthSample(NEW, age_ms=119), ""),
        (HealthSample(NEW, age_ms=121), "age of frames 121 ms, at most 120"),
        (HealthSample(NEW, age_ms=float("nan")), "age of frames nan ms, at most 120"),
        (HealthSample(NEW, frames=2000, errors=14), ""),
        (HealthSample(NEW, frames=2000, errors=15), "1.1 % of frames lost, at most 1"),
        (HealthSample(NEW, frames=100, errors=1), ""),
        (HealthSample(NEW, frames=100, errors=2), "2.0 % of frames lost, at most 1"),
        (HealthSample(NEW, frames=2000, errors=float("nan")), "nan % of frames lost, at most 1"),
        (HealthSample(NEW, update="shadow"), ""),
        (
            HealthSample(NEW, update="refused", update_reason="action differs in 60 %"),
            "its update was refused: action differs in 60 %",
        ),
        (
            HealthSample(NEW, "active", "settings not changed: golden frames differ"),
            "its service did not take the bundle: golden frames differ",
        ),
    ],
)
def test_bad_signs(now: HealthSample, line: str) -> None:
    before = HealthSample(
        "a" * 64, "active", "", 2, 60.0, 1000, 4, doctor=("temperature: 86 degrees",)
    )
    assert health.problem(now, before, HealthLimits(), NEW) == line


def test_limits_of_the_user_count() -> None:
    limits = HealthLimits(age_ms=20)
    line = health.problem(HealthSample(age_ms=21), None, limits)
    assert line == "age of frames 21 ms, at most 20"


def result(board: str, task: str, status: str, **content: Any) -> TaskOutcome:
    return TaskOutcome(board, task, status, content)


def test_each_board_has_one_outcome_and_the_first_failure_counts() -> None:
    outcomes = results_of(
        ["a", "b", "c", "d"],
        [
            result("a", "Copy the bundle", "ok", changed=True),
            result("a", "Report", "ok", edge_report={"sha256": NEW}),
            result("b", "Point at the bundle", "ok", changed=True),
            result(
                "b", "Let the bundle run", "failed", rc=1, stderr="Job failed.\n", msg="non-zero"
            ),
            result("b", "Later", "failed", msg="worse"),
            result("c", "Copy", "failed", msg="[Errno 28] No space left on device: '/opt'"),
        ],
    )
    assert outcomes == {
        "a": BoardResult({"sha256": NEW}, changed=True),
        "b": BoardResult({}, "Let the bundle run: Job failed.", changed=True, is_touched=True),
        "c": BoardResult({}, "the disk is full: free some space there"),
        "d": BoardResult({}, "Ansible did not come to its end there: run it again"),
    }


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("ssh: connect to host h port 22: Connection refused", "refuses connections"),
        ("ssh: connect to host h port 22: Connection timed out", "does not answer"),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "another host key than it had",
        ),
        ("No ED25519 host key is known. Host key verification failed.", "is not known here"),
        ("pi@h: Permission denied (publickey).", "takes none of your keys"),
        ("sudo: a password is required", "NOPASSWD"),
    ],
)
def test_why_a_board_is_not_reached_is_one_clear_line(message: str, words: str) -> None:
    unreachable = result("a", "Look", "unreachable", msg=message, edge_address={"host": "h"})
    (outcome,) = results_of(["a"], [unreachable]).values()
    assert outcome.unreachable and words in outcome.problem and "\n" not in outcome.problem


def test_an_expired_key_is_told_in_the_words_of_edge_bundle() -> None:
    failed = result(
        "a", "Trust keys", "failed", msg="All items completed",
        results=[{"failed": True, "rc": 2, "stderr": "Error: 2020-01-01 is over: give --expires"}],
    )  # fmt: skip
    (outcome,) = results_of(["a"], [failed]).values()
    assert outcome.problem == "Trust keys: 2020-01-01 is over: give --expires"


def test_refused_settings_are_told_in_the_words_of_edge_run() -> None:
    failed = result(
        "a", "Settings", "failed", msg="failed to validate", exit_status=2, stdout="",
        stderr="Error: run.toml: rate: \"fast\" is no number of frames a second\n",
    )  # fmt: skip
    (outcome,) = results_of(["a"], [failed]).values()
    assert outcome.problem == 'Settings: run.toml: rate: "fast" is no number of frames a second'


def test_other_lines_are_no_results() -> None:
    assert TaskOutcome.parse("PLAY [all]") is None
    assert TaskOutcome.parse('{"board": 1}') is None
    line = '{"board": "a", "task": "t", "status": "ok", "result": {}, "ignored": false}'
    assert TaskOutcome.parse(line) == TaskOutcome("a", "t", "ok")
