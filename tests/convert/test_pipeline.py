import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from edge.bundle import WINDOW_RING, Bundle, InputOptions, TensorSpec, open_bundle
from edge.stream import Stream
from edge_common.errors import ConfigError, ModelError
from edge_convert.cli import main
from edge_convert.verification.conversion_report import ConversionReport
from tests import tiny


def test_the_encoder_is_int8_from_input_to_output(tiny_bundle: Bundle) -> None:
    encoder = tiny_bundle.manifest.part("encoder")
    assert encoder.precision == "int8"
    assert {tensor.dtype for tensor in (*encoder.inputs, *encoder.outputs)} == {"int8"}
    frame = encoder.inputs[0]
    assert (frame.scale, frame.zero_point) == (pytest.approx(1.0, abs=1e-6), -128)


def test_the_head_is_dynamic_range_and_reads_floats(tiny_bundle: Bundle) -> None:
    head = tiny_bundle.manifest.part("head")
    assert head.precision == "dynamic_range"
    shapes = {tensor.name: tensor.shape for tensor in head.inputs}
    assert shapes == {"f0_maps": (1, 4, 8, 8, 16), "f1_over_time": (1, 4, 32)}
    assert {tensor.dtype for tensor in head.inputs} == {"float32"}


def test_the_manifest_tells_what_was_measured(tiny_bundle: Bundle) -> None:
    manifest = tiny_bundle.manifest
    assert {(a.task, a.metric, a.graph, a.n) for a in manifest.accuracy} == {
        ("kind", "accuracy", "float", 24),
        ("kind", "accuracy", "streamed", 24),
        ("size", "mean_absolute_error", "float", 24),
        ("size", "mean_absolute_error", "streamed", 24),
    }
    assert all(trial.ok for trial in manifest.trials if trial.runtime == "litert")
    assert {"litert", "tensorflow"} <= {trial.runtime for trial in manifest.trials}
    assert (manifest.calibration.clips, manifest.calibration.frames) == (24, 96)
    model = tiny.window_model()
    assert manifest.parameters == model.count_params()


def test_multiply_adds_are_those_of_the_network(tiny_bundle: Bundle) -> None:
    encoder = tiny_bundle.manifest.part("encoder")
    assert encoder.multiply_adds == 16 * 16 * 8 * 27 + 8 * 8 * 16 * 72 + 16 * 32


def test_the_report_holds_the_proofs(tiny_bundle: Bundle) -> None:
    report = tiny_bundle.members["report.md"].decode()
    assert "| ring against whole windows, same parts, largest difference | 0 |" in report
    for heading in ("## Parts", "## Proofs", "## Accuracy", "## Runtimes", "## Operators"):
        assert heading in report


def test_the_golden_frames_are_real_ones(tiny_bundle: Bundle, tiny_clips_path: Path) -> None:
    golden = tiny_bundle.golden
    with np.load(tiny_clips_path) as arrays:
        taken = [np.array_equal(golden["frames"][: tiny.WINDOW], clip) for clip in arrays["clips"]]
    assert sum(taken) == 1
    assert golden["kind"].shape == (4, 3)
    assert golden["size"].shape == (4, 1)


