"""Training from pixels: every data set's files, a tiny network, and what goes wrong."""

import csv
import dataclasses
import json
import re
import resource
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st
from keras import layers

import edge_models
from edge.check.clips import read_clips
from edge_common.errors import ConfigError, ModelError
from edge_models.cli import main
from edge_models.datasets.fashion_motion import FashionSection
from edge_models.datasets.from_files import ClipRequest
from edge_models.datasets.kinds import load_data
from edge_models.networks import backbones
from edge_models.networks.mtdnn import mtdnn_face, mtdnn_swim, network_of
from edge_models.networks.views import head_of, looking_at
from edge_models.sections import (
    DataSection,
    EvaluationSection,
    FrozenSection,
    QATSection,
    WholeSection,
)
from edge_models.training import progress
from edge_models.training.config import EndToEndConfig, read_training_file
from edge_models.training.feature_cache import maps_of
from edge_models.training.from_pixels import PixelTraining
from edge_models.training.schedule import OneCycle, one_cycle
from edge_models.training.stages import Stage, train_backbone
from edge_models.training.teacher import divergence, teacher_of
from tests.models import data_files
from tests.models.eager import train_eagerly

NETWORK = """
name = "tiny"
seed = 1
[network]
backbone = "tiny"
backbone_weights = "random"
grey = false
window = 3
size = 32
spatial_width = 4
spatial_dropout = 0.0
temporal_pool = "global"
temporal_centre = false
temporal_width = 4
attention_width = 4
head_width = 8
"""
WHOLE = """
[whole]
max_epochs = 2
batch_size = 16
learning_rate = 0.003
"""
TRACED = "fashion-motion"
DATA = {
    "utkface": (data_files.utkface, 'kind = "utkface"', ["age", "race", "gender"]),
    "swimmers": (data_files.swimmers, 'kind = "swimmers"\npeople = 2', ["reid", "action"]),
    "clips": (data_files.labelled_clips, 'kind = "clips"\ntask = "gait"', ["gait"]),
    "fashion-motion": (
        data_files.fashion,
        'kind = "fashion-motion"\ntrain_items = 20\nvalidation_items = 4\ntest_items = 8',
        ["item", "motion"],
    ),
}  # fmt: skip


def tiny_backbone(size, weights=None):
    frame = keras.Input((size, size, 3), name="frame")
    x = layers.Rescaling(1 / 255)(frame)
    x = layers.Conv2D(4, 3, 4, "same", use_bias=False, name="first")(x)
    x = layers.ReLU(name="middle")(layers.BatchNormalization(name="first_bn")(x))
    x = layers.Conv2D(8, 3, 4, "same", use_bias=False, name="second")(x)
    return keras.Model(frame, layers.BatchNormalization(name="second_bn")(x), name="tiny")


@pytest.fixture(autouse=True, scope="module")
def tiny():
    """A backbone whose training takes no time."""
    backbones.BACKBONES["tiny"] = tiny_backbone
    yield
    del backbones.BACKBONES["tiny"]


@pytest.fixture(autouse=True)
def eagerly():
    """Of so few steps, tracing would take longer; `trained` traces those of one data set."""
    with train_eagerly():
        yield


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def write(path: Path, kind: str, more: str = WHOLE, base: str = NETWORK) -> Path:
    path.write_text(f"{base}\n[data]\n{DATA[kind][1]}\n{more}")
    return path


