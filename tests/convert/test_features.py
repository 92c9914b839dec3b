"""Windows of sensors and landmarks: a network over vectors as a bundle, run, benched and refused."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edge import cli as run_cli
from edge.bundle import (
    CARRIED_RING,
    WHOLE_WINDOW,
    WINDOW_RING,
    Bundle,
    InputSpec,
    Manifest,
    open_bundle,
    schema_of,
    write_bundle,
)
from edge.bundle.manifest import FEATURES_SINCE
from edge.bundle.manifest_check import check
from edge.stream import Stream
from edge_benchmarks.cli import main as bench
from edge_common import EdgeError
from edge_convert.cli import main
from tests import tiny

WINDOW, WIDTH = 8, 5


def _model(padding: str = "valid") -> Any:
    """Of an accelerometer's window (8, 5): a convolution over time and an LSTM."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(4)
    window = keras.Input((None, WIDTH))
    x = layers.Conv1D(6, 3, padding=padding, activation="relu", name="conv")(window)
    x = layers.LSTM(6)(x)
    return keras.Model(window, layers.Dense(3, activation="softmax", name="move")(x), name="har")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    rng = np.random.default_rng(5)
    clips = rng.normal(0, 3, (16, WINDOW, WIDTH)).astype(np.float32)
    np.savez(folder / "clips.npz", clips=clips, move=rng.integers(0, 3, 16))
    np.savez(folder / "wide.npz", clips=rng.normal(0, 1, (16, WINDOW, WIDTH + 1)))
    np.savez(folder / "long.npz", clips=rng.normal(0, 1, (16, WINDOW + 2, WIDTH)))
    np.savez(folder / "nan.npz", clips=np.where(clips > 8, np.nan, clips))
    np.savez(folder / "pictures.npz", clips=tiny.labelled_clips(8)["clips"])
    _model().save(folder / "har.keras")
    _model("causal").save(folder / "causal.keras")
    return folder


def _convert(folder: Path, clips: str, *options: str) -> Any:
    words = [folder / "har.keras", "-o", folder / "har.edge", "--calibration", folder / clips]
    return CliRunner().invoke(main, [*map(str, words), *options])


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    result = _convert(
        folder, "clips.npz", "--validation", str(folder / "clips.npz"), "--encoder-precision", "float32"
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "takes [any, any, 5] float32: window 8 taken from clips.npz" in result.stderr
    return open_bundle(folder / "har.edge")


def test_the_manifest_says_that_frames_are_vectors(bundle: Bundle, folder: Path) -> None:
    manifest = bundle.manifest
    assert (manifest.streaming, manifest.window) == (WHOLE_WINDOW, WINDOW)
    assert manifest.input == InputSpec.of_features(WIDTH)
    assert manifest.schema == schema_of((), manifest.input) == FEATURES_SINCE == 8
    with zipfile.ZipFile(folder / "har.edge") as archive:
        stated = json.loads(archive.read("manifest.json"))["input"]
    assert stated["kind"] == "features"
    assert "5 features, taken as they are" in bundle.members["report.md"].decode()
    assert bundle.golden["frames"].dtype == np.float32


def test_each_vector_gives_what_keras_says_of_the_last_window(bundle: Bundle) -> None:
    vectors = np.random.default_rng(6).normal(0, 3, (WINDOW + 4, WIDTH))
    stream, model = Stream(bundle), _model()
    decisions = [stream.push(vector) for vector in vectors]
    assert [decision is None for decision in decisions] == [True] * 7 + [False] * 5
    for end, decision in enumerate(decisions[7:], WINDOW):
        expected = np.asarray(model(vectors[None, end - WINDOW : end].astype(np.float32)))[0]
        np.testing.assert_allclose(decision.tasks["move"].scores, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros(WIDTH + 1), r"a frame is a vector of 5 numbers, \(5,\), .*float64 \(6,\)"),
        (np.zeros((4, 4, 3), np.uint8), r"an image, uint8 \(4, 4, 3\)"),
        (np.array([0, 1, np.nan, 3, 4]), "number 2 of a vector is nan: leave the vector out"),
        (np.array([0, 1, 2, 3, np.inf]), "number 4 of a vector is inf"),
        (np.array(list("abcde")), "a frame is a vector of 5 numbers"),
    ],
)
def test_what_is_no_vector_of_numbers_changes_nothing(
    bundle: Bundle, frame: np.ndarray, message: str
) -> None:
    vectors = np.random.default_rng(7).normal(0, 1, (WINDOW, WIDTH))
    stream, plain = Stream(bundle), Stream(bundle)
    for vector in vectors[:-1]:
        assert stream.push(vector) is None
        assert plain.push(vector) is None
    with pytest.raises(EdgeError, match=message):
        stream.push(frame)
    decisions = [each.push(vectors[-1]) for each in (stream, plain)]
    scores = [decision.tasks["move"].scores for decision in decisions if decision]
    assert len(scores) == 2
    np.testing.assert_array_equal(*scores)


