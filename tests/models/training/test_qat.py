"""Fine-tuning of a trained network for int8, by the command."""

import keras
import numpy as np
import pytest

from edge_models.networks import backbones
from tests.models import data_files
from tests.models.eager import train_eagerly
from tests.models.training.test_end_to_end import NETWORK, WHOLE, invoke, tiny_backbone

DATA = '[data]\nkind = "swimmers"\npeople = 2\n'


@pytest.fixture(autouse=True, scope="module")
def tiny():
    backbones.BACKBONES["tiny"] = tiny_backbone
    with train_eagerly():
        yield
    del backbones.BACKBONES["tiny"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained network, its file and its data."""
    folder = tmp_path_factory.mktemp("qat")
    data_files.swimmers(folder / "data")
    (folder / "run.toml").write_text(f"{NETWORK}\n{DATA}\n{WHOLE}")
    result = invoke(folder / "run.toml", "--data", folder / "data", "-o", folder / "m.keras")
    assert result.exit_code == 0, result.output
    return folder


def tune(folder, *options, qat="", output="q.keras", toml="tuned.toml"):
    (folder / toml).write_text(f"{NETWORK}\n{DATA}\n{WHOLE}\n[qat]\nbatch_size = 8\n{qat}")
    return invoke(
        folder / toml, "--data", folder / "data", "-o", folder / output,
        "--qat", folder / "m.keras", *options,
    )  # fmt: skip


def weights_of(path):
    model = keras.saving.load_model(path, compile=False)
    return {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}


def test_a_trained_network_is_tuned_and_saved_as_a_plain_one(folder):
    result = tune(folder)
    assert result.exit_code == 0, result.output
    assert "qat, epoch 2 of 2" in result.output
    before, after = weights_of(folder / "m.keras"), weights_of(folder / "q.keras")
    assert list(before) == list(after)
    moved = {path for path in before if not np.array_equal(before[path], after[path])}
    assert any("first/kernel" in path for path in moved)
    assert not any("first_bn/moving" in path for path in moved)  # statistics stay as they are
    assert (folder / "q.tasks.json").read_text() == (folder / "m.tasks.json").read_text()
    log = (folder / "q_training/log.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in log[1:]] == [["qat", "1"], ["qat", "2"]]


def test_a_tuned_network_answers_much_as_before(folder):
    if not (folder / "q.keras").exists():
        tune(folder)
    clips = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32, 3)).astype("f4")
    answers = [
        keras.saving.load_model(folder / name, compile=False)(clips)
        for name in ("m.keras", "q.keras")
    ]
    for task, expected in answers[0].items():
        found, expected = map(keras.ops.convert_to_numpy, (answers[1][task], expected))
        assert found == pytest.approx(expected, abs=0.1), task


def test_it_may_learn_from_labels_alone(folder):
    result = tune(folder, qat="teacher_weight = 0.0\nmax_epochs = 1\n", output="alone.keras")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("qat", "message"),
    [
        ("teacher_weight = 1.5\n", "qat.teacher_weight is 1.5: a share, as 0.5"),
        ("max_epochs = 0\n", "max_epochs is 0: it must be 1 or more"),
        ("max_epoch = 2\n", "max_epoch"),
    ],
)
def test_a_section_that_cannot_be_is_one_line(folder, qat, message):
    result = tune(folder, qat=qat, output="none.keras")
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output and not (folder / "none.keras").exists()


def test_a_network_is_not_tuned_into_its_own_file(folder):
    before = (folder / "m.keras").read_bytes()
    result = tune(folder, output="m.keras")
    assert result.exit_code == 2
    assert "give -o another name" in result.output
    assert (folder / "m.keras").read_bytes() == before


def test_a_network_of_another_file_is_one_line(folder):
    wider = NETWORK.replace("head_width = 8", "head_width = 16")
    (folder / "wider.toml").write_text(f"{wider}\n{DATA}\n{WHOLE}")
    result = invoke(
        folder / "wider.toml", "--data", folder / "data", "-o", folder / "w.keras",
        "--qat", folder / "m.keras",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "has other layers than the training file says" in result.output
    assert not (folder / "w.keras").exists()
    (folder / "text.keras").write_text("no network")
    result = tune(folder, "--qat", folder / "text.keras", output="w.keras")
    assert result.exit_code == 2 and "is no Keras model" in result.output


def test_a_report_alone_tunes_nothing(folder):
    result = tune(folder, "--report-only", output="m.keras")
    assert result.exit_code == 2
    assert "leave --resume, --tensorboard and --qat out" in result.output
