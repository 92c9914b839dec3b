"""`edge-bench facts`: what needs no clock, the same each time."""

import json

import pytest
from click.testing import CliRunner

from edge.bundle import Bundle, open_bundle
from edge.stream import StreamOptions
from edge_benchmarks.cli import main
from edge_benchmarks.judge.facts import (
    FACTS_SCHEMA,
    Facts,
    GoldenFacts,
    facts_from_fields,
    facts_of,
    facts_to_json,
    gather,
    golden_text,
    write_facts,
)
from edge_benchmarks.record import TaskFigure
from edge_common.console import Progress
from edge_common.errors import ConfigError, EngineError, SelfTestFailed, SinkError
from tests.benchmarks.samples import RECORD

FACTS = Facts(
    FACTS_SCHEMA,
    RECORD.bundle,
    "litert",
    "2.3.0",
    {"encoder": {"CONV_2D": 30, "ADD": 10}, "head": {"SOFTMAX": 2}},
    {"encoder": {}, "head": {"SOFTMAX": 1}},
    {"encoder": 1.0, "head": 1.0},
    (TaskFigure("kind", "accuracy", 0.9, 1000), TaskFigure("size", "mean_absolute_error", 2.0, 9)),
    "test.npz",
    True,
    GoldenFacts("ab" * 32, True, "", {"kind": (0, -1, 2)}),
)


def test_facts_come_back_as_they_were() -> None:
    assert facts_from_fields(json.loads(facts_to_json(FACTS)), "f.json") == FACTS


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"facts_schema": 7}, "f.json has facts version 7, this edge-bench reads 1: make it again"),
        ({"facts_schema": 1}, "f.json holds no facts of a bundle \\(key 'bundle' is missing\\)"),
    ],
)
def test_other_facts_are_refused(fields: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        facts_from_fields(fields, "f.json")


def test_an_unwritable_place_is_said(tmp_path) -> None:
    with pytest.raises(SinkError, match="choose another path"):
        write_facts(tmp_path / "no" / "f.json", FACTS)


def test_a_record_holds_some_of_them() -> None:
    found = facts_of(RECORD)
    assert found.bundle == RECORD.bundle and found.invocations == {"encoder": 1.0, "head": 1.0}
    assert found.operators is None and found.golden is None
    assert [figure.value for figure in found.accuracy] == [0.8, None]


@pytest.mark.parametrize(
    ("golden", "said"),
    [
        (None, "not measured"),
        (FACTS.golden, "as expected, 2 of 3 labels sure"),
        (GoldenFacts("", False, "task kind is off"), "other than expected, task kind is off"),
    ],
)
def test_golden_decisions_in_words(golden: GoldenFacts | None, said: str) -> None:
    assert golden_text(golden) == said


def gathered(name, data=None) -> Facts:
    return gather(str(name), StreamOptions(), data, Progress(quiet=True))


def test_the_facts_of_a_real_bundle(tiny_bundle_path, tiny_clips_path) -> None:
    found = gathered(tiny_bundle_path, tiny_clips_path)
    assert found.bundle.size_bytes == tiny_bundle_path.stat().st_size
    assert found.invocations == {"encoder": 1.0, "head": 1.0}
    assert found.operators["encoder"]["CONV_2D"] == 2
    assert set(found.left_to_other_kernels) == {"encoder", "head"}
    assert found.measured and [(f.task, f.n) for f in found.accuracy] == [
        ("kind", 24),
        ("size", 24),
    ]
    assert found.golden.passed and set(found.golden.decisions) == {"kind"}
    assert gathered(tiny_bundle_path, tiny_clips_path) == found


def test_without_clips_the_bundle_speaks_for_itself(tiny_bundle_path) -> None:
    found = gathered(tiny_bundle_path)
    said = [a for a in open_bundle(tiny_bundle_path).manifest.accuracy if a.graph == "streamed"]
    assert not found.measured and found.data == said[0].data
    assert [f.value for f in found.accuracy] == [a.value for a in said]


def test_a_plain_tflite_has_facts_but_no_golden_decisions(tiny_bundle, tmp_path) -> None:
    path = tmp_path / "plain.tflite"
    path.write_bytes(tiny_bundle.members["encoder.tflite"])
    found = gathered(path)
    assert found.invocations == {"model": 1.0} and found.golden is None
    assert [figure.value for figure in found.accuracy] == [None]


def test_what_cannot_be_told_is_not_0(tiny_bundle_path, monkeypatch) -> None:
    def refuse(model: bytes) -> dict[str, int]:
        raise EngineError("no LiteRT here")

    monkeypatch.setattr("edge_benchmarks.judge.facts.engine.left_to_other_kernels", refuse)
    assert gathered(tiny_bundle_path).left_to_other_kernels is None


def test_a_failed_self_test_is_a_fact(tiny_bundle_path, monkeypatch) -> None:
    def fail(bundle: Bundle, options: StreamOptions) -> None:
        raise SelfTestFailed("task size is off")

    monkeypatch.setattr("edge_benchmarks.judge.facts.self_test.self_test", fail)
    found = gathered(tiny_bundle_path).golden
    assert not found.passed and found.failure == "task size is off"


def test_the_command_writes_and_prints(tiny_bundle_path, tmp_path) -> None:
    path = tmp_path / "f.json"
    arguments = ["facts", str(tiny_bundle_path), "-o", str(path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "encoder invocations a frame: 1\n" in result.stdout
    printed = CliRunner().invoke(main, [*arguments, "--json"]).stdout
    assert printed == path.read_text()