@pytest.fixture(scope="module", params=DATA)
def trained(request, tmp_path_factory):
    """A run of each data set: (folder, kind, what was said)."""
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    DATA[kind][0](folder / "data")
    config = write(folder / "run.toml", kind)
    with nullcontext() if kind == TRACED else train_eagerly():
        result = invoke(
            config, "--data", folder / "data", "-o", folder / "out/m.keras",
            "--export-clips", folder / "sets", "--resume", "--tensorboard",
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "nothing to go on from" in result.output
    return folder, kind, result.output


def test_each_data_set_trains_a_network_with_its_tasks(trained):
    folder, kind, said = trained
    model = keras.saving.load_model(folder / "out/m.keras", compile=False)
    assert model.input_shape == (None, 3, 32, 32, 3)
    assert sorted(model.output) == sorted(DATA[kind][2])
    tasks = json.loads((folder / "out/m.tasks.json").read_text())["tasks"]
    assert list(tasks) == DATA[kind][2]
    for task in tasks:
        assert f"{task}: " in said


def test_the_report_and_the_log_have_each_epoch_and_task(trained):
    folder, kind, _ = trained
    report = json.loads((folder / "out/m_report/report.json").read_text())
    assert len(report["history"]["whole"]["val_loss"]) == 2
    assert sorted(report["accuracy"] | report["mean_absolute_error"]) == sorted(DATA[kind][2])
    with (folder / "out/m_training/log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["stage"], row["epoch"]) for row in rows] == [("whole", "1"), ("whole", "2")]
    assert float(rows[1]["learning_rate"]) == pytest.approx(0.003)


def test_the_page_holds_everything_that_it_shows(trained):
    folder, kind, _ = trained
    page = (folder / "out/m_report/report.html").read_text()
    assert "<script" not in page and not re.search(r"(src|href)=.?(https?:|//|file:)", page)
    for task in DATA[kind][2]:
        assert f">Task {task}</h2>" in page and f">What speaks for {task}</h3>" in page
    assert "Learning curves" in page and page.count('src="data:image/jpeg;base64,') >= 9
    assert ("Knowing again: reid" in page) == ("reid" in DATA[kind][2])


def test_a_report_alone_says_the_same_again(trained):
    folder, kind, _ = trained
    if kind != "utkface":  # which has tasks of both sorts
        return
    path = folder / "out/m_report/report.json"
    before = json.loads(path.read_text())
    saved = (folder / "out/m.keras").stat().st_mtime_ns
    arguments = (folder / "run.toml", "--data", folder / "data", "-o", folder / "out/m.keras")
    result = invoke(*arguments, "--report-only")
    assert result.exit_code == 0, result.output
    assert (folder / "out/m.keras").stat().st_mtime_ns == saved
    again = json.loads(path.read_text())
    for key in ("accuracy", "history", "seconds", "best_epoch", "clips", "parameters", "config"):
        assert again[key] == before[key], key
    for task, error in before["mean_absolute_error"].items():
        assert again["mean_absolute_error"][task]["value"] == pytest.approx(
            error["value"], abs=1e-3
        )


def test_a_network_of_an_earlier_version_is_measured_with_new_keys(trained):
    folder, kind, _ = trained
    if kind != "utkface":
        return
    tasks_path = folder / "out/m.tasks.json"
    tasks = json.loads(tasks_path.read_text())
    for task in tasks["tasks"].values():
        task.pop("temperature", None)  # as earlier versions wrote it
    tasks_path.write_text(json.dumps(tasks))
    asked = """
[evaluation]
groups = ["race", "gender", "age"]
label_noise = {age = 3.99, gender = 0.067}
unknown = {race = 0.2}
"""
    config = write(folder / "new.toml", kind, WHOLE + asked)
    arguments = (config, "--data", folder / "data", "-o", folder / "out/m.keras", "--report-only")
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    report = json.loads((folder / "out/m_report/report.json").read_text())
    race = report["calibration"]["race"]
    assert race["n"] == report["clips"]["test"] and sorted(report["unknown"]) == ["race"]
    assert race["temperature"] != 1 or race["reason"]
    pairs = {(table["task"], table["by"]) for table in report["groups"]}
    assert len(pairs) == 7 and ("age", "age") in pairs and ("race", "gender") in pairs
    for table in report["groups"]:
        assert sum(group["n"] for group in table["groups"]) == report["clips"]["test"]
    written = json.loads(tasks_path.read_text())["tasks"]
    for name, each in report["calibration"].items():
        assert written[name].get("temperature", 1.0) == pytest.approx(each["temperature"], abs=1e-4)
    page = (folder / "out/m_report/report.html").read_text()
    for text in ("Errors by group", "Reliability of race", "off by about 3.99 years"):
        assert text in page


@pytest.fixture(scope="module")
def swum(tmp_path_factory):
    """A network that was saved without a report: (folder, arguments that measure it)."""
    folder = tmp_path_factory.mktemp("swum")
    run = run_of(folder)
    run.model.save(folder / "m.keras")
    return folder, (folder / "run.toml", "-o", folder / "m.keras", "--report-only")


def test_a_network_without_a_report_is_measured_without_curves(swum):
    result = invoke(*swum[1])
    assert result.exit_code == 0, result.output
    assert "the page has no curves" in result.output
    page = (swum[0] / "m_report/report.html").read_text()
    assert "taken on trust" in page and "Learning curves" not in page
    (swum[0] / "m_report/report.json").unlink()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "window = 3",
            "window = 4",
            "takes 3 x 32 x 32 x 3, the training file says 4 x 32 x 32 x 3",
        ),
        ("people = 2", "people = 3", "answers action (4), reid (2), the training file asks action"),
        (
            'name = "tiny"',
            'name = "tiny"\n[evaluation]\nidentity = "acton"',
            "did you mean 'action'?",
        ),
    ],
)
def test_another_network_than_the_files_is_one_line(swum, old, new, message):
    folder, (config, *options) = swum
    other = folder / "other.toml"
    text = config.read_text()
    assert old in text
    other.write_text(text.replace(old, new) if "evaluation" not in new else
                     text + "[evaluation]\nidentity = 'acton'\n")  # fmt: skip
    result = invoke(other, *options)
    assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
    assert message in result.stderr


