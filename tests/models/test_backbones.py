"""ImageNet weights in the backbone."""

import numpy as np
import pytest

from edge.errors import ClipError, ConfigError, ModelError
from models import backbones
from models.backbones import LITE0_WEIGHTS, build_backbone, see_luminance_only
from models.datasets.packages import package_file
from models.torch_weights import read_state_dict


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


def test_luminance_only_needs_channels_scaled_alike():
    with pytest.raises(ConfigError, match="use efficientnet-lite0"):
        see_luminance_only(build_backbone("efficientnet-b3", 64))


def test_weights_that_do_not_fit_are_refused(monkeypatch, state):
    monkeypatch.setattr(backbones, "read_state_dict", lambda path: {"_conv_stem.weight": 0})
    with pytest.raises(ModelError, match="the weights of stem_conv do not fit"):
        build_backbone("efficientnet-lite0", 100, "imagenet")
