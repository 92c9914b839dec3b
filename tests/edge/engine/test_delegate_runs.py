"""edge-run through a real delegate: what it takes, how it fails, and what the user is told."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.bundle import Bundle
from edge.cli import main
from edge.engine.delegate import Delegate
from edge.engine.engine import Engine
from edge_common.errors import EngineHung

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def library(emulated_delegate: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The emulated delegate under a short name, to be read in messages."""
    link = tmp_path_factory.mktemp("lib") / "libemu.so"
    link.symlink_to(emulated_delegate)
    return str(link)


@pytest.fixture(scope="session")
def dynamic_model(session_folder: Path) -> Path:
    """A .tflite whose batch is not fixed, so that a runtime finds its shapes as it runs."""
    import tensorflow as tf
    from keras import layers

    model = tf.keras.Sequential(
        [tf.keras.Input((16, 16, 3)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)]
    )
    path = session_folder / "dynamic.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return path


@pytest.fixture
def run(cli: CliRunner, tiny_bundle_path: Path, video_path: Path) -> Run:
    def start(*arguments: str, bundle: Path = tiny_bundle_path) -> Result:
        return cli.invoke(main, [str(bundle), "--source", str(video_path), *arguments])

    return start


def decisions(path: Path) -> list[dict]:
    """What was decided, without the times."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{"frame": line["frame"], "tasks": line["tasks"]} for line in lines]


@pytest.fixture
def decided(run: Run, tmp_path: Path) -> Callable[[str], list[dict]]:
    def start(delegate: str) -> list[dict]:
        path = tmp_path / "lines.jsonl"
        path.unlink(missing_ok=True)
        done = run("--delegate", delegate, "--jsonl", str(path))
        assert done.exit_code == 0, done.output
        return decisions(path)

    return start


def test_the_summary_says_who_computed_what(run: Run, library: str) -> None:
    done = run("--delegate", f"{library}:ops=CONV_2D")
    assert done.exit_code == 0
    assert ", delegate libemu.so:ops=CONV_2D: 30 frames, 27 decisions" in done.stdout
    (encoder,) = [line for line in done.stdout.splitlines() if "operators of encoder" in line]
    assert encoder.startswith("operators of encoder  libemu.so 2 of ")
    assert "(2 CONV_2D), XNNPACK" in encoder
    assert done.stderr == ""


def test_the_summary_as_json_says_it_too(run: Run, library: str) -> None:
    done = run("--delegate", f"{library}:ops=CONV_2D", "--json")
    summary = json.loads(done.stdout)
    assert summary["delegate"] == "libemu.so:ops=CONV_2D"
    encoder = summary["delegation"]["encoder"]
    assert encoder["asked"] == f"{library}:ops=CONV_2D"
    assert encoder["operators"]["libemu.so"] == {"CONV_2D": 2}
    assert "CONV_2D" not in encoder["operators"]["XNNPACK"]
    assert encoder["fallback"] == ""


def test_a_run_through_it_decides_as_the_built_in_kernels_do(decided, library: str) -> None:
    assert decided(library) == decided("none")


def test_the_runtimes_own_ways(run: Run) -> None:
    assert "operators of encoder  XNNPACK" in run("--delegate", "xnnpack").stdout
    without = run("--delegate", "none").stdout
    assert "operators of encoder  built-in kernels" in without
    assert "XNNPACK" not in without


NO_LIBRARY, NO_DELEGATE = "{folder}/text.so", "libc.so.6"
FAILURES = [
    ("{folder}/none.so", "none.so cannot be opened (", "No such file or directory): give its path"),
    (NO_LIBRARY, "text.so cannot be loaded as a shared library", "is it for this machine?"),
    (NO_DELEGATE, "libc.so.6 is a library but no TFLite delegate", "give the delegate's path"),
    ("edgetpu", "the delegate edgetpu is not on this machine", "install libedgetpu1-std"),
    ("{lib}:fail=create", "the delegate libemu.so refuses to start", "fail=create asks for it"),
    ("{lib}:speed=9", "the delegate libemu.so refuses to start", "unknown option 'speed'"),
    ("{lib}:fail=prepare", "libemu.so cannot run encoder.tflite", "fail=prepare asks for it"),
    ("{lib}:ops=CUMSUM", "libemu.so:ops=CUMSUM takes no operator of this network", ""),
]


@pytest.fixture
def filled(library: str, tmp_path: Path) -> Callable[[str], str]:
    (tmp_path / "text.so").write_text("no library\n" * 100)
    return lambda text: text.format(lib=library, folder=tmp_path)


@pytest.mark.parametrize(("asked", "what", "why"), FAILURES)
def test_a_delegate_that_cannot_be_used_is_announced_and_left_out(
    run: Run, decided, filled, tmp_path: Path, asked: str, what: str, why: str
) -> None:
    expected, path = decided("auto"), tmp_path / "without.jsonl"
    done = run("--delegate", filled(asked), "--jsonl", str(path))
    assert done.exit_code == 0
    assert decisions(path) == expected
    said = done.stderr.splitlines()
    assert len(said) == (2 if "fail=prepare" in asked else 1)  # that one fails part by part
    assert said[0].startswith("warning: ") and said[0].endswith("; going on without it")
    assert what in said[0] and why in said[0]
    assert "operators of encoder  XNNPACK" in done.stdout
    (left_out, *_) = [line for line in done.stdout.splitlines() if "it was left out" in line]
    assert what in left_out and why in left_out


@pytest.mark.parametrize(("asked", "what", "why"), FAILURES)
def test_a_strict_delegate_that_cannot_be_used_is_an_error(
    run: Run, filled, asked: str, what: str, why: str
) -> None:
    done = run("--strict-delegate", "--delegate", filled(asked))
    assert done.exit_code == 2
    assert done.stdout == ""
    (said,) = done.stderr.splitlines()
    assert said.startswith("Error: ") and what in said and why in said


def test_each_way_to_fail_has_words_of_its_own() -> None:
    assert len({what for _, what, _ in FAILURES}) == len(FAILURES) - 1  # both options refuse


def test_a_model_with_dynamic_shapes(run: Run, dynamic_model: Path, library: str) -> None:
    told = "libemu.so cannot run model.tflite: it has dynamic shapes; convert it with fixed ones"
    done = run("--delegate", library, bundle=dynamic_model)
    assert done.exit_code == 0
    assumed, warning = done.stderr.splitlines()
    assert assumed.startswith("dynamic: input 16 x 16 RGB, 0..1 (assumed: ")
    assert warning == f"warning: the delegate {told}; going on without it"
    strict = run("--delegate", library, "--strict-delegate", bundle=dynamic_model)
    assert strict.exit_code == 2
    assert f"Error: the delegate {told}" in strict.stderr


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("edgtpu", "did you mean edgetpu?"),
        ("emulated:fast", "options of a delegate are key=value"),
        ("auto:a=1", "takes no options"),
    ],
)
def test_a_misspelt_delegate_is_bad_usage(run: Run, asked: str, said: str) -> None:
    done = run("--delegate", asked)
    assert done.exit_code == 2
    assert said in done.stderr and "Traceback" not in done.output


def test_the_known_name_builds_it_on_first_use(
    run: Run, emulated_delegate: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = run("--delegate", "emulated:ops=CONV_2D", "--strict-delegate")
    assert done.exit_code == 0, done.output
    assert "operators of encoder  emulated 2 of" in done.stdout
    (built,) = (tmp_path / "edge-run/delegates").iterdir()
    assert built.name.startswith("libedge_emulated_delegate-")


def test_no_compiler_is_announced_or_an_error(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CC", raising=False)
    said = "there is no C compiler: apt-get install gcc libc6-dev"
    done = run("--delegate", "emulated")
    assert done.exit_code == 0
    assert f"{said}; going on without it" in done.stderr
    strict = run("--delegate", "emulated", "--strict-delegate")
    assert strict.exit_code == 2
    assert said in strict.stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e300", "-1"])
def test_a_timeout_is_a_number_of_seconds_within_a_day(run: Run, seconds: str) -> None:
    done = run("--invoke-timeout", seconds)
    assert done.exit_code == 2
    assert "Invalid value for '--invoke-timeout'" in done.stderr


def test_a_delegate_whose_path_has_no_file_name_is_named(run: Run) -> None:
    done = run("--delegate", ".")
    assert ", delegate .: 30 frames" in done.stdout
    assert "the delegate . cannot be opened" in done.stderr


def test_a_failure_at_work_is_announced_and_the_window_kept(
    run: Run, library: str, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl"
    done = run("--delegate", f"{library}:fail=invoke:9", "--jsonl", str(path))
    assert done.exit_code == 0
    assert [line["frame"] for line in decisions(path)] == list(range(3, 30))
    told = "libemu.so failed in {} at invocation 9: fail=invoke:9 asks for it; going on without it"
    assert done.stderr.splitlines() == [
        f"warning: the delegate {told.format(file)}" for file in ("encoder.tflite", "head.tflite")
    ]
    assert "operators of encoder  XNNPACK" in done.stdout


def test_the_frame_at_which_it_failed_is_computed_again(tiny_bundle: Bundle, library: str) -> None:
    part = tiny_bundle.manifest.part("encoder")
    model = tiny_bundle.members[part.file]
    failing = Engine(model, delegate=Delegate(library, (("fail", "invoke:2"),)))
    plain = Engine(model)
    for invocation in (1, 2, 3):
        for engine in (failing, plain):
            values = np.random.default_rng(invocation).integers(-128, 128, part.inputs[0].shape)
            engine.input()[:] = values
            engine.invoke()
        if invocation > 1:
            for index in range(len(part.outputs)):
                np.testing.assert_array_equal(failing.output(index), plain.output(index))
    assert failing.invocations == 3
    assert "at invocation 2" in failing.delegation.fallback


def test_a_strict_delegate_that_fails_at_work_leaves_whole_outputs(
    run: Run, library: str, tmp_path: Path
) -> None:
    path, film = tmp_path / "some.jsonl", tmp_path / "some.mp4"
    outputs = ["--jsonl", str(path), "--save", str(film)]
    done = run("--delegate", f"{library}:fail=invoke:9", "--strict-delegate", *outputs)
    assert done.exit_code == 2
    (said,) = [line for line in done.stderr.splitlines() if line]
    assert said.startswith("Error: the delegate libemu.so failed in encoder.tflite at invocation 9")
    assert [line["frame"] for line in decisions(path)] == list(range(3, 8))
    assert frames_of(film) == 8
    assert "8 frames, 5 decisions" in done.stdout


def test_a_hang_ends_the_run_with_whole_outputs(
    library: str, tiny_bundle_path: Path, video_path: Path, tmp_path: Path
) -> None:
    path, film = tmp_path / "some.jsonl", tmp_path / "some.mp4"
    command = [sys.executable, "-m", "edge.cli", str(tiny_bundle_path), "--source", str(video_path)]
    asked = ["--delegate", f"{library}:fail=hang:9", "--invoke-timeout", "3"]
    outputs = ["--jsonl", str(path), "--save", str(film)]
    done = subprocess.run([*command, *asked, *outputs], capture_output=True, text=True, timeout=120)
    assert done.returncode == EngineHung.exit_code == 4
    assert done.stderr.startswith("Error: the delegate libemu.so:fail=hang:9 did not come back")
    assert done.stderr.count("\n") == 1
    assert [line["frame"] for line in decisions(path)] == list(range(3, 8))
    assert frames_of(film) == 8
    assert sorted(os.listdir(tmp_path)) == ["some.jsonl", "some.mp4"]
    assert "8 frames, 5 decisions" in done.stdout


def test_a_hang_ends_the_run_although_nobody_reads_what_is_said(
    library: str, tiny_bundle_path: Path, video_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "some.jsonl"
    command = [sys.executable, "-m", "edge.cli", str(tiny_bundle_path), "--source", str(video_path)]
    asked = ["--delegate", f"{library}:fail=hang:9", "--invoke-timeout", "1", "--jsonl", str(path)]
    with open("/dev/full", "w") as full:
        done = subprocess.run([*command, *asked], stdout=full, stderr=full, timeout=120)
    assert done.returncode == 4
    assert [line["frame"] for line in decisions(path)] == list(range(3, 8))


def test_a_hang_ends_a_self_test(library: str, tiny_bundle_path: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", str(tiny_bundle_path), "--self-test"]
    asked = ["--delegate", f"{library}:fail=hang:2", "--invoke-timeout", "1"]
    done = subprocess.run([*command, *asked], capture_output=True, text=True, timeout=120)
    assert done.returncode == 4
    assert done.stdout == ""
    assert "fail=hang:2 did not come back from a frame in 1 s" in done.stderr


def frames_of(film: Path) -> int:
    return int(cv2.VideoCapture(str(film)).get(cv2.CAP_PROP_FRAME_COUNT))


def test_a_self_test_through_it_says_what_it_tested(
    cli: CliRunner, tiny_bundle_path: Path, library: str
) -> None:
    done = cli.invoke(main, [str(tiny_bundle_path), "--self-test", "--delegate", library])
    assert done.exit_code == 0, done.output
    first, *others = done.stdout.splitlines()
    assert first.startswith("self-test passed: 4 decisions as expected")
    assert [line.split("  ")[0] for line in others] == ["operators of encoder", "operators of head"]
    assert all("libemu.so" in line for line in others)
