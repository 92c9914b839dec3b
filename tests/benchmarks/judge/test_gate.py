"""`edge-bench gate`: what passes, what fails, what nobody can tell."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge_benchmarks.cli import main
from edge_benchmarks.judge.checks import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    Allowances,
    Check,
    check_facts,
    check_instructions,
)
from edge_benchmarks.judge.compare import Comparison
from edge_benchmarks.judge.facts import Facts, GoldenFacts, write_facts
from edge_benchmarks.judge.gate import slowdown_outcome
from edge_benchmarks.record import Record, TaskFigure, write_record
from edge_devices.emulation.counting import Counts
from tests.benchmarks.commands.test_compare_command import BEFORE, slowed
from tests.benchmarks.judge.test_facts import FACTS
from tests.benchmarks.samples import RECORD

ROOT = Path(__file__).parents[3]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def run(baseline: Record | Facts | None, new: Record | Facts, *arguments: str) -> Result:
        for name, figures in (("old.json", baseline), ("new.json", new)):
            if figures is not None:
                write = write_facts if isinstance(figures, Facts) else write_record
                write(tmp_path / name, figures)
        command = ["gate", "new.json", "--baseline", "old.json", *arguments]
        return CliRunner().invoke(main, command)

    return run


def checked(new: Facts, baseline: Facts = FACTS) -> Mapping[str, Check]:
    return {check.figure: check for check in check_facts(baseline, new, Allowances())}


@pytest.mark.parametrize(
    ("ratio", "interval", "outcome"),
    [
        (1.00, (0.97, 1.03), PASS),
        (0.80, (0.77, 0.83), PASS),
        (1.04, (1.01, 1.07), PASS),  # certainly slower, by no more than is allowed
        (1.06, (1.03, 1.09), FAIL),
        (1.06, (0.99, 1.13), INCONCLUSIVE),
        (1.00, (0.90, 1.10), INCONCLUSIVE),
        (float("nan"), (float("nan"), float("nan")), INCONCLUSIVE),
    ],
)
def test_frames_are_judged_by_estimate_and_interval(ratio, interval, outcome) -> None:
    assert slowdown_outcome(Comparison(ratio, interval), allowance=0.05)[0] == outcome


def test_a_file_with_nan_is_refused(gate, tmp_path: Path) -> None:
    gate(FACTS, FACTS)
    text = (tmp_path / "new.json").read_text()
    assert '"value": 0.9' in text
    (tmp_path / "new.json").write_text(text.replace('"value": 0.9', '"value": NaN'))
    result = CliRunner().invoke(main, ["gate", "new.json", "--baseline", "old.json"])
    assert result.exit_code == 2
    assert "'accuracy[0].value' should be a number, not nan" in result.stderr


@pytest.mark.parametrize(
    ("factor", "arguments", "exit_code", "said"),
    [
        (1.0, [], 0, "gate passed"),
        (1.1, [], 1, "gate failed: frame time"),
        (1.1, ["--max-slower", "15%"], 0, "gate passed"),
        (1.1, ["--deterministic"], 0, "gate passed"),
        (1.02, ["--max-slower", "1%"], 0, "warning: inconclusive: frame time\ngate passed"),
        (1.02, ["--max-slower", "1", "--strict"], 1, "--strict lets nothing inconclusive pass"),
    ],
)
def test_records_are_gated_on_time(gate, factor, arguments, exit_code, said) -> None:
    result = gate(BEFORE, slowed(factor), *arguments)
    assert result.exit_code == exit_code, result.output
    assert said in result.stdout


def test_too_few_processes_are_inconclusive(gate) -> None:
    result = gate(RECORD, BEFORE)
    assert result.exit_code == 0
    assert "old.json holds the shortest frames of 0 processes" in result.stdout


def test_the_same_facts_pass(gate) -> None:
    assert {check.outcome for check in checked(FACTS).values()} == {PASS}
    result = gate(FACTS, FACTS, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0 and found["outcome"] == "pass"
    assert "frame time" not in {check["figure"] for check in found["checks"]}


@pytest.mark.parametrize(
    ("changed", "figure", "outcome"),
    [
        ({"bundle": replace(FACTS.bundle, size_bytes=13_100_000)}, "size", PASS),
        ({"bundle": replace(FACTS.bundle, size_bytes=13_200_000)}, "size", FAIL),
        ({"operators": {"encoder": {"CONV_2D": 60}}}, "operators", FAIL),
        ({"operators": None}, "operators", INCONCLUSIVE),
        ({"left_to_other_kernels": {"head": {"SOFTMAX": 2}}}, "operators outside XNNPACK", FAIL),
        ({"left_to_other_kernels": {"head": {}}}, "operators outside XNNPACK", PASS),
        ({"invocations": {"encoder": 15.0, "head": 1.0}}, "encoder invocations a frame", FAIL),
        ({"golden": None}, "golden decisions", INCONCLUSIVE),
    ],
)
def test_each_fact_has_its_allowance(changed, figure: str, outcome: str) -> None:
    found = checked(replace(FACTS, **changed))
    assert found.pop(figure).outcome == outcome
    assert {check.outcome for check in found.values()} == {PASS}


@pytest.mark.parametrize(
    ("figure", "data", "outcome"),
    [
        (TaskFigure("kind", "accuracy", 0.895, 1000), "test.npz", PASS),  # 0.5 points
        (TaskFigure("kind", "accuracy", 0.894, 1000), "test.npz", FAIL),
        (TaskFigure("kind", "accuracy", float("nan"), 1000), "test.npz", FAIL),
        (TaskFigure("kind", "accuracy", 0.95, 1000), "test.npz", PASS),
        (TaskFigure("kind", "accuracy", 0.9, 1000), "other.npz", INCONCLUSIVE),
        (TaskFigure("kind", "accuracy", 0.5, 100), "test.npz", INCONCLUSIVE),
        (TaskFigure("kind", "accuracy"), "test.npz", INCONCLUSIVE),
    ],
)
def test_accuracy_may_drop_by_half_a_point(figure, data: str, outcome: str) -> None:
    new = replace(FACTS, accuracy=(figure, FACTS.accuracy[1]), data=data)
    assert checked(new)["accuracy of kind"].outcome == outcome


@pytest.mark.parametrize(
    ("error", "outcome"), [(1.0, PASS), (2.01, PASS), (2.1, FAIL), (float("nan"), FAIL)]
)
def test_an_error_may_grow_by_one_per_cent(error: float, outcome: str) -> None:
    grown = TaskFigure("size", "mean_absolute_error", error, 9)
    found = checked(replace(FACTS, accuracy=(FACTS.accuracy[0], grown)))
    assert found["mean absolute error of size"].outcome == outcome


@pytest.mark.parametrize(
    ("golden", "outcome"),
    [
        (GoldenFacts("ab" * 32, True, "", {"kind": (0, 1, -1)}), PASS),  # only unsure ones differ
        (GoldenFacts("ab" * 32, True, "", {"kind": (1, -1, 2)}), FAIL),
        (GoldenFacts("ab" * 32, True, "", {}), FAIL),
        (GoldenFacts("ab" * 32, False, "task kind is off", {"kind": (0, -1, 2)}), FAIL),
        (GoldenFacts("cd" * 32, True, "", {"kind": (1, 1, 1)}), PASS),  # of other frames
    ],
)
def test_golden_decisions_stay_as_they_were(golden: GoldenFacts, outcome: str) -> None:
    assert checked(replace(FACTS, golden=golden))["golden decisions"].outcome == outcome


def test_a_record_is_held_against_facts_without_the_clock(gate) -> None:
    baseline = replace(FACTS, operators=None, left_to_other_kernels=None, accuracy=(), golden=None)
    result = gate(baseline, slowed(2.0))
    assert result.exit_code == 0 and "frame time" not in result.stdout


@pytest.mark.parametrize(
    ("baseline", "new", "said"),
    [
        (None, FACTS, "there is no baseline old.json: make it with edge-bench facts BUNDLE -o"),
        (FACTS, replace(FACTS, bundle=replace(FACTS.bundle, name="big")), "is of tiny and new"),
        (BEFORE, replace(BEFORE, complete=False), "the record new.json was interrupted"),
        (BEFORE, replace(BEFORE, setup=replace(BEFORE.setup, threads=2)), "threads: 1 and 2"),
        (BEFORE, replace(BEFORE, machine=replace(BEFORE.machine, cores=4)), "cores: 2 and 4"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(gate, baseline, new, said: str) -> None:
    result = gate(baseline, new)
    assert result.exit_code == 2
    assert said in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize("given", ["-1%", "five", "nan", "inf", "5 %%"])
def test_an_allowance_is_a_number(gate, given: str) -> None:
    result = gate(FACTS, FACTS, f"--max-larger={given}")
    assert result.exit_code == 2 and "is no allowance: write it like 5%" in result.stderr


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}', '{"facts_schema": "1"}'])
def test_what_is_neither_record_nor_facts_is_refused(gate, tmp_path, text: str) -> None:
    (tmp_path / "old.json").write_text(text)
    result = gate(None, FACTS)
    assert result.exit_code == 2 and result.stderr.count("\n") == 1


def test_the_shipped_bundle_passes_its_committed_baseline(tmp_path) -> None:
    new = tmp_path / "new.facts.json"
    assert CliRunner().invoke(main, ["facts", "faces-in-motion", "-o", str(new)]).exit_code == 0
    baseline = ROOT / "benchmarks" / "baseline" / "faces-in-motion.facts.json"
    result = CliRunner().invoke(main, ["gate", str(new), "--baseline", str(baseline), "--json"])
    assert result.exit_code == 0, result.output
    outcomes = {check["figure"]: check["outcome"] for check in json.loads(result.stdout)["checks"]}
    counted = {f"instructions, {board}" for board in ("pi-3b-plus", "pi-4", "pi-5")}
    assert {figure for figure, found in outcomes.items() if found != PASS} == counted


def counts(instructions: int, version: str = "2.3.0") -> Counts:
    return Counts("pi-4", "litert", version, instructions, 7, {"load": instructions}, 8, 4)


COUNTED = replace(FACTS, instructions={"pi-4": {"encoder": counts(1000), "head": counts(200)}})


@pytest.mark.parametrize(
    ("encoder", "outcome", "change"),
    [
        (900, PASS, "-10.00 %"),
        (1000, PASS, "same"),
        (1010, PASS, "+1.00 %"),
        (1011, FAIL, "+1.10 %"),
    ],
)
def test_one_per_cent_more_instructions_are_allowed(
    encoder: int, outcome: str, change: str
) -> None:
    new = replace(FACTS, instructions={"pi-4": {"encoder": counts(encoder), "head": counts(200)}})
    found = {check.figure: check for check in check_instructions(COUNTED, new, 0.01)}
    assert set(found) == {"encoder instructions, pi-4", "head instructions, pi-4"}
    assert found["encoder instructions, pi-4"].outcome == outcome
    assert found["encoder instructions, pi-4"].change == change
    assert found["head instructions, pi-4"].outcome == PASS


def other_version() -> Facts:
    parts = {"encoder": counts(1000, "2.4.0"), "head": counts(200, "2.4.0")}
    return replace(FACTS, instructions={"pi-4": parts})


@pytest.mark.parametrize(
    ("baseline", "new", "said"),
    [
        (COUNTED, FACTS, "not compared: the new file was made without --count pi-4"),
        (FACTS, COUNTED, "not compared: the baseline was made without --count pi-4"),
        (COUNTED, other_version(), "counted with litert 2.3.0, the new file with litert 2.4.0"),
        (
            COUNTED,
            replace(FACTS, instructions={"pi-4": {"model": counts(1200)}}),
            "not compared: the parts were encoder, head and are model",
        ),
    ],
)
def test_what_was_not_counted_alike_is_not_compared(baseline, new, said: str) -> None:
    (found,) = check_instructions(baseline, new, 0.01)
    assert found.figure == "instructions, pi-4" and found.outcome == INCONCLUSIVE
    assert said in found.reason


def test_more_instructions_fail_the_gate(gate) -> None:
    parts = {"encoder": counts(1030), "head": counts(200)}
    new = replace(FACTS, instructions={"pi-4": parts})
    result = gate(COUNTED, new)
    assert result.exit_code == 1
    assert "gate failed: encoder instructions, pi-4" in result.stdout
    assert gate(COUNTED, new, "--max-more-instructions", "3%").exit_code == 0
    assert gate(COUNTED, FACTS).exit_code == 0 and gate(COUNTED, FACTS, "--strict").exit_code == 1