def test_what_was_trained_on_is_not_measured(swum):
    folder, (config, *options) = swum
    report = folder / "m_report/report.json"
    report.parent.mkdir(exist_ok=True)
    then = {"seed": 1, "data": {"test_share": 0.3}}
    content = {"config": then, "history": {}, "best_epoch": {}, "seconds": {}}
    report.write_text(json.dumps(content))
    result = invoke(config, *options, "--seed", 2)
    assert result.exit_code == 2 and "seed is 2, but" in result.stderr
    report.write_text(json.dumps({**content, "config": {"seed": 1, "data": {"test_share": 0.2}}}))
    result = invoke(config, *options)
    assert result.exit_code == 2 and "data.test_share is 0.3, but" in result.stderr
    for text in ("[]", json.dumps({**content, "config": 3}), "[" * 100_000):
        report.write_text(text)
        result = invoke(config, *options)
        assert result.exit_code == 2 and "is no report of edge-train" in result.stderr
    report.unlink()


def test_labels_of_other_data_are_refused(swum):
    tasks = swum[0] / "m.tasks.json"
    tasks.write_text('{"tasks": {"reid": {"labels": ["Ann", "Bob"]}}}')
    result = invoke(*swum[1])
    tasks.unlink()
    assert result.exit_code == 2 and "gives reid the labels Ann, Bob" in result.stderr


def test_what_is_no_network_is_one_line(swum):
    (swum[0] / "torn.keras").write_bytes(b"PK torn")
    result = invoke(swum[0] / "run.toml", "-o", swum[0] / "torn.keras", "--report-only")
    assert result.exit_code == 2 and "torn.keras is no Keras model" in result.stderr
    result = invoke(swum[0] / "run.toml", "-o", swum[0] / "none.keras", "--report-only")
    assert result.exit_code == 2 and "give -o MODEL.keras of one" in result.stderr


def test_a_run_that_is_done_leaves_no_checkpoint(trained):
    left = trained[0] / "out/m_training"
    assert {path.name for path in left.iterdir()} == {"log.csv", "skipped.csv", "tensorboard"}
    assert list((left / "tensorboard/whole").glob("events.out.tfevents.*"))


def test_exported_clips_suit_the_converter(trained):
    folder, kind, _ = trained
    for name in ("calibration", "test"):
        clips = read_clips(folder / f"sets/{name}.npz", 3, (32, 32))
        assert len(clips) and sorted(clips.labels) == sorted(DATA[kind][2])


def test_ages_are_answered_in_years(trained):
    folder, kind, _ = trained
    report = json.loads((folder / "out/m_report/report.json").read_text())
    if kind != "utkface":
        assert not report["mean_absolute_error"]
        return
    model = keras.saving.load_model(folder / "out/m.keras", compile=False)
    clips = read_clips(folder / "sets/test.npz", 3, (32, 32))
    ages = model(clips.windows.astype("f4"))["age"].numpy()[:, 0] * 116
    error = report["mean_absolute_error"]["age"]
    assert error["unit"] == "years" and error["n"] == len(clips)
    assert error["value"] == pytest.approx(np.abs(ages - clips.labels["age"]).mean(), abs=1e-2)


def run_of(folder, more=WHOLE, kind="swimmers", **options):
    """A run as the command makes it, in Python's hands."""
    if not (folder / "data").exists():
        DATA[kind][0](folder / "data")
    text = f'path = "{folder / "data"}"\n{more}'
    config = read_training_file(write(folder / "run.toml", kind, text))
    request = ClipRequest(config.network.window, config.network.size, config.seed, folder / "cache")
    return PixelTraining(config, load_data(config.data, request), folder / "training", **options)


