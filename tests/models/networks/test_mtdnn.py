"""The family's networks: counts, shapes, and what must hold for cutting them."""

import keras
import numpy as np
import pytest

from edge.tasks import Task, kind_of
from edge_common.errors import ConfigError, ModelError
from edge_models.datasets.dataset import classification, regression
from edge_models.networks.backbones import build_backbone
from edge_models.networks.mtdnn import MTDNNConfig, build_mtdnn, mtdnn_face, mtdnn_lite, mtdnn_swim


@pytest.fixture(scope="module")
def lite():
    return build_mtdnn(mtdnn_lite(weights=None))


def counts(model):
    backbone = model.get_layer("backbone").layer.count_params()
    return backbone, model.count_params() - backbone


def test_swim_has_the_thesis_parameters():
    swim = build_mtdnn(mtdnn_swim())
    assert counts(swim) == (7_932_623, 3_260_397)
    assert swim.input_shape == (None, 15, 100, 100, 3)
    assert {name: out.shape for name, out in swim.output.items()} == {
        "reid": (None, 4),
        "action": (None, 4),
    }


def test_face_is_the_same_network_with_other_heads():
    face = build_mtdnn(mtdnn_face())
    assert counts(face) == (7_932_623, 2_728_941)
    assert face.input_shape == (None, 1, 198, 198, 3)
    widths = {name: out.shape[-1] for name, out in face.output.items()}
    assert widths == {"age": 1, "race": 5, "gender": 2}
    assert face.get_layer("backbone").output.shape == (None, 1, 7, 7, 384)


def test_lite_is_small(lite):
    assert counts(lite) == (2_998_304, 608_993)
    assert lite.get_layer("backbone").output.shape == (None, 15, 4, 4, 320)


def test_outputs_bear_the_tasks_names(lite):
    assert set(lite.output) == {"reid", "action"}
    assert lite.get_layer("action").output.shape == (None, 8)


def test_no_layer_name_begins_with_an_underscore(lite):
    names = [layer.name for layer in lite.layers + lite.get_layer("backbone").layer.layers]
    assert not [name for name in names if name.startswith("_")]


def test_all_before_the_temporal_block_stands_in_time_distributed(lite):
    distributed = [x.name for x in lite.layers if isinstance(x, keras.layers.TimeDistributed)]
    assert distributed == ["backbone", "frame_grid", "frame_summary"]


def tiny(**changes):
    settings = {
        "tasks": (classification("who", ("a", "b", "c")), regression("age", "years", 116.0)),
        "window": 3, "size": 32, "spatial_width": 8, "temporal_width": 4,
        "attention_width": 4, "head_width": 8,
    }  # fmt: skip
    return build_mtdnn(MTDNNConfig(**settings | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"backbone": "small-conv", "temporal_pool": "grid", "temporal_centre": True},
        {"backbone": "small-conv", "window": 1},
        {
            "backbone": "small-conv", "temporal_kind": "aligned", "temporal_centre": True,
            "spatial_width": 0,
        },
    ],
)  # fmt: skip
def test_a_saved_network_answers_the_same_without_custom_objects(tmp_path, changes):
    model = tiny(**changes)
    frames = np.random.default_rng(0).uniform(0, 255, (2, *model.input_shape[1:])).astype("f4")
    model.save(tmp_path / "tiny.keras")
    answers = keras.saving.load_model(tmp_path / "tiny.keras", compile=False)(frames)
    for task, expected in model(frames).items():
        assert answers[task].numpy() == pytest.approx(expected.numpy(), abs=1e-6)


def test_a_window_may_be_any_grouping_of_the_same_frames():
    """The backbone's map of a frame does not depend on the frame's neighbours."""
    model = tiny(weights="imagenet")
    encoder = keras.Model(model.input, model.get_layer("backbone").output)
    frames = np.random.default_rng(0).uniform(0, 255, (1, 3, 32, 32, 3)).astype("f4")
    forward, backward = encoder(frames).numpy(), encoder(frames[:, ::-1]).numpy()
    assert backward[:, ::-1] == pytest.approx(forward, abs=1e-4)


