"""The harness through a real delegate: latency, partitions, failures, and what records say."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.engine.delegate import Delegate
from edge.engine.delegation import Delegation
from edge.stream import StreamOptions
from edge_benchmarks.cli import main
from edge_benchmarks.commands.run import run as run_command
from edge_benchmarks.judge.records import comparable, setting_differences
from edge_benchmarks.measure.processes import PLAN, _Job
from edge_benchmarks.measure.timing import Plan
from edge_benchmarks.record import Record, from_json, to_json, write_record
from edge_benchmarks.run.bench import Bench
from edge_benchmarks.run.measurement import evidence, warnings_of
from edge_benchmarks.run.request import Analyses, BenchRequest, refuse_impossible
from edge_benchmarks.show.sections import overview
from edge_benchmarks.show.terminal import report
from edge_benchmarks.show.writing import csv_text
from edge_benchmarks.suite.suite_file import SuiteOptions, read_suite
from edge_common.console import Progress
from edge_common.errors import ConfigError, DelegateError
from tests.benchmarks.samples import RECORD, STREAMED, summary

OPTIONS = SuiteOptions(run_command)
SHORT = Plan(frames=4, seconds=0.001, rounds=1, warmup=0)
SAMPLE = {
    "encoder": Delegation("x.so", {"x.so": {"CONV_2D": 9}, "XNNPACK": {"ADD": 1}}, {"x.so": 3}),
    "head": Delegation("x.so", {"built-in kernels": {"ADD": 4}}, {}, "x.so cannot run head.tflite"),
}


def asked_for(delegate: str, base: Record = RECORD, **fields: object) -> Record:
    return replace(base, setup=replace(base.setup, delegate=delegate), **fields)


@pytest.fixture
def measured(emulated_delegate: Path, tiny_bundle_path: Path):
    def run(strict: bool = False, **options: str) -> Record:
        delegate = Delegate(str(emulated_delegate), tuple(options.items()), strict)
        engine = StreamOptions(delegate=delegate)
        request = BenchRequest(str(tiny_bundle_path), engine, plan=SHORT, scenarios=())
        return Bench(request, Progress(quiet=True)).run()

    return run


def test_added_latency_shows_in_every_part(measured) -> None:
    streamed = measured(latency_us="20000").streamed
    assert streamed.invokes_ms["encoder"].p50 >= 20.0
    assert streamed.invokes_ms["head"].p50 >= 20.0
    assert streamed.total_ms.p50 >= 40.0


def test_latency_an_operator_adds_up(measured, emulated_delegate: Path) -> None:
    found = measured(ops="CONV_2D", latency_us_per_op="10000")
    assert found.delegation["encoder"].taken(emulated_delegate.name) == 2
    assert found.streamed.invokes_ms["encoder"].p50 >= 20.0


def test_a_record_says_who_computed_what(measured, emulated_delegate: Path) -> None:
    found = measured(ops="CONV_2D")
    assert found.setup.delegate == f"{emulated_delegate}:ops=CONV_2D"
    encoder = found.delegation["encoder"]
    assert encoder.operators[emulated_delegate.name] == {"CONV_2D": 2}
    assert encoder.fallback == "" and found.left_out == ()
    assert from_json(to_json(found)).delegation == found.delegation
    assert f"operators of encoder         {emulated_delegate.name} 2 of" in report(found)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("create", "refuses to start: fail=create"),
        ("prepare", "cannot run encoder.tflite: fail=prepare"),
        ("invoke:6", "failed in encoder.tflite at invocation 6: fail=invoke:6"),
    ],
)
def test_a_delegate_that_fails_is_in_the_record(measured, fault: str, said: str) -> None:
    found = measured(fail=fault)
    assert said in found.left_out[0]
    assert "XNNPACK" in found.delegation["encoder"].operators
    assert any(said in warning and "without it" in warning for warning in warnings_of(found))
    with pytest.raises(DelegateError, match=said.split(":")[0]):
        measured(strict=True, fail=fault)


def test_figures_from_before_a_failure_are_not_called_those_without_it(measured) -> None:
    (warning,) = [each for each in warnings_of(measured(fail="invoke:6")) if "encoder" in each]
    assert warning.endswith("; from then on the figures are those of a run without it")
    (warning,) = [each for each in warnings_of(measured(fail="prepare")) if "encoder" in each]
    assert warning.endswith("; the figures are those of a run without it")


def test_a_delegate_that_takes_nothing_is_in_the_record(measured) -> None:
    found = measured(ops="none")
    assert found.left_out[0].endswith("takes no operator of this network")
    assert any("those of a run without it" in warning for warning in warnings_of(found))


def test_other_delegates_are_other_settings() -> None:
    other = asked_for("/lib/x.so:a=1", delegation={"encoder": SAMPLE["encoder"]})
    assert setting_differences(RECORD, other) == ("delegate: auto and x.so:a=1",)
    unused = asked_for("/lib/x.so:a=1", delegation=SAMPLE)
    assert setting_differences(other, unused) == ("delegate: x.so:a=1 and x.so:a=1 (left out)",)
    assert comparable(other, asked_for("/opt/x.so:a=1"))  # the folder is no setting
    assert comparable(RECORD, asked_for("xnnpack"))  # the same kernels, asked for by name
    assert not comparable(RECORD, asked_for("none"))


def test_compare_refuses_records_of_different_delegates(cli: CliRunner, tmp_path: Path) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, record in zip(files, (RECORD, asked_for("edgetpu"))):
        write_record(path, record)
    done = cli.invoke(main, ["compare", *map(str, files)])
    assert done.exit_code == 2
    assert "with other settings (delegate: auto and edgetpu)" in done.stderr


def test_waiting_for_an_accelerator_is_no_disturbance() -> None:
    asleep = replace(STREAMED, cpu_ms=summary(0.4))
    assert evidence(asleep, None).waiting > 0.8
    assert evidence(replace(asleep, waits=True), None).waiting == 0.0


def test_the_report_tells_it() -> None:
    record = asked_for("x.so", delegation=SAMPLE)
    (table,) = overview({"tiny": record})[-1].tables
    rows = dict(table.rows)
    assert rows["engine"] == "litert 2.3.0, 1 thread, delegate x.so"
    assert rows["operators"] == (
        "encoder: x.so 9 of 10 in 3 pieces (9 CONV_2D), XNNPACK 1; "
        "head: built-in kernels 4 of 4 (4 ADD)"
    )
    assert rows["without the delegate"] == "x.so cannot run head.tflite"
    assert "encoder:x.so=9 encoder:XNNPACK=1 head:built-in+kernels=4" in csv_text([record])


def test_a_suite_has_an_axis_of_delegates(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text('bundles = ["b"]\ndelegates = ["auto", "none", "/lib/d.so:a=1,b=2"]')
    found = read_suite(path, OPTIONS).combinations()
    assert [each.title for each in found] == [
        "b, auto, 1 thread",
        "b, auto, 1 thread, none",
        "b, auto, 1 thread, d.so:a=1,b=2",
    ]
    assert OPTIONS.arguments(found[0])[:4] == ["--runtime", "auto", "--threads", "1"]
    assert OPTIONS.arguments(found[2])[4:6] == ["--delegate", "/lib/d.so:a=1,b=2"]


def test_a_misspelt_delegate_in_a_suite_is_found_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text('bundles = ["b"]\ndelegates = ["edgtpu"]')
    with pytest.raises(ConfigError, match="did you mean edgetpu"):
        read_suite(path, OPTIONS)


def test_a_fresh_process_is_told_of_the_delegate() -> None:
    options = StreamOptions("litert", 2, Delegate.parse("x.so:a=1", strict=True))
    job = _Job(("b.edge",), options, PLAN, "f.npz")
    assert _Job.of(job.text) == job


@pytest.mark.parametrize("delegate", ["none", "x.so"])
def test_what_looks_inside_knows_the_runtimes_choice_alone(tiny_bundle_path, delegate) -> None:
    options = StreamOptions(delegate=Delegate.parse(delegate))
    request = BenchRequest(str(tiny_bundle_path), options, analyses=Analyses(profile=True))
    with pytest.raises(ConfigError, match=f"not --delegate {delegate}: leave one"):
        refuse_impossible(request, None)


def test_edge_bench_from_the_command_line(
    cli: CliRunner, tiny_bundle_path: Path, emulated_delegate: Path
) -> None:
    quick = ["--frames", "2", "--seconds", "0.001", "--rounds", "1", "--cold-starts", "1"]
    asked = ["--delegate", f"{emulated_delegate}:ops=CONV_2D", "--strict-delegate", "--json"]
    done = cli.invoke(main, [str(tiny_bundle_path), *quick, *asked])
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["schema"] == 3
    taken = record["delegation"]["encoder"]["operators"][emulated_delegate.name]
    assert taken == {"CONV_2D": 2}


@pytest.mark.parametrize("command", [(), ("facts",)])
def test_a_hang_ends_the_benchmark(
    emulated_delegate: Path, tiny_bundle_path: Path, command: tuple[str, ...]
) -> None:
    asked = [*command, str(tiny_bundle_path), "--delegate", f"{emulated_delegate}:fail=hang:6"]
    code = (
        "import edge.engine.watchdog\n"
        "edge.engine.watchdog.LIBRARY_TIMEOUT_S = 3.0\n"
        "from edge_benchmarks.cli import main\n"
        f"main({asked!r}, prog_name='edge-bench')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 4
    assert "fail=hang:6 did not come back from a frame in 3 s" in done.stderr.splitlines()[-1]