FOUR = WHOLE.replace("max_epochs = 2", "max_epochs = 4") + "lr_window = 1\nlr_min_fall = 0.5\n"
NO_MORE = "[frozen]\nmax_epochs = 1\nbatch_size = 8\n[whole]\nmax_epochs = 0\n"
KEPT_MAPS = NO_MORE.replace("[frozen]", "[frozen]\nkeep_maps = true\nclips = 10").replace(
    "max_epochs = 1", "max_epochs = 3"
)
LOOKS = "[augmentation]\nflip = true\nshift = 0.1\nerase = 0.5\nbrightness = 20\n"


class Stop(keras.callbacks.Callback):
    """Ctrl-C in the middle of an epoch; before its first batch if it is the first."""

    def __init__(self, epoch):
        super().__init__()
        self.at, self.epoch = epoch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if epoch == self.at == 0:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.at:
            raise KeyboardInterrupt


@pytest.fixture
def interrupt(monkeypatch):
    """Make runs stop in this epoch of a stage."""

    def arm(stage_name, epoch):
        own = PixelTraining._callbacks

        def callbacks(self, stage, *rest):
            found = own(self, stage, *rest)
            return [*found, Stop(epoch)] if stage.name == stage_name else found

        monkeypatch.setattr(PixelTraining, "_callbacks", callbacks)

    return arm


SLOW = pytest.mark.slow  # three runs each, and every stage of each is traced anew


@pytest.mark.parametrize(
    ("stage", "epoch", "more"),
    [
        ("whole", 2, FOUR),
        pytest.param("whole", 0, FOUR + "[frozen]\nmax_epochs = 2\nbatch_size = 8\n", marks=SLOW),
        pytest.param("few_frames", 1, "[few_frames]\nmax_epochs = 3\n" + NO_MORE, marks=SLOW),
        pytest.param("frozen", 1, "[few_frames]\nmax_epochs = 1\n" + KEPT_MAPS, marks=SLOW),
    ],
)
def test_a_resumed_run_is_the_run_that_was_never_interrupted(
    tmp_path, interrupt, monkeypatch, stage, epoch, more
):
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = run_of(tmp_path / "whole", LOOKS + more)
    whole.train()
    interrupt(stage, epoch)
    with pytest.raises(KeyboardInterrupt):
        cut = run_of(tmp_path / "cut", LOOKS + more)
        backbone = cut.model.get_layer("backbone").layer
        before = backbone.get_weights()
        cut.train()
    monkeypatch.undo()
    moved = [not np.array_equal(a, b) for a, b in zip(before, backbone.get_weights())]
    assert any(moved) == (
        "[frozen]" not in more or "few" in more
    )  # the frozen stage moves nothing of it, nor its statistics
    again = run_of(tmp_path / "cut", LOOKS + more)
    assert again.resume()
    again.train()
    for name, curves in whole.progress.history.items():
        for curve, values in curves.items():
            assert again.progress.history[name][curve] == pytest.approx(values, rel=2e-3), curve
    for expected, found in zip(whole.model.get_weights(), again.model.get_weights()):
        assert found == pytest.approx(expected, abs=2e-3)


AVERAGED = (
    WHOLE.replace("batch_size = 16", "batch_size = 4")
    + "average = 0.9\nweight_decay = 0.01\none_cycle = true\n"
)
TARGETS = '[targets.age]\nmethod = "label-distribution"\n[balance]\nmethod = "uncertainty"\n'


def test_a_run_goes_on_within_an_epoch(tmp_path, interrupt, monkeypatch):
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = run_of(tmp_path / "whole", LOOKS + AVERAGED)
    whole.train()
    monkeypatch.setattr(progress, "WRITTEN_EVERY_S", 0.0)  # after each batch
    interrupt("whole", 1)
    with pytest.raises(KeyboardInterrupt):
        run_of(tmp_path / "cut", LOOKS + AVERAGED).train()
    monkeypatch.undo()
    again = run_of(tmp_path / "cut", LOOKS + AVERAGED)
    assert again.resume()
    assert (again.progress.epoch, again.progress.batch) == (0, 1)  # one of several
    again.train()
    for curve in ("val_loss", "learning_rate"):
        curves = [run.progress.history["whole"][curve] for run in (whole, again)]
        assert curves[1] == pytest.approx(curves[0], rel=2e-3)
    for expected, found in zip(whole.model.get_weights(), again.model.get_weights()):
        assert found == pytest.approx(expected, abs=2e-3)


