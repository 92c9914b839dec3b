"""`edge-bench compare`: what it refuses, what it says, in text, Markdown and JSON."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge_benchmarks.cli import main
from edge_benchmarks.judge.compare import OTHER_CLIPS, Change, accuracy_changes, difference_interval
from edge_benchmarks.judge.records import setting_differences
from edge_benchmarks.measure.conditions import FrameSet
from edge_benchmarks.record import Record, TaskFigure, write_record
from edge_common.statistics import wilson_interval
from tests.benchmarks.samples import RECORD

FLOORS = (4.000, 4.004, 4.010, 4.012, 4.020)
BEFORE = replace(RECORD, process_floors_ms=FLOORS)


def slowed(factor: float) -> Record:
    return replace(BEFORE, process_floors_ms=tuple(factor * floor for floor in FLOORS))


def answering(right: int, n: int, data: str = "test.npz", metric: str = "accuracy") -> Record:
    figure = TaskFigure("kind", metric, right / n, n, wilson_interval(right, n))
    streamed = replace(RECORD.streamed, accuracy=(figure,))
    return replace(RECORD, measurements=(streamed,), data=data)


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def run(before: Record, after: Record, *arguments: str) -> Result:
        write_record(tmp_path / "a.json", before)
        write_record(tmp_path / "b.json", after)
        return CliRunner().invoke(main, ["compare", "a.json", "b.json", *arguments])

    return run


@pytest.mark.parametrize(
    ("right", "n", "other", "other_n", "low", "high"),
    [  # R. G. Newcombe, 1998, table II, method 10: (a) and (b)
        (48, 80, 56, 70, 0.0524, 0.3339),
        (3, 10, 9, 10, 0.1705, 0.8090),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(right, n, other, other_n, low, high) -> None:
    shares = right / n, wilson_interval(right, n), other / other_n, wilson_interval(other, other_n)
    assert difference_interval(*shares) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (1.0, "frame time: no difference, 1.000 x"),
        (1.06, "frame time: slower, 1.060 x"),
        (0.94, "frame time: faster, 0.940 x"),
    ],
)
def test_the_verdict_is_in_words_and_the_exit_code_is_0(compare, factor, said) -> None:
    result = compare(BEFORE, slowed(factor))
    assert result.exit_code == 0
    assert said in result.stdout and "5 and 5 processes" in result.stdout


def test_too_few_processes_say_what_to_run(compare) -> None:
    result = compare(RECORD, BEFORE)
    assert result.exit_code == 0
    assert (
        "frame time: not compared, a.json holds the shortest frames of 0 processes and 4 are "
        "needed: edge-bench BUNDLE --processes 20 -o a.json" in result.stdout
    )


def test_other_machines_are_refused_until_allowed(compare) -> None:
    board = replace(BEFORE, machine=replace(BEFORE.machine, cores=4))
    refused = compare(BEFORE, board)
    assert refused.exit_code == 2
    assert "on other machines (cores: 2 and 4)" in refused.stderr
    assert "--across-machines" in refused.stderr and refused.stderr.count("\n") == 1
    allowed = compare(BEFORE, board, "--across-machines")
    assert allowed.exit_code == 0
    assert "warning: measured differently, cores: 2 and 4" in allowed.stdout


def test_other_settings_are_refused_until_allowed(compare) -> None:
    threaded = replace(BEFORE, setup=replace(BEFORE.setup, threads=2))
    refused = compare(BEFORE, threaded)
    assert refused.exit_code == 2
    assert "with other settings (threads: 1 and 2)" in refused.stderr
    assert compare(BEFORE, threaded, "--across-settings").exit_code == 0


def test_the_settings_that_change_the_meaning() -> None:
    setup = replace(
        RECORD.setup,
        runtime_version="2.4.0",
        delegate="/lib/x.so",
        frames=FrameSet("film.mp4", 18, 480, 640),
        min_seconds=30.0,
    )
    assert setting_differences(RECORD, replace(RECORD, setup=setup)) == (
        "runtime: litert 2.3.0 and litert 2.4.0",
        "delegate: auto and x.so",
        "frames: 18 of 120 x 100 and 18 of 640 x 480",
    )


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (answering(870, 1000), "worse"),
        (answering(930, 1000), "better"),
        (answering(890, 1000), "no difference"),
        (answering(900, 1000, data="other.npz"), OTHER_CLIPS),
    ],
)
def test_accuracy_is_judged_by_the_interval_of_the_difference(after, verdict) -> None:
    (found,) = accuracy_changes(answering(900, 1000), after)
    assert found.verdict == verdict


def test_an_error_is_better_where_it_is_smaller() -> None:
    smaller, larger = (answering(right, 1000, metric="mean_absolute_error") for right in (100, 900))
    assert [c.verdict for c in accuracy_changes(larger, smaller)] == ["better"]
    assert [c.verdict for c in accuracy_changes(smaller, larger)] == ["worse"]


def test_what_is_not_measured_gets_no_verdict() -> None:
    (found,) = accuracy_changes(answering(9, 10), replace(RECORD, measurements=(RECORD.streamed,)))
    assert found.verdict == "no difference"
    nothing = replace(RECORD.streamed, accuracy=(TaskFigure("kind", "accuracy"),))
    (found,) = accuracy_changes(answering(9, 10), replace(RECORD, measurements=(nothing,)))
    assert found == Change("accuracy of kind", 0.9, None, "share")


def test_other_figures_are_listed_only_where_they_changed(compare) -> None:
    grown = replace(BEFORE.bundle, size_bytes=14_000_000, sha256="cd" * 32)
    lines = compare(BEFORE, replace(BEFORE, bundle=grown)).stdout.splitlines()
    assert "bundle: another file (sha256 abababababab, cdcdcdcdcdcd)" in lines
    squeezed = [" ".join(line.split()) for line in lines]
    assert "size 13.00 MB 14.00 MB +7.7 % larger" in squeezed
    unchanged = next(line for line in lines if line.startswith("unchanged: "))
    assert "multiply-adds" in unchanged and "p50 of a frame" in unchanged


def test_an_interrupted_record_is_doubted(compare) -> None:
    result = compare(BEFORE, replace(BEFORE, complete=False))
    assert "warning: b.json was interrupted" in result.stdout


def test_what_cannot_be_compared_is_said(compare) -> None:
    edited = replace(BEFORE, process_floors_ms=(0.0, *FLOORS))
    assert "a.json holds a frame that took no time" in compare(edited, BEFORE).stdout
    nothing = compare(BEFORE, replace(BEFORE, complete=False, measurements=()))
    assert nothing.exit_code == 2
    assert "b.json holds no measurement: measure again" in nothing.stderr


@pytest.mark.parametrize("command", ["compare", "facts", "gate", "history", "suite"])
def test_help_has_an_example(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0 and "edge-bench " in result.stdout.split("Examples:")[1]


def test_json_and_markdown_say_the_same(compare) -> None:
    found = json.loads(compare(BEFORE, slowed(1.06), "--json").stdout)
    assert found["verdict"] == "slower" and found["same_bundle"] is True
    assert found["ratio"] == pytest.approx(1.06)
    assert found["after"]["floor_ms"] == pytest.approx(4.24)
    text = compare(BEFORE, slowed(1.06), "--markdown").stdout
    assert text.startswith("# tiny\n\n## Slower\n\nframe time: slower, 1.060 x")
    assert compare(BEFORE, BEFORE, "--markdown", "--json").exit_code == 2


def test_a_file_that_is_no_record_is_one_line(tmp_path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("[]")
    result = CliRunner().invoke(main, ["compare", str(bad), str(tmp_path / "none.json")])
    assert result.exit_code == 2 and result.stderr.count("\n") == 1


def test_two_real_runs(tiny_bundle_path, tmp_path) -> None:
    quick = ["--frames=20", "--seconds=0.05", "--rounds=2", "--cold-starts=0", "--processes=0"]
    paths = [str(tmp_path / name) for name in ("a.json", "b.json")]
    for path in paths:
        run = CliRunner().invoke(main, [str(tiny_bundle_path), *quick, "-o", path])
        assert run.exit_code == 0, run.output
    result = CliRunner().invoke(main, ["compare", *paths])
    assert result.exit_code == 0, result.output
    assert "bundle: the same file" in result.stdout
    assert "frame time: not compared" in result.stdout
