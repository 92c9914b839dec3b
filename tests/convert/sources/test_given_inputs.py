"""Networks with an input that is given while they run: converted, verified, streamed and refused."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import edge_benchmarks.cli
from edge import cli, open_bundle
from edge.bundle import Bundle, GateSpec, GivenInput
from edge.bundle.manifest_check import check
from edge.check import evaluate, self_test
from edge.stream import Stream, StreamOptions, given_beside, with_given
from edge_common import ConfigError, ModelError
from edge_convert.cli import main
from edge_convert.inputs import InputRequest, TensorForm, network_inputs
from tests import tiny
from tests.edge.stream import side_inputs

FLOAT = ("--encoder-precision", "float32", "--head-precision", "float32")
FRAMES = TensorForm("frames", (None, 4, 32, 32, 3))


def convert(folder: Path, *words: str) -> str:
    """What it says; `net.edge` stands beside if all went well."""
    paths = [str(folder / word) if "." in word and "=" not in word else word for word in words]
    done = CliRunner().invoke(main, [*paths, "-o", str(folder / "net.edge"), "--no-cache"])
    return f"{done.exit_code} {done.output}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    side_inputs.network().save(folder / "net.keras")
    data = side_inputs.clips()
    clips, speeds = data["clips"], data["speed"]
    np.savez(folder / "clips.npz", **data)
    np.savez(folder / "without.npz", clips=clips)
    np.savez(folder / "narrow.npz", clips=clips, speed=speeds[:, 0])
    np.savez(folder / "nan.npz", clips=clips, speed=np.where(speeds > 0, speeds, np.nan))
    np.savez(folder / "same.npz", clips=clips, speed=np.ones_like(speeds))
    said = convert(
        folder, "net.keras", "--calibration", "clips.npz", "--validation", "clips.npz",
        "--given", "speed=m/s", *FLOAT,
    )  # fmt: skip
    assert said.startswith("0 ")
    assert "'speed': 2 numbers in m/s, -0.98" in said
    return folder


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return open_bundle(str(folder / "net.edge"))


def test_the_manifest_states_name_shape_unit_and_range(folder: Path, bundle: Bundle) -> None:
    with zipfile.ZipFile(folder / "net.edge") as archive:
        stated = json.loads(archive.read("manifest.json"))
    (given,) = stated["inputs"]
    assert (stated["schema"], given["name"], given["shape"], given["unit"]) == (
        13,
        "speed",
        [2],
        "m/s",
    )
    assert -1 <= given["low"] < given["high"] <= 3
    assert [part.get("given_inputs") for part in stated["parts"]] == [None, ["speed"]]
    assert bundle.manifest.streaming == "window-ring"
    assert bundle.manifest.gate is None


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 12},
        {"inputs": ()},
        {"gate": GateSpec(1.0)},
        {"inputs": (GivenInput("speed", (2,), "", 1, 0),)},
        {"inputs": (GivenInput("speed", (2,), "", float("nan"), 1),)},
        {"inputs": (GivenInput("speed", (2, 1)),)},
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(bundle: Bundle, change) -> None:
    check(bundle.manifest)
    with pytest.raises(ValueError, match="does not fit together"):
        check(replace(bundle.manifest, **change))


def test_each_decision_is_made_with_what_holds_at_its_newest_frame(folder, bundle) -> None:
    frames = np.load(folder / "clips.npz")["clips"].reshape(-1, 32, 32, 3)[:8]
    speeds = np.random.default_rng(1).uniform(-1, 3, (8, 2)).astype(np.float32)
    stream, model = Stream(bundle, inputs={"speed": [9, 9]}), side_inputs.network()
    model.load_weights(folder / "net.keras")
    for t, frame in enumerate(frames):
        decision = stream.push(np.ascontiguousarray(frame[..., ::-1]), inputs={"speed": speeds[t]})
        if decision is None:
            continue
        window = frames[t - 3 : t + 1][None].astype(np.float32)
        expected = model([speeds[t : t + 1], window]).numpy()[0]
        np.testing.assert_allclose(decision.tasks["kind"].scores, expected, atol=1e-5)
    kept = stream.push(np.ascontiguousarray(frames[0][..., ::-1]))
    stream.reset()
    for frame in (*frames[-3:], frames[0]):
        again = stream.push(np.ascontiguousarray(frame[..., ::-1]))
    np.testing.assert_array_equal(kept.tasks["kind"].scores, again.tasks["kind"].scores)


def test_windows_keep_what_is_given_beside_them_by_their_first_axis_alone() -> None:
    windows = with_given(np.arange(12).reshape(4, 3), {"speed": np.arange(4)})
    assert given_beside(windows[1:3])["speed"].tolist() == [1, 2]
    assert given_beside(windows[np.array([3, 0])])["speed"].tolist() == [3, 0]
    for plain in (windows[0], windows.reshape(2, 6), windows + 1, np.asarray(windows)):
        assert not given_beside(plain)


def test_the_golden_frames_hold_what_was_given(bundle: Bundle) -> None:
    assert bundle.golden["input:speed"].shape == (2,)
    assert self_test.self_test(bundle).exact
    options = StreamOptions().with_inputs({"speed": bundle.golden["input:speed"] + 1})
    other = evaluate.replay(bundle, bundle.golden["frames"], options)
    assert not np.array_equal(other["kind"], bundle.golden["kind"])


@pytest.mark.parametrize(
    "words", [("versus", "net.edge", "--processes", "4"), ("predict", "--device", "pi-4")]
)
def test_a_bench_gives_what_the_golden_frames_were_given(folder: Path, words) -> None:
    path = str(folder / "net.edge")
    words = [path if word == "net.edge" else word for word in words]
    done = CliRunner().invoke(edge_benchmarks.cli.main, [words[0], path, *words[1:], "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {},
            r"takes 'speed' \(2 numbers in m/s, .*--input speed=1,1, .*inputs=\{'speed'",
        ),
        ({"sped": [1, 2]}, "no input 'sped' beside frames; did you mean 'speed'"),
        ({"speed": 1}, "'speed' takes 2 numbers, and 1 was given"),
        ({"speed": [1, float("nan")]}, "takes finite numbers"),
        ({"speed": "fast"}, "takes 2 numbers, and 'fast' was given"),
    ],
)
def test_what_is_not_given_or_does_not_fit_is_said_in_one_line(bundle, inputs, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Stream(bundle).push(np.zeros((32, 32, 3), np.uint8), inputs=inputs)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([("pose", (1e300,) * 9)], "takes finite numbers"),
        ([("pose", (1.0,) * 9), ("pose", (2.0,) * 9)], "'pose' is given twice"),
        ([("pose", ((1.0,), (1.0, 2.0)))], "takes 9 numbers"),
        ([], r"--input pose=(0\.5,){8}\.\.\., in Python"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_numbers_are_checked_before_anything_is_opened(inputs, message) -> None:
    with pytest.raises(ConfigError, match=message):
        StreamOptions(inputs=tuple(inputs)).check_inputs([GivenInput("pose", (9,), "", 0, 1)])


def test_numbers_that_float32_does_not_hold_are_no_input_of_the_command_line(tmp_path) -> None:
    (tmp_path / "a.edge").touch()
    for word in ("car=1e39", "car=nan", "car=1,inf", "car=-1e39"):
        done = CliRunner().invoke(cli.main, [str(tmp_path / "a.edge"), "--input", word])
        assert done.exit_code == 2
        assert "is no NAME=NUMBER" in done.output


def test_edge_run_takes_it_as_an_option_and_from_settings(folder: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        words = (str(folder / "net.edge"), "--source", str(folder / "frames"), *words)
        done = CliRunner().invoke(cli.main, [*words, "--quiet", "--jsonl", str(folder / "a.jsonl")])
        return done.exit_code, done.output

    (folder / "frames").mkdir()
    for number, frame in enumerate(tiny.frames(6)):
        cv2.imwrite(str(folder / "frames" / f"{number}.png"), frame)
    code, output = run()
    assert (code, "--input speed=" in output) == (2, True)
    assert run("--input", "speed=1")[0] == 2
    assert run("--input", "speed=x,1")[0] == 2
    pytest.importorskip("msgspec")
    (folder / "run.toml").write_text('input = ["speed=1.5,2"]\n')
    answers = []
    for words in (["--input", "speed=1.5,2"], ["--config", str(folder / "run.toml")]):
        (folder / "a.jsonl").unlink(missing_ok=True)
        assert run(*words)[0] == 0
        rows = [json.loads(line) for line in (folder / "a.jsonl").read_text().splitlines()]
        answers.append([row["tasks"] for row in rows])
    assert answers[0] == answers[1]
    assert len(answers[0]) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--calibration", "clips.npz"], "--given speed"),
        (["--calibration", "without.npz", "--given", "speed"], "holds none of 'speed'"),
        (["--calibration", "narrow.npz", "--given", "speed"], "'speed' of 2 a clip, (24, 2)"),
        (["--calibration", "nan.npz", "--given", "speed"], "'speed' holds NaN or infinity"),
        (["--calibration", "same.npz", "--given", "speed"], "--constant speed="),
        (["--calibration", "clips.npz", "--given", "sped"], "did you mean 'speed'"),
        (["--calibration", "clips.npz", "--given", "speed="], "as in speed=m/s"),
    ],
)
def test_edge_convert_says_what_is_missing(folder: Path, words, message) -> None:
    said = convert(folder, "net.keras", *words, *FLOAT)
    assert said.startswith("2 ")
    assert message in said


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (TensorForm("speed", (None, 2), "int32"), "float32: turn whole numbers"),
        (TensorForm("speed", (None, None)), "known length"),
        (TensorForm("speed", (None, 2, 2)), "one number or a vector"),
        (TensorForm("speed", (4, 2)), "a batch of 1"),
    ],
)
def test_only_vectors_of_floats_are_given(form: TensorForm, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        network_inputs("net", [FRAMES, form], InputRequest(given={"speed": ""}))


@pytest.mark.parametrize("shape", [(None, 2), (1, 2), (None,), (1,)])
def test_what_is_given_has_a_batch_of_one(shape: tuple[int | None, ...]) -> None:
    use = network_inputs(
        "net", [TensorForm("speed", shape), FRAMES], InputRequest(given={"speed": ""})
    )
    assert (use.name, dict(use.given_shapes)) == ("frames", {"speed": (1, *shape[1:])})
