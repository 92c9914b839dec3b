"""What `edge-bench` says to its user, and one real run of each kind."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge_benchmarks import record as rec
from edge_benchmarks.cli import main
from edge_benchmarks.measure import conditions
from edge_benchmarks.measure.timing import Plan
from edge_benchmarks.record import from_json, read_record
from edge_benchmarks.scenarios.catalogue import SCENARIOS
from edge_benchmarks.scenarios.soak import Soak
from edge_common.errors import EngineError
from tests import streaming, tiny
from tests.signals import heed_interrupts

QUICK = ["--frames", 12, "--seconds", 0.05, "--rounds", 2, "--baseline-frames", 4, "--processes", 0]


def invoke(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("command", [[], ["run"], ["score"]])
def test_help_shows_a_runnable_example(command: list[str]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert "Examples:\n    edge-" in result.output


def test_a_bundle_needs_no_command() -> None:
    for arguments in (["nosuch.edge"], ["run", "nosuch.edge"], ["--json", "nosuch.edge"]):
        result = invoke(*arguments)
        assert result.exit_code == 2
        assert "there is no bundle 'nosuch.edge'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", __file__], "--model goes with --baselines"),
        (["--clips", "3"], "--clips goes with --data"),
        (["-o", "no/such/folder/r.json"], "its folder is missing or read-only"),
        (["--source", "nosuch.mp4"], "there is no source nosuch.mp4"),
        (
            ["--strict-delegate", "--delegate", "nosuch.so"],
            "the delegate nosuch.so cannot be opened",
        ),
    ],
)
def test_bad_input_is_said(tiny_bundle_path, arguments: list[str], said: str) -> None:
    result = invoke(tiny_bundle_path, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["run person", "facts person", "versus face person"])
def test_a_detector_answers_no_tasks(command: str) -> None:
    result = invoke(*command.split())
    assert result.exit_code == 2 and "timing, rounds" not in result.stderr
    assert result.stderr.splitlines()[-1] == (
        "Error: person is a detector, which finds boxes and answers no tasks: give a bundle with tasks; "
        "this one goes with edge-run --detector, and edge-bench predict says what it takes"
    )


def test_a_run_end_to_end(tiny_bundle_path, tiny_clips_path, tmp_path) -> None:
    path = tmp_path / "record.json"
    result = invoke(
        tiny_bundle_path, "--data", tiny_clips_path, "--baselines", "-o", path,
        "--cold-starts", 1, *QUICK,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "encoder invocations a frame  1\n" in result.stdout
    found = read_record(path)
    assert found.bundle.size_bytes == tiny_bundle_path.stat().st_size
    assert found.streamed.invocations == {"encoder": 1.0, "head": 1.0}
    assert found.streamed.total_ms.n >= 12
    assert [(f.task, f.n) for f in found.streamed.accuracy] == [("kind", 24), ("size", 24)]
    assert found.measurement(rec.SPLIT_RERUN).invocations == {"encoder": tiny.WINDOW, "head": 1.0}
    assert 1.0 < found.streaming.ceiling < tiny.WINDOW
    assert found.cold_start.first_result_s.p50 > 0 and found.cold_start.peak_rss_bytes > 10e6
    assert (
        "whole window int8, whole window float32, Keras predict: not measured (give --model"
        in result.stdout
    )


def test_json_is_the_record_and_nothing_else(tiny_bundle_path, video_path) -> None:
    result = invoke(tiny_bundle_path, "--json", "--cold-starts", 0, "--source", video_path, *QUICK)
    found = from_json(result.stdout)
    assert found.setup.frames == conditions.FrameSet("clip.mp4", 30, 48, 64)
    assert [figure.value for figure in found.streamed.accuracy] == [None, None]
    assert found.cold_start is None


def test_a_plain_tflite_is_measured(tiny_bundle, tmp_path, video_path) -> None:
    path = tmp_path / "plain.tflite"
    path.write_bytes(tiny_bundle.members["encoder.tflite"])
    result = invoke(path, "--json", "--cold-starts", 0, "--source", video_path, *QUICK)
    found = from_json(result.stdout)
    (part,) = found.bundle.parts
    assert (part.role, part.size_bytes) == ("model", path.stat().st_size)
    assert part.parameters > 1000 and part.multiply_adds > 10_000
    assert found.streamed.invocations == {"model": 1.0}
    assert list(found.streamed.stages_ms) == ["preprocess", "model"]
    assert found.streaming is None


def test_a_network_with_states_is_measured(streaming_files, tmp_path) -> None:
    """What is said of it reaches the processes that start anew, in a bundle."""
    clips = tmp_path / "clips.npz"
    np.savez(clips, clips=tiny.labelled_clips(6)["clips"], output_0=np.arange(6) % 5)
    states = ",".join(f"{name}={name}" for name in streaming.STATES)
    arguments = ["--states", states, "--data", clips, "--cold-starts", 1, "--json", *QUICK]
    result = invoke(streaming_files / "int8.tflite", *arguments)
    assert result.exit_code == 0, result.output
    found = from_json(result.stdout)
    assert (found.bundle.streaming, found.bundle.window) == ("carried-state", 1)
    assert found.streamed.invocations == {"model": 1.0}
    assert (found.streamed.accuracy[0].n, found.cold_start is None) == (6, False)


def test_all_baselines_of_the_tiny_network(
    tiny_bundle_path, tiny_model_path, tiny_clips_path, tmp_path
) -> None:
    arguments = [
        tiny_bundle_path, "--json", "--cold-starts", 0, "--data", tiny_clips_path, "--baselines",
        "--model", tiny_model_path, "--cache", tmp_path, *QUICK,
    ]  # fmt: skip
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    found = from_json(result.stdout)
    assert [m.name for m in found.measurements] == [
        rec.STREAMED, rec.SPLIT_RERUN, rec.WHOLE_INT8, rec.WHOLE_FLOAT, rec.KERAS_PREDICT,
    ]  # fmt: skip
    assert {m.not_measured for m in found.measurements} == {""}
    assert found.measurement(rec.WHOLE_FLOAT).agreement["kind"] == 1.0
    assert found.measurement(rec.WHOLE_FLOAT).accuracy[0].value == (
        found.measurement(rec.KERAS_PREDICT).accuracy[0].value
    )
    assert len(list(tmp_path.iterdir())) == 2
    assert "found in the cache" in invoke(*arguments).stderr


def test_a_score_end_to_end(tmp_path) -> None:
    decisions, truth = tmp_path / "d.jsonl", tmp_path / "t.jsonl"
    decisions.write_text(
        "".join(
            json.dumps({"frame": i, "tasks": {"action": {"label": "left" if i < 20 else "up"}}})
            + "\n"
            for i in range(14, 48)
        )
    )
    truth.write_text(
        '{"first_frame": 0, "last_frame": 23, "tasks": {"action": "left"}}\n'
        '{"first_frame": 24, "last_frame": 47, "tasks": {"action": "up"}}\n'
    )
    assert invoke("score", decisions, truth).stdout == (
        "20 of 34 decisions counted: their window of 15 frames lies within one segment\n"
        "14 left out, because their window straddles segments\n"
        "\n"
        "task         over    metric   value  right/n     95 % interval\n"
        "------  ---------  --------  ------  -------  ----------------\n"
        "action  decisions  accuracy  0.8000    16/20\n"
        "         segments            0.5000      1/2  0.0945 to 0.9055\n"
    )


def test_a_score_takes_the_window_of_the_bundle(tiny_bundle_path, tmp_path) -> None:
    decisions, truth = tmp_path / "d.jsonl", tmp_path / "t.jsonl"
    decisions.write_text('{"frame": 3, "tasks": {"kind": {"label": "a"}}}\n')
    truth.write_text('{"first_frame": 0, "last_frame": 3, "tasks": {"kind": "a"}}\n')
    result = invoke("score", decisions, truth, "--bundle", tiny_bundle_path, "--json")
    assert json.loads(result.stdout)["window"] == tiny.WINDOW
    assert json.loads(result.stdout)["counted"] == 1


def test_a_malformed_line_is_one_line_on_stderr(tmp_path) -> None:
    bad = tmp_path / "d.jsonl"
    bad.write_text("{\n")
    result = invoke("score", bad, bad)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {bad}, line 1: is not JSON")
    assert result.stderr.count("\n") == 1


def test_the_harness_runs_without_tensorflow() -> None:
    code = (
        "import sys; sys.modules.update(tensorflow=None, keras=None);"
        "import edge_benchmarks.cli, edge_benchmarks.run.bench;"
        "import edge_benchmarks.show.terminal, edge_benchmarks.show.verdicts"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_is_instant_because_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, edge_benchmarks.cli;"
        "assert not {'numpy', 'cv2', 'tensorflow', 'ai_edge_litert'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_installed_command_works() -> None:
    script = shutil.which("edge-bench", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("edge-bench is not installed")
    done = subprocess.run([script, "--version"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("edge-bench, version ")


@pytest.fixture
def short_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh processes that measure a moment each."""
    short = Plan(frames=20, seconds=0.05, rounds=2)
    monkeypatch.setattr("edge_benchmarks.measure.processes.PLAN", short)