def test_what_is_kept_is_the_average_that_was_validated(tmp_path):
    run = run_of(tmp_path, AVERAGED)
    run.train()
    fit = run._prepare(Stage("whole", run.config.whole))
    run.keep_best()
    found = fit.model.evaluate(fit.validation, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(min(run.progress.history["whole"]["val_loss"]), rel=1e-3)


def test_a_number_is_learnt_as_a_distribution_and_answered_as_a_number(tmp_path):
    run = run_of(tmp_path, WHOLE + TARGETS, kind="utkface")
    run.train()
    curves = run.progress.history["whole"]
    assert {"val_age_mae", "age_weight", "race_weight"} <= set(curves)
    assert run.model.output["age"].shape == (None, 1)
    clips = np.stack([run.data.test.clip(i) for i in range(3)]).astype("f4")
    assert ((run.model(clips)["age"] >= 0) & (run.model(clips)["age"] <= 1)).numpy().all()


EARLY_MAPS = """
[whole]
max_epochs = 2
batch_size = 8
from_layer = "middle"
freeze_batch_norm = true
keep_maps = true
looks = 3
"""


def test_the_end_of_a_backbone_learns_from_several_looks_of_kept_maps(tmp_path):
    run = run_of(tmp_path, LOOKS + EARLY_MAPS)
    backbone = run.model.get_layer("backbone").layer
    before = {v.path: v.numpy() for v in backbone.variables}
    clips = len(run.data.train)
    run.train()
    maps = np.load(tmp_path / "training/maps/middle/train.npy", mmap_mode="r")
    assert len(maps) == 3 * clips
    early = keras.Model(backbone.input, backbone.get_layer("middle").output)
    first = early.predict_on_batch(run.data.train.clip(0))
    assert maps[0] == pytest.approx(first, abs=2e-2)  # the first look is the clip as it is
    assert not np.allclose(maps[1], maps[0], atol=2e-2)
    moved = {
        v.path.split("/")[-2] for v in backbone.variables if (v.numpy() != before[v.path]).any()
    }
    assert moved == {"second"}


def taught(folder, more, change=lambda model: None):
    """A run with a teacher: the same network, begun from another seed's head, then changed."""
    teacher = run_of(folder, WHOLE + TARGETS, kind="utkface").model
    random = np.random.default_rng(0)
    for layer in teacher.layers:
        if layer.name.endswith(("_dense", "_learnt")) or layer.name in ("race", "gender"):
            layer.set_weights([random.normal(0, 1, w.shape) for w in layer.get_weights()])
    change(teacher)
    teacher.save(folder / "teacher.keras")
    options = f'teacher = "{folder}/teacher.keras"\n{more}'
    return run_of(folder, TARGETS + EARLY_MAPS + options, kind="utkface")


def test_a_teachers_answers_are_learnt(tmp_path):
    run = taught(tmp_path, "teacher_weight = 1.0\nlearning_rate = 0.01\n")
    teach = teacher_of(run.config.whole.teacher, run.model, "")
    clips = np.stack([run.data.train.clip(i) for i in range(8)]).astype("f4")
    expected = teach(clips)

    def differs():
        outputs = run.by_frames(clips, training=False)
        return {t: float(keras.ops.mean(divergence(expected[t], outputs[t]))) for t in expected}

    before = differs()
    run.train()
    after = differs()
    assert set(after) == {"age", "gender", "race"}
    assert sum(after.values()) < 0.9 * sum(before.values())


def other_trunk(model):
    first = model.get_layer("backbone").layer.get_layer("first")
    first.set_weights([w + 1 for w in first.get_weights()])


def test_a_teacher_that_sees_other_maps_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="another backbone until middle, whose maps are kept"):
        taught(tmp_path, "", other_trunk).train()