def _in_two_parts(folder: Path, model: str, *options: str) -> Bundle:
    words = [model, "-o", "parts.edge", "--calibration", "clips.npz", "--window", str(WINDOW)]
    words += ["--encoder-precision", "float32", "--head-precision", "float32"]
    words = [str(folder / word) if "." in word else word for word in words]
    result = CliRunner().invoke(main, [*words, *options])
    assert result.exit_code == 0, result.output
    return open_bundle(folder / "parts.edge")


def test_carried_state_is_one_step_a_vector_and_remembers_them_all(folder: Path) -> None:
    bundle, model = _in_two_parts(folder, "causal.keras", "--carry-state"), _model("causal")
    assert bundle.manifest.streaming == CARRIED_RING
    encoder, head = (bundle.manifest.part(role) for role in ("encoder", "head"))
    assert encoder and encoder.read[0].shape == (1, WIDTH)
    assert head and head.inputs[0].shape == (1, 1, 6)
    stream, vectors = Stream(bundle), np.random.default_rng(8).normal(0, 3, (3 * WINDOW, WIDTH))
    for count, vector in enumerate(vectors, 1):
        decision = stream.push(vector)
        assert (decision is None) == (count < WINDOW)
        if decision:
            expected = np.asarray(model(vectors[None, :count].astype(np.float32)))[0]
            np.testing.assert_allclose(decision.tasks["move"].scores, expected, atol=1e-5)


def test_vectors_are_cut_where_that_is_asked_for(folder: Path) -> None:
    bundle, model = _in_two_parts(folder, "har.keras", "--cut", "conv"), _model()
    assert bundle.manifest.streaming == WINDOW_RING
    stream, vectors = Stream(bundle), np.random.default_rng(9).normal(0, 3, (2 * WINDOW, WIDTH))
    for end, vector in enumerate(vectors, 1):
        decision = stream.push(vector)
        if decision:
            expected = np.asarray(model(vectors[None, end - WINDOW : end].astype(np.float32)))[0]
            np.testing.assert_allclose(decision.tasks["move"].scores, expected, atol=1e-5)


def test_a_recurrence_that_begins_late_is_not_carried(folder: Path) -> None:
    result = _convert(folder, "clips.npz", "--carry-state", "--explain")
    assert result.exit_code == 2
    assert (
        "and one here begins with frame 3: build the layers before it with padding='causal'"
        in (result.stderr.splitlines()[-1])
    )


def test_it_runs_on_recorded_vectors_and_tests_itself(bundle: Bundle, folder: Path) -> None:
    name, clips = str(folder / "har.edge"), str(folder / "clips.npz")
    tested = CliRunner().invoke(run_cli.main, [name, "--self-test"])
    assert "self-test passed: 4 decisions as expected, bit for bit" in tested.stdout
    result = CliRunner().invoke(run_cli.main, [name, "--source", clips, "--jsonl", "-", "--quiet"])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["frame"] for line in lines] == [WINDOW * n + WINDOW - 1 for n in range(16)]
    assert all(line.get("restart") for line in lines)