def test_every_scenario_and_analysis_of_a_real_run(
    tiny_bundle_path, video_path, tmp_path, short_processes
) -> None:
    path = tmp_path / "record.json"
    # sources, which takes minutes, has a test of its own
    scenarios = [each for each in SCENARIOS if each.name not in ("soak", "sources")]
    names = [each.name for each in scenarios]
    result = invoke(
        tiny_bundle_path, "--source", video_path, *QUICK, "--processes", 4, "-o", path,
        "--profile", "--roofline", "--engines", "--rate", 50, "--cold-starts", 1,
        *(word for name in names for word in ("--scenario", name)),
        "--scenario", "soak", "--soak-minutes", 0.01,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = read_record(path)
    assert all(each.result_of(found).complete for each in scenarios)
    soak = Soak.result_of(found)
    assert soak.intervals and not soak.errors
    assert len(found.process_floors_ms) == 4 and min(found.process_floors_ms) > 0
    assert set(found.profiles) == set(found.roofline) == {"encoder", "head"}
    assert {engine.engine for engine in found.engines} == {"openvino", "onnxruntime"}
    assert found.overhead.reported_us > 0 and found.complete
    for said in (
        "measuring adds ",
        "camera, 50 Hz",
        "offline",
        "capacity",
        "of the peak",
        "operator by operator",
    ):
        assert said in result.output


def test_an_interrupted_run_leaves_what_it_measured(tiny_bundle_path, tmp_path) -> None:
    path = tmp_path / "record.json"
    command = [
        sys.executable,
        "-c",
        "from edge_benchmarks.cli import main; main()",
        str(tiny_bundle_path),
    ]
    options = ["--seconds", "0.2", "--rounds", "2", "--frames", "20", "--processes", "100"]
    process = subprocess.Popen(
        [*command, *options, "-o", str(path)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    for line in process.stderr:
        if "fresh processes" in line:
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    found = read_record(path)
    assert not found.complete and found.streamed.total_ms.n >= 20
    assert "PARTIAL" in process.stdout.read()


def test_two_bundles_in_turn(tiny_bundle_path, short_processes) -> None:
    result = invoke("versus", tiny_bundle_path, tiny_bundle_path, "--processes", 4, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert len(said["before_ms"]) == len(said["after_ms"]) == 4
    assert said["interval"][0] < said["ratio"] < said["interval"][1]


def test_what_fails_late_does_not_take_the_timing_with_it(
    tiny_bundle_path, tmp_path, monkeypatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise EngineError("no profiler here")

    monkeypatch.setattr("edge_benchmarks.run.request.recorder.profile_part", refuse)
    path = tmp_path / "record.json"
    result = invoke(tiny_bundle_path, *QUICK, "--profile", "--cold-starts", 1, "-o", path)
    assert result.exit_code == 2
    assert "warning: no profiler here" in result.stderr
    assert "FAILED: no profiler here" in result.stdout
    found = read_record(path)
    assert found.failures == ("no profiler here",) and found.complete
    assert found.streamed.total_ms.n >= 12 and found.cold_start


def test_what_cannot_be_had_is_said_before_the_work(tiny_bundle_path) -> None:
    for arguments, said in [
        (["--scenario", "pipeline"], "the pipeline scenario reads a recording: give --source"),
        (["--scenario", "camera", "--rate", 0], "--rate 0 (flat out) is for the soak alone"),
    ]:
        result = invoke(tiny_bundle_path, *arguments)
        assert result.exit_code == 2 and said in result.stderr