def test_a_teacher_that_is_none_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="whole.teacher: there is no file nobody.keras"):
        run_of(tmp_path, EARLY_MAPS + 'teacher = "nobody.keras"\n')
    (tmp_path / "text.keras").write_text("no network")
    run = run_of(tmp_path, EARLY_MAPS + f'teacher = "{tmp_path}/text.keras"\n')
    with pytest.raises(ModelError, match="text.keras is no Keras model: give"):
        run.train()
    run_of(tmp_path / "other", WHOLE, kind="utkface").model.save(tmp_path / "text.keras")
    with pytest.raises(ConfigError, match="they must be alike"):
        run_of(tmp_path, EARLY_MAPS + f'teacher = "{tmp_path}/text.keras"\n').train()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[whole]\nteacher_weight = 0.0\n", "a share above 0"),
        ("[whole]\nkeep_maps = true\n", "name a layer"),
        ("[frozen]\nlooks = 2\n", "needs keep_maps = true"),
        ("[whole]\naverage = 1.0\n", "a momentum is below 1"),
        ('[balance]\nmethod = "kendall"\n', "balance.method is 'kendall'"),
        ("[targets.gait]\nbins = 1\n", "must be 2 or more"),
    ],
)
def test_a_section_that_asks_for_what_cannot_be_is_one_line(tmp_path, more, message):
    with pytest.raises(ConfigError, match=message):
        run_of(tmp_path, WHOLE + more if "[whole]" not in more else more)


def test_a_run_goes_on_from_few_frames_to_kept_maps(tmp_path, interrupt, monkeypatch):
    more = "[few_frames]\nmax_epochs = 1\n" + KEPT_MAPS
    test_a_resumed_run_is_the_run_that_was_never_interrupted(
        tmp_path, interrupt, monkeypatch, "frozen", 0, more
    )


def test_another_configuration_is_not_gone_on_with(tmp_path):
    run = run_of(tmp_path)
    fit = run._prepare(Stage("whole", run.config.whole))
    fit.model.optimizer.build(fit.model.trainable_variables)
    run.progress.stage, run.progress.epoch = "whole", 0
    run.checkpoint.write(run.progress, fit.state, None)
    assert run_of(tmp_path).resume()
    with pytest.raises(ConfigError, match="another configuration or other data: start anew"):
        run_of(tmp_path, WHOLE.replace("0.003", "0.004")).resume()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):  # as a full disk says no
            weights = run.by_frames.get_weights()
            run.checkpoint.write(run.progress, fit.state, weights)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert run_of(tmp_path).resume()  # what was there is whole
    (tmp_path / "training/latest.npz").write_bytes(b"torn")
    with pytest.raises(ConfigError, match="cannot be read .*: start anew, without --resume"):
        run_of(tmp_path).resume()


def test_an_interrupt_leaves_the_best_network_so_far(tmp_path, interrupt):
    data_files.swimmers(tmp_path / "data")
    config = write(tmp_path / "run.toml", "swimmers", FOUR)
    interrupt("whole", 2)
    result = invoke(config, "--data", tmp_path / "data", "-o", tmp_path / "m.keras")
    assert result.exit_code == 130
    assert "is the network of epoch" in result.output and "--resume" in result.output
    assert keras.saving.load_model(tmp_path / "m.keras", compile=False).count_params()
    assert (tmp_path / "m.tasks.json").exists()


def test_an_interrupt_in_the_first_epoch_leaves_nothing(tmp_path, interrupt):
    data_files.swimmers(tmp_path / "data")
    config = write(tmp_path / "run.toml", "swimmers", FOUR)
    interrupt("whole", 0)
    result = invoke(config, "--data", tmp_path / "data", "-o", tmp_path / "m.keras")
    assert result.exit_code == 130 and "nothing is kept" in result.output
    assert not (tmp_path / "m.keras").exists()


