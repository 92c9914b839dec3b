"""The networks of the UTKFace table: their size, their answers, what makes each what it is."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from edge_common.errors import ConfigError
from edge_models.networks.comparison.__main__ import main
from edge_models.networks.comparison.catalogue import (
    DESCRIPTION,
    ROWS,
    ComparisonNetwork,
    export_network,
    networks_of,
    pieces_of,
)
from edge_models.networks.comparison.light import coral
from edge_models.networks.comparison.shared_trunks import cross_stitch, filter_groups

NETWORKS = {network.name: network for networks in ROWS.values() for network in networks}
PARAMETERS = {
    "resnet50_bins": 28_398_764,
    "resnet34_coral": 21_302_247,
    "vgg11_age": 128_770_433,
    "vgg11_gender": 128_774_530,
    "vgg11_cross_stitch": 257_544_991,
    "vgg11_filter_groups": 80_492_931,
    "mobilenet_v2": 2_389_927,
    "resnet100_arcface": 65_328_906,
    "vgg16_dex_age": 134_674_341,
    "vgg16_dex_gender": 134_268_738,
    "inception_resnet_v1": 22_809_176,
    "mobilenet_v1_mtllnn": 3_337_514,
    "mtdnn_face": 10_661_564,
}
ANSWERS: dict[str, dict[str, tuple[int, ...]]] = {
    "resnet50_bins": {"age": (30, 10)},
    "resnet34_coral": {"age": (39,)},
    "vgg11_age": {"age": (1,)},
    "vgg11_gender": {"gender": (2,)},
    "vgg11_cross_stitch": {"age": (1,), "gender": (2,)},
    "vgg11_filter_groups": {"age": (1,), "gender": (2,)},
    "mobilenet_v2": {"age": (101,), "gender": (2,)},
    "resnet100_arcface": {"age": (100, 2), "gender": (2,)},
    "vgg16_dex_age": {"age": (101,)},
    "vgg16_dex_gender": {"gender": (2,)},
    "inception_resnet_v1": {"age": (1,), "gender": (2,), "race": (5,)},
    "mobilenet_v1_mtllnn": {"age": (100,), "gender": (1,), "race": (5,)},
    "mtdnn_face": {"age": (1,), "gender": (2,), "race": (5,)},
}
_SMALLEST = {"inception_resnet_v1": 80}


@pytest.mark.parametrize("name", PARAMETERS)
def test_full_size_parameters_and_answers(name: str) -> None:
    network = NETWORKS[name]
    with tf.Graph().as_default():  # variables are described there, not allocated
        model = network.build(network.size, 1.0)
        assert model.count_params() == PARAMETERS[name]
        assert {k: tuple(v.shape[1:]) for k, v in model.output.items()} == ANSWERS[name]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_narrow_one_answers(name: str) -> None:
    size = _SMALLEST.get(name, 32)
    model = NETWORKS[name].build(size, 0.05)
    shape = (2, *model.input_shape[1:-3], size, size, 3)
    answers = answers_of(model, np.full(shape, 100.0, np.float32))
    for task, answer in answers.items():
        assert answer.shape == (2, *ANSWERS[name][task])
        if answer.shape[-1] in (2, 5, 10, 100, 101):
            np.testing.assert_allclose(answer.sum(-1), 1.0, rtol=1e-4)


def answers_of(model: keras.Model, frames: np.ndarray) -> dict[str, np.ndarray]:
    """By task; layer by layer, since `predict` would trace all of them first."""
    return {task: answer.numpy() for task, answer in model(frames, training=False).items()}


def test_every_row_has_a_network_of_its_own() -> None:
    assert set(NETWORKS) == set(PARAMETERS)
    with pytest.raises(ConfigError, match="no row is called 'vgg'"):
        networks_of("vgg")


def test_coral_ranks_cannot_contradict_each_other() -> None:
    model = coral(32, 0.05)
    biases = np.linspace(3, -3, 39).astype(np.float32)
    model.get_layer("ranks").set_weights([biases])
    frames = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    older = answers_of(model, frames)["age"]
    assert (np.diff(older, axis=1) < 0).all()


def test_filters_of_one_task_do_not_reach_the_other() -> None:
    model = filter_groups(32, 0.05)
    frames = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    before = answers_of(model, frames)
    _silence(model, "age_")
    after = answers_of(model, frames)
    np.testing.assert_array_equal(before["gender"], after["gender"])
    assert (before["age"] != after["age"]).any()
    _silence(model, "shared_")
    assert (answers_of(model, frames)["gender"] != before["gender"]).any()


def test_stitches_mix_both_networks_until_they_are_undone() -> None:
    model = cross_stitch(32, 0.05)
    frames = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    stitches = [layer for layer in model.layers if layer.name.startswith("stitch")]
    assert len(stitches) == 7
    mixed = answers_of(model, frames)["age"]
    for stitch in stitches:
        np.testing.assert_allclose(stitch.get_weights()[0], [[0.9, 0.1], [0.1, 0.9]])
        stitch.set_weights([np.eye(2, dtype=np.float32)])
    alone = answers_of(model, frames)["age"]
    assert (mixed != alone).any()
    _silence(model, "gender_")
    np.testing.assert_array_equal(answers_of(model, frames)["age"], alone)


def test_pieces_in_turn_are_the_whole_network() -> None:
    model = cross_stitch(32, 0.05)
    known = {"frame": np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)}
    for names, piece in pieces_of(model, NETWORKS["vgg11_cross_stitch"].pieces):
        known |= piece([known[name] for name in names], training=False)
    whole = model(known["frame"], training=False)
    for task, answer in whole.items():
        np.testing.assert_allclose(known[task], answer, rtol=1e-5)


def _mean_colour(size: int, width: float) -> keras.Model:
    frame = keras.Input((size, size, 3), name="frame")
    age = keras.layers.Dense(1, name="age")(keras.layers.GlobalAveragePooling2D()(frame))
    return keras.Model(frame, {"age": age})


def test_an_export_says_what_it_holds(tmp_path: Path) -> None:
    small = ComparisonNetwork("small", 32, _mean_colour)
    export_network(small, tmp_path, 0.05, networks=2)
    content = json.loads((tmp_path / DESCRIPTION).read_text())
    assert content["pieces"] == [{"folder": "piece0", "inputs": {"frame": [1, 32, 32, 3]}}]
    assert content["networks"] == 2
    assert (tmp_path / "piece0" / "saved_model.pb").exists()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["corall", "x"], "no row is called 'corall'"),
        (["coral", "x", "--network", "1"], "coral has 1 networks"),
    ],
)
def test_bad_calls_are_one_line(
    cli: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli.invoke(main, arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def _silence(model: keras.Model, beginning: str) -> None:
    """All weights of layers whose name begins so become zero."""
    for layer in model.layers:
        if layer.name.startswith(beginning):
            layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