def test_pictures_of_a_narrow_range_do_not_narrow_the_input(convert, tmp_path: Path) -> None:
    dim = tiny.labelled_clips(8)["clips"] // 4 + 20
    np.savez(tmp_path / "dim.npz", clips=dim)
    bundle, _ = convert(tiny.window_model(), calibration=tmp_path / "dim.npz")
    frame: TensorSpec = bundle.manifest.part("encoder").inputs[0]
    assert frame.scale == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_mask_that_is_the_same_for_all_frames_goes_through_the_cut(
    convert, precision: str
) -> None:
    window = keras.Input((tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3))
    x = layers.TimeDistributed(tiny.frame_model())(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    answer = layers.Dense(3, activation="softmax", name="kind")(layers.LSTM(5)(layers.Masking()(x)))
    model = keras.Model(window, answer)
    bundle, _ = convert(model, encoder_precision=precision, head_precision="float32")
    assert bundle.manifest.streaming == WINDOW_RING
    frames, stream = tiny.frames(tiny.WINDOW, seed=9), Stream(bundle)
    decision = [stream.push(np.ascontiguousarray(frame[..., ::-1])) for frame in frames][-1]
    expected = np.asarray(model(frames[None].astype(np.float32)))[0]
    most = 1e-5 if precision == "float32" else 0.05
    np.testing.assert_allclose(decision.tasks["kind"].scores, expected, atol=most)


def test_a_model_on_0_to_1_is_told_so(convert) -> None:
    bundle, _ = convert(tiny.window_model(), preprocessing=InputOptions((0.0, 1.0)))
    assert bundle.manifest.input.value_range == (0.0, 1.0)
    assert bundle.manifest.part("encoder").inputs[0].scale == pytest.approx(1 / 255, rel=1e-4)


def test_the_cut_and_the_ring_are_proved(convert) -> None:
    _, conversion = convert(tiny.window_model())
    report = conversion.report
    assert report.ring_difference == 0.0
    assert 0.0 <= report.split_difference <= 1e-5
    assert set(report.feature_snr_db) == {"f0_maps", "f1_over_time"}
    assert min(report.feature_snr_db.values()) > 20
    assert min(report.agreement.values()) > 0.9


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_head_s_precision_can_be_chosen(convert, precision: str) -> None:
    bundle, conversion = convert(tiny.window_model(), head_precision=precision)
    assert bundle.manifest.part("head").precision == precision
    assert conversion.report.ring_difference == 0.0


def test_a_tasks_file_names_the_answers(
    cli: CliRunner, tiny_model_path: Path, tiny_clips_path: Path, tmp_path: Path
) -> None:
    tasks = tmp_path / "my.tasks.json"
    card = {
        "tasks": {
            "kind": {"kind": "classification", "labels": ["cat", "dog", "bird"]},
            "size": {"kind": "regression", "scale": 10, "unit": "cm"},
        },
        "licence": "MIT",
    }
    tasks.write_text(json.dumps(card))
    output = tmp_path / "named.edge"
    arguments = [str(tiny_model_path), "-o", str(output), "--calibration", str(tiny_clips_path)]
    usual = ["--encoder-precision", "int8", "--head-precision", "dynamic_range"]
    done = cli.invoke(main, [*arguments, *usual, "--tasks", str(tasks)])
    assert done.exit_code == 0, done.output
    assert "named.edge: " in done.stdout
    assert "cutting the network" in done.stderr
    assert "chosen" in done.stdout
    manifest = open_bundle(output).manifest
    assert manifest.licence == "MIT"
    assert [(t.name, t.labels, t.unit, t.scale) for t in manifest.tasks] == [
        ("kind", ("cat", "dog", "bird"), "", 1.0),
        ("size", (), "cm", 10.0),
    ]


def test_videos_and_frame_folders_calibrate_as_well(
    convert, tmp_path: Path, video_path: Path, image_folder: Path
) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(video_path.read_bytes())
    (folder / "b.avi").write_bytes(b"broken")
    image_folder.rename(folder / "c")
    (folder / "notes.txt").write_text("not a clip")
    bundle, _ = convert(tiny.window_model(), calibration=folder)
    assert bundle.manifest.calibration.clips == 7 + 2


@keras.saving.register_keras_serializable("tests")
class Doubling(keras.layers.Layer):
    """A layer of the user's own, which another process cannot know."""

    def call(self, x):
        return x * 2


def _bad_model(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "bad.keras"
    window = keras.Input((4, 32, 32, 3))
    pooled = keras.layers.TimeDistributed(keras.layers.GlobalAveragePooling2D())
    if kind == "two inputs":
        other = keras.Input((4, 32, 32, 3))
        keras.Model([window, other], keras.layers.LSTM(2)(pooled(window + other))).save(path)
    elif kind == "NaN":
        model = tiny.window_model()
        model.get_layer("kind").set_weights([np.full((16, 3), np.nan), np.zeros(3)])
        model.save(path)
    elif kind == "constant":
        model = tiny.window_model()
        for weight in model.get_layer("kind").weights:
            weight.assign(np.zeros(weight.shape))
        model.save(path)
    elif kind == "foreign":
        path.write_bytes(b"PK\x03\x04 not a model")
    elif kind == "cut short":
        whole = tmp_path / "whole.keras"
        tiny.window_model().save(whole)
        path.write_bytes(whole.read_bytes()[:5000])
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("two inputs", "takes two windows of 4 frames"),
        ("NaN", "the weight 'kind/kernel' holds NaN"),
        ("constant", "task 'kind' gives the same for all inputs"),
        ("foreign", "does not load as a Keras model"),
        ("cut short", "does not load as a Keras model"),
        ("missing", "there is no model"),
    ],
)
def test_a_model_that_cannot_be_converted_is_one_line(
    cli: CliRunner, tiny_clips_path: Path, tmp_path: Path, kind: str, message: str
) -> None:
    model, output = _bad_model(tmp_path, kind), tmp_path / "bad.edge"
    arguments = [str(model), "-o", str(output), "--calibration", str(tiny_clips_path)]
    done = cli.invoke(main, arguments)
    assert done.exit_code == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert not list(tmp_path.glob("*.edge*"))