def test_aligned_features_of_each_frame_have_a_place_of_their_own():
    """What changes in the last frame is not seen by what convolutions make of the first."""
    keras.utils.set_random_seed(1)
    model = tiny(temporal_kind="aligned", temporal_width=64, window=4, backbone="small-conv")
    block = keras.Model(model.input, model.get_layer("temporal_flat").output)
    frames = np.random.default_rng(0).uniform(0, 255, (1, 4, 32, 32, 3)).astype("f4")
    other = frames.copy()
    other[:, -1] = 255 - other[:, -1]
    before, after = (block(x).numpy().reshape(4, -1) for x in (frames, other))
    assert before.shape == (4, 32)
    assert before[:2] == pytest.approx(after[:2]) and not np.allclose(before[2:], after[2:], atol=0)


def test_without_a_spatial_block_a_window_s_mean_says_nothing():
    model = tiny(spatial_width=0, temporal_centre=True, backbone="small-conv")
    still = np.random.default_rng(0).uniform(0, 255, (2, 1, 32, 32, 3)).repeat(3, axis=1)
    answers = model(still.astype("f4"))["who"].numpy()
    assert answers[0] == pytest.approx(answers[1], abs=1e-6)
    assert not [layer.name for layer in model.layers if layer.name.startswith("spatial")]


def test_attention_weighs_each_moment_as_bahdanau_does():
    """Against the formula, written out in numpy."""
    model = tiny()
    names = ("query", "key", "score")
    layers = {name: model.get_layer(f"temporal_attention_{name}") for name in names}
    random = np.random.default_rng(0)
    for layer in layers.values():
        layer.set_weights([random.normal(size=w.shape) for w in layer.get_weights()])
    block = keras.Model(
        model.get_layer("temporal_lstm").output, model.get_layer("temporal_attention").output
    )
    x = random.normal(size=(1, 3, 4)).astype("f4")
    (w_t, b_h), (w_x,), (w_a, b_a) = (layers[name].get_weights() for name in names)
    pairs = np.tanh((x[0] @ w_t + b_h)[:, None] + (x[0] @ w_x)[None])
    score = 1 / (1 + np.exp(-(pairs @ w_a + b_a)[..., 0]))
    weight = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    assert block(x)[0].numpy() == pytest.approx(weight @ x[0], abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "activation", "loss", "width"),
    [
        ("classification", "softmax", "sparse_categorical_crossentropy", 2),
        ("binary", "sigmoid", "binary_crossentropy", 1),
        ("regression", "linear", "mse", 1),
    ],
)
def test_a_task_knows_its_output_and_its_loss(kind, activation, loss, width):
    found = kind_of(Task("t", kind, ("no", "yes")))
    assert (found.activation, found.loss, found.width) == (activation, loss, width)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "resnet"}, "no backbone is called 'resnet': choose efficientnet-b3 or"),
        ({"weights": "noisy"}, "weights 'noisy' are unknown"),
        ({"temporal_pool": "max"}, "temporal_pool is 'max': it must be global or grid"),
        ({"temporal_kind": "gru"}, "temporal_kind is 'gru': it must be recurrent or aligned"),
        ({"spatial_width": -1}, "spatial_width is -1: it must be 0 or more"),
        ({"spatial_activation": "swish"}, "it must be linear or relu or relu6"),
        ({"head_dropout": 1.0}, "head_dropout is 1.0: it must be from 0 to below 1"),
        ({"window": 0}, "window is 0: it must be 1 or more"),
        ({"size": 16}, "a frame needs 32 pixels"),
        ({"tasks": ()}, "the network has no task"),
    ],
)
def test_a_wrong_configuration_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        tiny(**changes)


def test_b3_has_no_imagenet_weights():
    with pytest.raises(ModelError, match="no package holds ImageNet weights of efficientnet-b3"):
        build_backbone("efficientnet-b3", 64, "imagenet")