class Spoil(keras.callbacks.Callback):
    """Weights that overflow, from the second epoch on."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.set_weights([np.full_like(w, np.nan) for w in self.model.get_weights()])


def test_a_lost_loss_stops_and_keeps_what_was_good(tmp_path, monkeypatch):
    data_files.swimmers(tmp_path / "data")
    config = write(tmp_path / "run.toml", "swimmers", FOUR)
    own = PixelTraining._callbacks
    monkeypatch.setattr(
        PixelTraining, "_callbacks", lambda self, *rest: [Spoil(), *own(self, *rest)]
    )
    result = invoke(config, "--data", tmp_path / "data", "-o", tmp_path / "m.keras")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert "no number any more in epoch 2: " in result.stderr
    assert "try a lower learning_rate" in result.stderr
    assert "m.keras is the network of epoch 1 of stage whole" in result.stderr
    model = keras.saving.load_model(tmp_path / "m.keras", compile=False)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize(
    ("whole", "moving"),
    [
        ("", {"first", "first_bn", "second", "second_bn"}),
        ('from_layer = "middle"\n', {"second", "second_bn"}),
        ('from_layer = "middle"\nfreeze_batch_norm = true\n', {"second"}),
        ("freeze_batch_norm = true\n", {"first", "second"}),
    ],
)
def test_what_is_trained_of_the_backbone_is_what_the_file_says(tmp_path, whole, moving):
    run = run_of(tmp_path, WHOLE + whole)
    backbone = run.model.get_layer("backbone").layer
    train_backbone(backbone, run.config.whole, frozen=False)
    assert {v.path.split("/")[-2] for v in backbone.trainable_variables} == moving


def assert_same(answers, expected, within=1e-5):
    for task, values in expected.items():
        found, expected_values = map(keras.ops.convert_to_numpy, (answers[task], values))
        assert found == pytest.approx(expected_values, abs=within)


def test_a_pass_by_frames_answers_as_the_whole_network_does(tmp_path):
    run = run_of(tmp_path)
    clips = np.random.default_rng(0).uniform(0, 255, (2, 3, 32, 32, 3)).astype("f4")
    assert_same(run.by_frames(clips), run.model(clips))
    every_frame = looking_at(3, run.model, run.network)
    every_frame.set_weights(run.by_frames.get_weights())
    assert_same(every_frame(clips), run.model(clips))
    first_and_last = looking_at(2, run.model, run.network)
    first_and_last.set_weights(run.by_frames.get_weights())
    other_middle = np.stack([clips[:, 0], clips[:, 0] / 2, clips[:, 2]], axis=1)
    assert_same(first_and_last(other_middle), first_and_last(clips))


def test_the_head_answers_to_kept_maps_as_the_network_does_to_clips(tmp_path):
    run = run_of(tmp_path)
    part = run.data.validation
    kept = maps_of(run.model.get_layer("backbone").layer, run.data, part, tmp_path / "m.npy", "")
    clips, maps = (
        np.stack([p.clip(i) for i in range(len(part))]).astype("f4") for p in (part, kept)
    )
    assert_same(head_of(run.model)(maps), run.model(clips), within=1e-3)  # maps are float16


def test_a_run_begins_with_the_backbone_that_it_is_given(tmp_path):
    pretrained_from = run_of(tmp_path).model.get_layer("backbone").layer
    pretrained_from.set_weights([w + 1 for w in pretrained_from.get_weights()])
    pretrained_from.save_weights(tmp_path / "lent.weights.h5")
    found = run_of(tmp_path, backbone=tmp_path / "lent.weights.h5").model.get_layer("backbone")
    for expected, weight in zip(
        pretrained_from.get_weights(), found.layer.get_weights(), strict=True
    ):
        assert np.array_equal(expected, weight)
    (tmp_path / "torn.weights.h5").write_bytes(b"torn")
    with pytest.raises(ModelError, match="torn.weights.h5 holds no weights of tiny"):
        run_of(tmp_path, backbone=tmp_path / "torn.weights.h5")


def test_a_rate_rises_over_a_tenth_and_falls_to_nothing():
    shares = [one_cycle(done) for done in (0.0, 0.05, 0.1, 0.325, 0.55, 1.0)]
    assert shares == pytest.approx([0.0, 0.5, 1.0, 0.853553, 0.5, 0.0], abs=1e-6)
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    rates = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    ones = np.ones((10, 1))
    model.fit(
        ones,
        ones,
        1,
        epochs=2,
        verbose=0,
        callbacks=[OneCycle(0.02, 2, SimpleNamespace(first=0, count=10)), note],
    )
    assert rates[:3] == pytest.approx(
        [0.01, 0.02, 0.0198481], abs=1e-7
    )  # after 1, 2 and 3 of 20 steps
    assert rates[10] == pytest.approx(0.01 * (1 + np.cos(np.pi * 0.5)))
    assert rates[-1] == 0 and len(rates) == 20


FASHION = EndToEndConfig(
    data=FashionSection(), frozen=FrozenSection(keep_maps=True),
    whole=WholeSection(from_layer="middle", keep_maps=True),
)  # fmt: skip
OTHER_NAMES = {"imagenet": "random", "fixed": "gradient"}


def others(value):
    """A value as a file could hold instead."""
    if isinstance(value, dict):
        return {"reid": 0.5}
    if isinstance(value, list):
        return [*value, "reid"]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return OTHER_NAMES.get(value, f"{value}x")
    return value + (1 if isinstance(value, int) else 0.25)


def changed(config):
    """The configuration with each of its fields in turn another: (name, configuration)."""
    for part in dataclasses.fields(config):
        own = getattr(config, part.name)
        if not dataclasses.is_dataclass(own):
            yield part.name, dataclasses.replace(config, **{part.name: others(own)})
            continue
        for key, value in vars(own).items():
            section = dataclasses.replace(own, **{key: others(value)})
            yield f"{part.name}.{key}", dataclasses.replace(config, **{part.name: section})


def test_every_field_decides_a_run_but_where_the_data_lie_and_what_is_measured():
    found = {name: config.fingerprint() for name, config in changed(FASHION)}
    idle = {name for name, value in found.items() if value == FASHION.fingerprint()}
    measured = {f"evaluation.{field.name}" for field in dataclasses.fields(EvaluationSection)}
    afterwards = {f"qat.{field.name}" for field in dataclasses.fields(QATSection)}
    assert idle == {"data.path", *measured, *afterwards}
    assert len(found) > 60 and len(set(found.values())) == len(found) - len(idle) + 1


@given(st.text())
def test_data_may_move(path):
    moved = dataclasses.replace(FASHION, data=FashionSection(path=path))
    assert moved.fingerprint() == FASHION.fingerprint()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[loss_weights]\nacton = 1.0\n", "loss_weights names no task: acton; did you mean 'action'?"),
        ("[loss_weights]\nreid = 0\naction = 0\n", "leaves nothing to learn"),
        ('[whole]\nfrom_layer = "midle"\n', "whole.from_layer is 'midle'"),
        ("[whole]\nmax_epochs = 0\n", "train something"),
        ("[augmentation]\nerase = 2\n", "augmentation.erase is 2.0: it is a share of"),
        ("[augmentation]\nflp = true\n", "unknown key 'augmentation.flp'; did you mean 'flip'?"),
        ("test_share = 1.0\n", "together below 1"),
        ("poeple = 2\n", "unknown key 'poeple'; did you mean 'people'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_one_line(tmp_path, more, message):
    data_files.swimmers(tmp_path / "data")
    config = write(tmp_path / "run.toml", "swimmers", more)
    result = invoke(config, "--data", tmp_path / "data", "-o", tmp_path / "m.keras")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
    assert message in result.stderr


def test_an_unknown_data_set_is_named_with_the_nearest(tmp_path):
    (tmp_path / "run.toml").write_text('[data]\nkind = "utkfaces"\n')
    result = invoke(tmp_path / "run.toml", "-o", tmp_path / "m.keras")
    assert result.exit_code == 2 and "did you mean 'utkface'?" in result.stderr


def test_a_packaged_data_set_takes_no_folder(tmp_path):
    (tmp_path / "run.toml").write_text("")
    result = invoke(tmp_path / "run.toml", "-o", tmp_path / "m.keras", "--data", tmp_path)
    assert result.exit_code == 2 and "orl-motion comes with an installed package" in result.stderr


def test_orl_motion_can_be_trained_from_pixels_as_well(tmp_path):
    (tmp_path / "run.toml").write_text("[data]\npeople = 2\n[whole]\nmax_epochs = 1\n")
    config = read_training_file(tmp_path / "run.toml")
    assert config.data == DataSection(people=2) and config.whole.max_epochs == 1


CONFIGS = Path(edge_models.__file__).parent / "configs"


@pytest.mark.parametrize(("name", "built"), [("swim", mtdnn_swim), ("face", mtdnn_face)])
def test_the_thesis_recipes_are_its_networks_and_its_schedule(name, built):
    config = read_training_file(CONFIGS / f"mtdnn_{name}.toml")
    assert network_of(config.network, built().tasks, config.name) == built()
    whole = config.whole
    assert (whole.learning_rate, whole.batch_size, whole.max_epochs) == (5e-4, 4, 150)
    assert (whole.lr_window, whole.lr_min_fall, whole.patience) == (6, 0.002, 10)
    assert whole.lr_factor == {"swim": 0.4, "face": 0.7}[name]
    assert config.frozen.max_epochs == 0 and not whole.from_layer
    assert (config.data.test_share, set(config.loss_weights.values())) == (0.3, {1.0})
