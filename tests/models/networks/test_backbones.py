"""ImageNet weights in the backbone."""

import keras
import numpy as np
import pytest

from edge_common.errors import ClipError, ConfigError, ModelError
from edge_models.datasets.orl import package_file
from edge_models.networks import efficientnet_lite0
from edge_models.networks.backbones import LUMA, build_backbone, see_luminance_only
from edge_models.networks.efficientnet_lite0 import LITE0_WEIGHTS
from edge_models.networks.torch_weights import read_state_dict


@pytest.fixture(scope="module")
def state():
    try:
        return read_state_dict(package_file(*LITE0_WEIGHTS))
    except ClipError as error:
        pytest.skip(f"the ImageNet weights are not installed: {error}")


@pytest.fixture(scope="module")
def lite0(state):
    return build_backbone("efficientnet-lite0", 100, "imagenet")


def test_the_package_holds_the_published_parameters(state):
    learnt = {n: a for n, a in state.items() if "running" not in n and "num_batches" not in n}
    assert sum(array.size for array in learnt.values()) == 4_652_008


@pytest.mark.parametrize(
    ("layer", "key", "order"),
    [
        ("stem_conv", "_conv_stem", (2, 3, 1, 0)),
        ("b3_depthwise_conv", "_blocks.3._depthwise_conv", (2, 3, 0, 1)),
        ("b15_project_conv", "_blocks.15._project_conv", (2, 3, 1, 0)),
    ],
)
def test_kernels_are_transposed_to_keras_order(lite0, state, layer, key, order):
    (kernel,) = lite0.get_layer(layer).get_weights()
    assert np.array_equal(kernel, state[f"{key}.weight"].transpose(order))


def test_batch_norm_takes_its_four_arrays(lite0, state):
    _gamma, _beta, mean, variance = lite0.get_layer("b7_bn1").get_weights()
    assert np.array_equal(mean, state["_blocks.7._bn1.running_mean"])
    assert np.array_equal(variance, state["_blocks.7._bn1.running_var"])


def test_all_weights_are_the_packages(lite0):
    untouched = build_backbone("efficientnet-lite0", 100)
    for trained, random in zip(lite0.weights, untouched.weights, strict=True):
        assert not np.array_equal(trained, random), trained.path


def test_the_backbone_scales_its_own_input(lite0):
    grey = np.full((1, 100, 100, 3), 127.0, "f4")
    assert lite0.get_layer("scale")(grey).numpy() == pytest.approx(0.0)
    assert lite0.get_layer("scale")(grey + 128).numpy() == pytest.approx(1.0)


def test_luminance_only_changes_nothing_for_grey_and_ignores_a_tint(state):
    colour = build_backbone("efficientnet-lite0", 64, "imagenet")
    grey = build_backbone("efficientnet-lite0", 64, "imagenet")
    see_luminance_only(grey)
    level = np.random.default_rng(0).uniform(10, 245, (1, 64, 64, 1)).astype("f4")
    plain = np.repeat(level, 3, axis=-1)
    assert grey(plain).numpy() == pytest.approx(colour(plain).numpy(), abs=2e-3)
    tint = np.array([1.0, -0.299 / 0.587, 0.0], "f4") * 8  # luminance 0
    assert grey(plain + tint).numpy() == pytest.approx(grey(plain).numpy(), abs=2e-3)
    assert np.abs(colour(plain + tint) - colour(plain)).max() > 0.1


def test_what_sees_luminance_only_is_trained_to_see_no_more(tmp_path):
    backbone = build_backbone("efficientnet-lite0", 32, end="b0_bn2", width=0.5)
    see_luminance_only(backbone)
    before = backbone.get_layer("stem_conv").kernel.numpy()
    frames = keras.Input((2, 32, 32, 3))
    model = keras.Model(frames, keras.layers.TimeDistributed(backbone)(frames))
    tinted = np.random.default_rng(0).uniform(0, 255, (1, 2, 32, 32, 3)).astype("f4")
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    model.fit(tinted, np.ones((1, *model.output_shape[1:])), verbose=0)
    assert np.abs(backbone.get_layer("stem_conv").kernel - before).max() > 1e-3
    model.save(tmp_path / "grey.keras")
    saved = keras.saving.load_model(tmp_path / "grey.keras", compile=False)
    grey = np.repeat((tinted @ LUMA)[..., None], 3, axis=-1)
    expected = model(grey).numpy()
    assert saved(tinted).numpy() == pytest.approx(expected, abs=1e-5 * float(np.ptp(expected)))


def test_small_conv_is_as_wide_as_asked_for_and_sees_luminance():
    network = build_backbone("small-conv", 32, width=1.5)
    assert network.output_shape == (None, 4, 4, 72)
    assert build_backbone("small-conv", 40).count_params() == 20_016
    see_luminance_only(network)
    tint = np.array([1.0, -0.299 / 0.587, 0.0], "f4") * 8
    plain = np.full((1, 32, 32, 3), 90, "f4")
    assert network(plain + tint).numpy() == pytest.approx(network(plain).numpy(), abs=1e-4)
    with pytest.raises(ModelError, match="no package holds weights of small-conv"):
        build_backbone("small-conv", 32, "imagenet")


def test_luminance_only_needs_channels_scaled_alike():
    with pytest.raises(ConfigError, match="use efficientnet-lite0"):
        see_luminance_only(build_backbone("efficientnet-b3", 64))


@pytest.mark.parametrize(
    ("end", "width", "shape"),
    [
        ("b2_add", 1.0, (None, 8, 8, 24)),
        ("b3_bn2", 0.5, (None, 4, 4, 24)),  # 20, to the next 8
        ("b5_project_conv", 0.5, (None, 2, 2, 40)),
    ],
)
def test_a_backbone_ends_and_is_as_wide_as_asked_for(end, width, shape):
    network = build_backbone("efficientnet-lite0", 32, end=end, width=width)
    assert network.output_shape == shape
    assert network.layers[-1].name == end
    assert network.get_layer("stem_conv").filters == 32 * width


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"end": "b2_ad"}, "network.backbone_end is 'b2_ad', which efficientnet_lite0 has not"),
        ({"weights": "imagenet", "width": 0.5}, "backbone_width is 0.5: only efficientnet-lite0"),
        ({"width": 5.0}, "above 0 and up to 4"),
    ],
)
def test_an_end_or_a_width_that_is_none_is_refused(asked, message):
    with pytest.raises(ConfigError, match=message):
        build_backbone("efficientnet-lite0", 32, **asked)


def test_weights_that_do_not_fit_are_refused(monkeypatch, state):
    monkeypatch.setattr(
        efficientnet_lite0, "read_state_dict", lambda path: {"_conv_stem.weight": 0}
    )
    with pytest.raises(ModelError, match="the weights of stem_conv do not fit"):
        build_backbone("efficientnet-lite0", 100, "imagenet")
