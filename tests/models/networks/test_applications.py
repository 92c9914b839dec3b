"""Networks of keras.applications as backbones."""

import numpy as np
import pytest
from keras.applications import mobilenet_v2, resnet, resnet_v2

from edge_common.errors import ConfigError, ModelError
from edge_models.networks.backbones import applications, build_backbone, keras_application


@pytest.mark.parametrize("name", ["MobileNetV2", "mobilenetv2", "mobilenet-v2"])
def test_a_name_may_be_spelt_in_any_way(name):
    backbone = build_backbone(name, 64)
    assert backbone.input_shape == (None, 64, 64, 3)
    assert backbone.output_shape == (None, 2, 2, 1280)


def test_the_layers_are_not_nested():
    assert build_backbone("MobileNetV2", 64).get_layer("block_16_project").weights


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("MobileNetV2", mobilenet_v2.preprocess_input),
        ("ResNet50", resnet.preprocess_input),
        ("ResNet50V2", resnet_v2.preprocess_input),
    ],
)
def test_pictures_are_scaled_as_the_network_was_trained(name, reference):
    import keras

    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("f4")
    backbone = build_backbone(name, 64)
    scaled = keras.Model(backbone.input, backbone.get_layer("scale").output)(pixels)
    assert scaled.numpy() == pytest.approx(reference(pixels.copy()), abs=1e-3)


def test_dense_net_is_standardised_channel_by_channel():
    import keras
    from keras.applications import densenet

    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("f4")
    backbone = build_backbone("DenseNet121", 64)
    scaled = keras.Model(backbone.input, backbone.get_layer("scale").output)(pixels)
    assert scaled.numpy() == pytest.approx(densenet.preprocess_input(pixels.copy()), abs=1e-3)


def test_there_are_many():
    assert {"VGG16", "EfficientNetV2B0", "MobileNetV3Small", "Xception"} <= set(applications())


def test_weights_come_from_a_file_and_never_from_the_net(tmp_path):
    import keras

    source = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(64, 64, 3)
    )
    source.save_weights(tmp_path / "own.weights.h5")
    backbone = build_backbone("MobileNetV2", 64, str(tmp_path / "own.weights.h5"))
    for own, read in zip(source.get_weights(), backbone.get_weights(), strict=True):
        assert np.array_equal(own, read)
    with pytest.raises(ModelError, match="nothing is downloaded"):
        build_backbone("MobileNetV2", 64, "imagenet")


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "x.weights.h5").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="holds no weights of MobileNetV2"):
        build_backbone("MobileNetV2", 64, str(tmp_path / "x.weights.h5"))


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("resnet51", 64, r"no backbone is called 'resnet51'.*nearest: ResNet\d+"),
        ("Xception", 32, "Xception does not take 32 x 32 pixels"),
    ],
)
def test_what_cannot_be_built_is_named(name, size, message):
    with pytest.raises(ConfigError, match=message):
        keras_application(name, size)