def test_a_layer_of_the_user_s_own_is_named(tmp_path: Path, tiny_clips_path: Path) -> None:
    path = tmp_path / "own.keras"
    window = keras.Input((4, 32, 32, 3))
    pooled = keras.layers.TimeDistributed(keras.layers.GlobalAveragePooling2D())(window)
    keras.Model(window, keras.layers.LSTM(2)(Doubling()(pooled))).save(path)
    code = "from edge_convert.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), "--explain"], capture_output=True, text=True
    )
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "Doubling" in line


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ({"clips": np.zeros((9, 4, 32, 32, 3), np.uint8)}, "are the same"),
        ({"clips": tiny.labelled_clips(3)["clips"]}, "holds 12 frames; at least 16"),
        ({"clips": np.zeros((9, 5, 32, 32, 3), np.uint8)}, "clips of 5 frames"),
        ({"clips": np.zeros((9, 4, 32, 32, 3), np.float32)}, "holds float32"),
        ({"pictures": np.zeros(3)}, "and holds none"),
        ({**tiny.labelled_clips(8), "kind": np.zeros(3)}, "3 labels for 8 clips"),
    ],
)
def test_unusable_clips_are_refused(
    cli: CliRunner, tiny_model_path: Path, tmp_path: Path, clips: dict, message: str
) -> None:
    path = tmp_path / "clips.npz"
    np.savez(path, **clips)
    arguments = [str(tiny_model_path), "-o", str(tmp_path / "x.edge"), "--calibration", str(path)]
    done = cli.invoke(main, arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "x.edge").exists()


def _small_head(outputs) -> keras.Model:
    window = keras.Input((4, 32, 32, 3))
    pooled = keras.layers.TimeDistributed(keras.layers.GlobalAveragePooling2D())(window)
    return keras.Model(window, outputs(keras.layers.LSTM(3, return_sequences=True)(pooled)))


def _same_twice(x):
    answer = keras.layers.Flatten()(x)
    return {"a": answer, "b": answer}


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (lambda x: {"steps": keras.ops.reshape(x, (-1, 2, 6))}, "'steps' has shape"),
        (_same_twice, "one and the same tensor"),
        (lambda x: {"frames": keras.layers.Flatten()(x)}, "cannot be called 'frames'"),
    ],
)
def test_answers_of_an_odd_form_are_refused_at_once(convert, outputs, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        convert(_small_head(outputs))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ({"kind": "regression"}, "which is one number; the model gives 3"),
        ({"kind": "binary"}, "which is one number; the model gives 3"),
        ({"kind": "clairvoyance"}, "there are classification"),
        ({"kind": "classification", "labels": ["one"]}, "1 labels, and 3 are needed"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    tiny_model_path: Path, kind: dict, message: str
) -> None:
    from edge_common.data import decode
    from edge_convert.network import ModelCard, tasks_of
    from edge_convert.sources.keras_file import load_model, network_file
    from edge_convert.sources.network_file import forms

    card = decode(ModelCard, {"tasks": {"kind": kind}})
    with pytest.raises(ConfigError, match=message):
        tasks_of(forms(network_file("tiny", load_model(tiny_model_path)).model)[1], card)


def test_a_network_that_quantises_badly_is_not_shipped_in_silence() -> None:
    report = ConversionReport(
        feature_snr_db={"f0": 12.2}, agreement={"age": 0.55, "race": 0.99}, agreement_clips=32
    )
    (warning,) = report.warnings()
    assert "'age' decides as in float for only 55.0 % of 32 clips" in warning
    assert "12 dB" in warning


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("model.keras", "is no name for a bundle: it ends in .edge"),
        ("no/such/folder/x.edge", "its folder is missing or read-only"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_the_work(
    cli: CliRunner,
    tiny_model_path: Path,
    tiny_clips_path: Path,
    tmp_path: Path,
    output: str,
    said: str,
) -> None:
    arguments = [str(tiny_model_path), "-o", str(tmp_path / output)]
    done = cli.invoke(main, [*arguments, "--calibration", str(tiny_clips_path)])
    assert done.exit_code == 2
    assert said in done.stderr


def test_logits_become_probabilities(convert, tmp_path: Path) -> None:
    keras.utils.set_random_seed(8)
    window = keras.Input((4, 32, 32, 3))
    maps = keras.layers.TimeDistributed(tiny.frame_model())(window)
    pooled = keras.layers.TimeDistributed(keras.layers.GlobalAveragePooling2D())(maps)
    logits = keras.layers.Dense(3, name="kind")(keras.layers.GRU(6)(pooled))
    (tmp_path / "t.json").write_text(
        '{"tasks": {"kind": {"kind": "classification", "labels": ["a", "b", "c"]}}}'
    )
    bundle, _ = convert(keras.Model(window, {"kind": logits}), tasks=tmp_path / "t.json")
    scores = bundle.golden["kind"]
    assert np.allclose(scores.sum(axis=1), 1.0, atol=1e-3)
    assert (scores >= 0).all()