def test_edge_bench_times_and_scores_it(bundle: Bundle, folder: Path) -> None:
    words = [str(folder / "har.edge"), "--data", str(folder / "clips.npz"), "--frames", "30"]
    record = folder / "record.json"
    words += ["--seconds", "0.05", "--processes", "0", "-o", str(record)]
    result = CliRunner().invoke(bench, ["run", *words])
    assert result.exit_code == 0, result.output
    fields = json.loads(record.read_text())
    assert fields["setup"]["frames"] == {
        "source": "clips.npz", "count": 120, "height": 1, "width": WIDTH
    }  # fmt: skip
    figure = next(a for a in bundle.manifest.accuracy if a.graph == "streamed")
    assert f"accuracy  {figure.value:.4f}" in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--camera", "0"], "takes vectors of features, and camera:0 gives images"),
        (["--source", "clips.npz", "--save", "x.mp4"], "leave out output video"),
        (["--source", "clips.npz", "--detector", "person"], "leave out --detector"),
        (["--source", "wide.npz"], "a frame is a vector of 5 numbers"),
    ],
)
def test_a_run_that_cannot_be_is_one_line(
    bundle: Bundle, folder: Path, options: list[str], message: str
) -> None:
    words = [str(folder / each) if "." in each else each for each in options]
    result = CliRunner().invoke(run_cli.main, [str(folder / "har.edge"), *words, "--quiet"])
    assert result.exit_code != 0
    assert message in result.stderr.splitlines()[-1]


def test_a_bundle_of_images_takes_no_vectors(tiny_bundle: Bundle, folder: Path) -> None:
    words = [str(tiny_bundle.path), "--source", str(folder / "clips.npz")]
    result = CliRunner().invoke(run_cli.main, words)
    assert result.exit_code != 0
    assert "takes images, and vectors:" in result.stderr


@pytest.mark.parametrize(
    ("clips", "options", "message"),
    [
        ("wide.npz", (), "wide.npz holds clips float64 (16, 8, 6), the network looks at 8 vectors of 5"),
        ("long.npz", ("--window", "8"), "holds clips of 10 frames, the network looks at 8"),
        ("clips.npz", ("--window", "20"), "holds clips of 8 frames, the network looks at 20"),
        ("nan.npz", (), "clips hold NaN or infinity: leave them out"),
        ("clips.npz", ("--input-range", "0", "1"), "looks at features, which are taken as they are"),
        ("clips.npz", ("--cut", "lst"), "no cut lies behind a layer 'lst'"),
        ("clips.npz", ("--size", "8x8"), "no images: leave out --size"),
        ("pictures.npz", ("--window", "8"), "har.keras is a head: it takes 8 frames of 5 features"),
    ],
)  # fmt: skip
def test_clips_that_do_not_fit_are_one_line(
    folder: Path, clips: str, options: tuple[str, ...], message: str
) -> None:
    (folder / "other").mkdir(exist_ok=True)
    result = _convert(folder, clips, "-o", str(folder / "other" / "x.edge"), *options)
    assert result.exit_code == 2, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert not list((folder / "other").iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 7},
        {"input": replace(InputSpec.of_features(WIDTH), channels=3)},
        {"input": InputSpec.of_features(WIDTH + 1)},
        {"input": replace(InputSpec.of_features(WIDTH), kind="sounds")},
        {"window": WINDOW + 1},
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    bundle: Bundle, change: dict[str, Any]
) -> None:
    check(bundle.manifest)
    with pytest.raises(ValueError, match="does not fit together"):
        check(replace(bundle.manifest, **change))


def test_golden_vectors_are_checked(bundle: Bundle, tmp_path: Path) -> None:
    manifest: Manifest = bundle.manifest
    members = {**bundle.members}
    np.savez(tmp_path / "g.npz", frames=np.zeros((WINDOW, WIDTH + 1), np.float32))
    members["golden.npz"] = (tmp_path / "g.npz").read_bytes()
    changed = write_bundle(tmp_path / "x.edge", manifest, members)
    with pytest.raises(EdgeError, match=r"its frames are not float32 of shape \(N, 5\)"):
        changed.golden  # noqa: B018


def test_its_drift_is_not_measured_again(bundle: Bundle, folder: Path, tmp_path: Path) -> None:
    words = [str(folder / "har.edge"), "-o", str(tmp_path / "x.edge")]
    result = CliRunner().invoke(main, [*words, "--calibration", str(folder / "clips.npz")])
    assert result.exit_code == 2
    assert "har.edge takes vectors, whose drift is not watched" in result.stderr
    assert not list(tmp_path.iterdir())
